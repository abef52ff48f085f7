/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tool/tests.h"

#include <string.h>

#include "tool/load/pace.h"

#define START UINT64_C(1000000)

static void init(struct load_pace *pace, enum opts_model model, enum opts_pairs pairs,
                 uint32_t senders, double interval_ns, struct mn_rng *rng)
{
    mn_rng_seed(rng, 42);
    load_pace_init(pace, model, pairs, senders, interval_ns, rng);
    assert_int_equal(load_pace_due(pace), UINT64_MAX);
    load_pace_start(pace, START);
}

static void spread_gives_each_sender_its_own_time(void **state)
{
    struct load_pace pace;
    struct mn_rng rng;
    uint32_t sender;
    uint64_t due;

    (void)state;
    init(&pace, OPTS_MODEL_SPREAD, OPTS_PAIRS_EVEN, 4, 1000, &rng);
    for (uint32_t i = 0; i < 12; i++) {
        assert_int_equal(load_pace_due(&pace), START + i * 250);
        assert_false(load_pace_take(&pace, START + i * 250 - 1, &sender, &due));
        assert_true(load_pace_take(&pace, START + 999999, &sender, &due));
        assert_int_equal(sender, i % 4);
        assert_int_equal(due, START + i * 250);
    }
    load_pace_deinit(&pace);
}

/* A thousand million slots later the schedule is where it should be: nothing adds up. */
static void times_do_not_drift(void **state)
{
    struct load_pace pace;
    struct mn_rng rng;

    (void)state;
    init(&pace, OPTS_MODEL_SPREAD, OPTS_PAIRS_EVEN, 3, 1e6, &rng);
    pace.slot = UINT64_C(3000000000);
    assert_int_equal(load_pace_due(&pace), START + UINT64_C(1000000000000000));
    load_pace_deinit(&pace);
}

static void burst_sends_all_at_once(void **state)
{
    struct load_pace pace;
    struct mn_rng rng;
    uint32_t sender;
    uint64_t due;

    (void)state;
    init(&pace, OPTS_MODEL_BURST, OPTS_PAIRS_EVEN, 3, 1000, &rng);
    for (uint32_t i = 0; i < 9; i++) {
        assert_true(load_pace_take(&pace, START + 5000, &sender, &due));
        assert_int_equal(sender, i % 3);
        assert_int_equal(due, START + i / 3 * 1000);
    }
    load_pace_deinit(&pace);
}

static void poisson_has_the_rate_and_all_senders(void **state)
{
    enum { SENDERS = 10, SLOTS = 20000 };
    struct load_pace pace;
    struct mn_rng rng;
    uint32_t count[SENDERS] = {0}, sender;
    uint64_t due = 0, last = START;

    (void)state;
    init(&pace, OPTS_MODEL_POISSON, OPTS_PAIRS_EVEN, SENDERS, 10000, &rng);
    for (int i = 0; i < SLOTS; i++) {
        assert_true(load_pace_take(&pace, UINT64_MAX - 1, &sender, &due));
        assert_true(due >= last);
        last = due;
        count[sender]++;
    }
    /* A gap of 1000 on average: 20,000 of them within 3 % (4 standard deviations). */
    assert_true(due - START > 19400000 && due - START < 20600000);
    for (int i = 0; i < SENDERS; i++)
        assert_true(count[i] > 1800 && count[i] < 2200);
    load_pace_deinit(&pace);
}

static void zipf_has_hot_conversations(void **state)
{
    enum { SENDERS = 100, SLOTS = 50000 };
    struct load_pace pace;
    struct mn_rng rng;
    uint32_t count[SENDERS] = {0}, sender;
    uint64_t due;

    (void)state;
    init(&pace, OPTS_MODEL_SPREAD, OPTS_PAIRS_ZIPF, SENDERS, 1000, &rng);
    for (int i = 0; i < SLOTS; i++) {
        assert_true(load_pace_take(&pace, UINT64_MAX - 1, &sender, &due));
        assert_true(sender < SENDERS);
        count[sender]++;
    }
    /* Shares 1/k over a sum of 5.19: 9,640 for the first, half of it for the second. */
    assert_true(count[0] > 9200 && count[0] < 10100);
    assert_true(count[1] > 4500 && count[1] < 5150);
    assert_true(count[99] > 40 && count[99] < 160);
    load_pace_deinit(&pace);
}

static void without_senders_nothing_is_due(void **state)
{
    struct load_pace pace;
    struct mn_rng rng;
    uint32_t sender;
    uint64_t due;

    (void)state;
    init(&pace, OPTS_MODEL_POISSON, OPTS_PAIRS_ZIPF, 0, 1000, &rng);
    assert_int_equal(load_pace_due(&pace), UINT64_MAX);
    assert_false(load_pace_take(&pace, UINT64_MAX - 1, &sender, &due));
    load_pace_deinit(&pace);
}

int test_tool_pace(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spread_gives_each_sender_its_own_time),
        cmocka_unit_test(times_do_not_drift),
        cmocka_unit_test(burst_sends_all_at_once),
        cmocka_unit_test(poisson_has_the_rate_and_all_senders),
        cmocka_unit_test(zipf_has_hot_conversations),
        cmocka_unit_test(without_senders_nothing_is_due),
    };
    return cmocka_run_group_tests_name("tool pace", tests, NULL, NULL);
}
