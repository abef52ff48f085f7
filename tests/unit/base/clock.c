/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/base/tests.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"

static void set_zone(const char *tz)
{
    setenv("TZ", tz, 1);
    tzset();
}

static int zone_utc(void **state)
{
    (void)state;
    set_zone("UTC");
    return 0;
}

static void assert_prints(int64_t unix_ms, const char *want)
{
    struct mn_buf buf;

    mn_buf_init(&buf, 100);
    assert_int_equal(mn_date_print(&buf, unix_ms), MN_OK);
    assert_int_equal(mn_buf_add_char(&buf, '\0'), MN_OK);
    assert_string_equal(buf.p, want);
    mn_buf_deinit(&buf);
}

/* The one instant that the text means. */
static enum mn_err instant_of(const char *text, int64_t *ret)
{
    struct mn_date date;
    int64_t at[MN_DATE_INSTANTS];
    enum mn_err err = mn_date_parse(mn_str_c(text), &date);

    if (err != MN_OK)
        return err;
    assert_int_equal(mn_date_instants(&date, at), 1);
    assert_true(mn_date_is(&date, at[0]));
    assert_false(mn_date_is(&date, at[0] - 1));
    *ret = at[0];
    return MN_OK;
}

static void clocks_advance(void **state)
{
    uint64_t ns = mn_mono_ns(), ms = mn_mono_ms();

    (void)state;
    assert_true(mn_mono_ns() >= ns);
    assert_true(ms >= ns / 1000000);
    assert_in_range((uint64_t)mn_unix_ms(), 1700000000000u, 253402300799999u);
}

static void prints_iso_without_trailing_zeros(void **state)
{
    (void)state;
    assert_prints(0, "1970-01-01T00:00:00");
    assert_prints(1769270167000, "2026-01-24T15:56:07");
    assert_prints(1769270167100, "2026-01-24T15:56:07.1");
    assert_prints(1769270167120, "2026-01-24T15:56:07.12");
    assert_prints(1769270167123, "2026-01-24T15:56:07.123");
    assert_prints(1769270167003, "2026-01-24T15:56:07.003");
    assert_prints(1769270167030, "2026-01-24T15:56:07.03");
    assert_prints(-1, "1969-12-31T23:59:59.999");
    assert_prints(253402300799999, "9999-12-31T23:59:59.999");
    assert_prints(INT64_MAX, "9999-12-31T23:59:59.999");
    assert_prints(INT64_MIN, "0000-01-01T00:00:00");
}

static void prints_and_parses_in_the_local_zone(void **state)
{
    int64_t ms;

    (void)state;
    set_zone("CST-8"); /* eight hours east, as in Shanghai */
    assert_prints(1769270167120, "2026-01-24T23:56:07.12");
    assert_int_equal(instant_of("2026-01-24T23:56:07.12", &ms), MN_OK);
    assert_int_equal(ms, 1769270167120);
    assert_int_equal(instant_of("2026-01-24T15:56:07.12Z", &ms), MN_OK);
    assert_int_equal(ms, 1769270167120);
    assert_prints(INT64_MAX, "9999-12-31T23:59:59.999");
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    assert_prints(1769270167000, "2026-01-24T16:56:07");
    assert_prints(1784908567000, "2026-07-24T17:56:07");
    assert_int_equal(instant_of("2026-07-24T17:56:07", &ms), MN_OK);
    assert_int_equal(ms, 1784908567000);
}

static void parses_what_is_a_date(void **state)
{
    static const struct {
        const char *text;
        int64_t unix_ms;
    } cases[] = {
        {"2026-01-24T15:56:07", 1769270167000},
        {"2026-01-24T15:56:07.", 1769270167000},
        {"2026-01-24T15:56:07.1", 1769270167100},
        {"2026-01-24T15:56:07.123456789", 1769270167123},
        {"2026-01-24t15:56:07.000999999z", 1769270167000},
        {"2026-01-24T15:56", 1769270160000},
        {"2026-01-24T15:56Z", 1769270160000},
        {"2026-01-24T23:56:07+08:00", 1769270167000},
        {"2026-01-24T10:26:07.5-05:30", 1769270167500},
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59.999Z", -1},
        {"1969-12-31T23:59:59", -1000},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"0000-01-01T00:00:00Z", INT64_C(-62167219200000)},
        {"9999-12-31T23:59:59.999", 253402300799999},
    };
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        if (instant_of(cases[i].text, &ms) != MN_OK)
            fail_msg("refused: %s", cases[i].text);
        assert_int_equal(ms, cases[i].unix_ms);
    }
}

static void refuses_what_is_none(void **state)
{
    static const char *const cases[] = {
        "",
        "2026",
        "2026-01-24",
        "2026-01-24T",
        "2026-01-24T15",
        "2026-01-24T15:5",
        "2026-01-24T15:56:",
        "2026-01-24T15:56:7",
        "2026-01-24T15:56:07.1234567890",
        "2026-01-24T15:56.5",
        "2026-1-24T15:56:07",
        "2026-00-24T15:56:07",
        "2026-13-24T15:56:07",
        "2026-01-00T15:56:07",
        "2026-01-32T15:56:07",
        "2026-02-29T15:56:07",
        "1900-02-29T15:56:07",
        "2026-04-31T15:56:07",
        "2026-01-24T24:00:00",
        "2026-01-24T15:60:07",
        "2026-01-24T15:56:60",
        "2026-01-24 15:56:07",
        " 2026-01-24T15:56:07",
        "2026-01-24T15:56:07 ",
        "2026-01-24T15:56:07ZZ",
        "2026-01-24T15:56:07+8:00",
        "2026-01-24T15:56:07+0800",
        "2026-01-24T15:56:07+08:60",
        "2026-01-24T15:56:07+18:01",
        "2026-01-24T15:56:07+08:00x",
        "+026-01-24T15:56:07",
        "-2026-01-24T15:56:07",
        "20260124T155607",
        "1769270167000",
    };
    struct mn_date date = {42, true};

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++)
        if (mn_date_parse(mn_str_c(cases[i]), &date) != MN_EINVAL)
            fail_msg("accepted: %s", cases[i]);
    assert_int_equal(date.ms, 42);
}

static void what_is_printed_parses_back(void **state)
{
    struct mn_rng rng;
    struct mn_buf buf;
    struct mn_date date;
    char utc[25];

    (void)state;
    mn_rng_seed(&rng, 1);
    mn_buf_init(&buf, 100);
    for (int i = 0; i < 20000; i++) {
        int64_t ms = (int64_t)mn_rng_below(&rng, 315569520000000) - 62167219200000;
        mn_buf_reset(&buf);
        assert_int_equal(mn_date_print(&buf, ms), MN_OK);
        assert_int_equal(mn_date_parse(mn_buf_str(&buf), &date), MN_OK);
        assert_false(date.zoned);
        assert_int_equal(date.ms, ms);
        assert_true(mn_date_is(&date, ms));
        /* Our own calendar against the C library's. */
        mn_date_print_utc(utc, ms);
        assert_memory_equal(buf.p, utc, 19);
        assert_int_equal(mn_date_parse(mn_str_c(utc), &date), MN_OK);
        assert_true(date.zoned);
        assert_int_equal(date.ms, ms);
    }
    mn_buf_deinit(&buf);
}

/* Where clocks were set back or forward: zone, local time, the instants that show it (or the end of the gap). */
static void local_times_around_changes(void **state)
{
    static const struct {
        const char *zone, *text;
        unsigned count;
        int64_t at[2];
    } cases[] = {
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T01:59:59.999", 1, {1792886399999}},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T02:00:00", 2, {1792886400000, 1792890000000}},
        {"CET-1CEST,M3.5.0,M10.5.0/3",
         "2026-10-25T02:59:59.999",
         2,
         {1792889999999, 1792893599999}},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T03:00:00", 1, {1792893600000}},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:59:59.999", 1, {1774745999999}},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T02:00:00", 0, {1774746000000}},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T02:59:59.999", 0, {1774746000000}},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T03:00:00", 1, {1774746000000}},
        {"America/New_York", "2026-11-01T01:30:00", 2, {1793511000000, 1793514600000}},
        {"Australia/Lord_Howe", "2026-04-05T01:45:00", 2, {1775313900000, 1775315700000}},
        {"Australia/Lord_Howe", "2026-10-04T02:15:00", 0, {1791041400000}},
        {"Europe/Dublin", "2026-10-25T01:30:00", 2, {1792888200000, 1792891800000}},
        {"Europe/Moscow", "2014-10-26T01:30:00", 2, {1414272600000, 1414276200000}},
        {"Pacific/Apia", "2011-12-30T12:00:00", 0, {1325239200000}},
        {"America/Caracas", "2007-12-09T02:45:00", 2, {1197182700000, 1197184500000}},
        {"FAR-24:59:59", "2026-01-01T00:00:00", 1, {1767135601000}},
        {"FAR24:59:59", "2026-01-01T00:00:00", 1, {1767315599000}},
    };

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        int64_t at[MN_DATE_INSTANTS];
        struct mn_date date;
        set_zone(cases[i].zone);
        assert_int_equal(mn_date_parse(mn_str_c(cases[i].text), &date), MN_OK);
        unsigned count = mn_date_instants(&date, at);
        if (count != cases[i].count || at[0] != cases[i].at[0] ||
            (count == 2 && at[1] != cases[i].at[1]))
            fail_msg("%s %s: %u, %lld %lld", cases[i].zone, cases[i].text, count, (long long)at[0],
                     count > 1 ? (long long)at[1] : 0);
        for (unsigned j = 0; j < count; j++) {
            assert_prints(at[j], cases[i].text);
            assert_true(mn_date_is(&date, at[j]));
        }
    }
}

static void prints_utc_for_logs(void **state)
{
    char text[25];

    (void)state;
    set_zone("CST-8");
    mn_date_print_utc(text, 1769270167120);
    assert_string_equal(text, "2026-01-24T15:56:07.120Z");
    mn_date_print_utc(text, INT64_MAX);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    mn_date_print_utc(text, INT64_MIN);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

int test_base_clock(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_advance),
        cmocka_unit_test_setup(prints_iso_without_trailing_zeros, zone_utc),
        cmocka_unit_test_setup_teardown(prints_and_parses_in_the_local_zone, NULL, zone_utc),
        cmocka_unit_test_setup(parses_what_is_a_date, zone_utc),
        cmocka_unit_test_setup(refuses_what_is_none, zone_utc),
        cmocka_unit_test_setup(what_is_printed_parses_back, zone_utc),
        cmocka_unit_test_setup_teardown(local_times_around_changes, NULL, zone_utc),
        cmocka_unit_test_setup_teardown(prints_utc_for_logs, NULL, zone_utc),
    };
    return cmocka_run_group_tests_name("base_clock", tests, NULL, NULL);
}
