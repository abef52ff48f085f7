/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clocks, and the date-time texts of H-3.2.  Calendar
 * arithmetic in UTC is our own (no lock, no locale); the local zone is the C
 * library's, which knows daylight saving.  Stateless, any thread, as long as
 * nobody calls setenv("TZ") beside it.
 */
#include "base/clock.h"

#include <time.h>

enum { MS_PER_S = 1000, S_PER_DAY = 86400 };

/* What fits the four digits of a year; times beyond are printed as these ("forever"). */
static const int64_t year_0_s = INT64_C(-62167219200), year_9999_end_s = INT64_C(253402300799);

struct civil {
    int year, month, day, hour, minute, second;
};

uint64_t mn_mono_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t mn_mono_ms(void) { return mn_mono_ns() / 1000000u; }

int64_t mn_unix_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * MS_PER_S + ts.tv_nsec / 1000000;
}

/* Days since 1970-01-01 of a proleptic Gregorian date; years begin in March inside. */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* Seconds since the epoch of a time in UTC. */
static int64_t unix_s_of(const struct civil *c)
{
    return days_from_civil(c->year, c->month, c->day) * S_PER_DAY + c->hour * 3600 +
           c->minute * 60 + c->second;
}

/* The inverse. */
static struct civil civil_from_unix_s(int64_t s)
{
    int64_t days = (s >= 0 ? s : s - (S_PER_DAY - 1)) / S_PER_DAY;
    int rest = (int)(s - days * S_PER_DAY);
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int doy = (int)(doe - (365 * yoe + yoe / 4 - yoe / 100));
    int mp = (5 * doy + 2) / 153;
    int month = mp < 10 ? mp + 3 : mp - 9;

    return (struct civil){.year = (int)(yoe + era * 400) + (month <= 2),
                          .month = month,
                          .day = doy - (153 * mp + 2) / 5 + 1,
                          .hour = rest / 3600,
                          .minute = rest / 60 % 60,
                          .second = rest % 60};
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static void put2(char *p, int v)
{
    p[0] = (char)('0' + v / 10);
    p[1] = (char)('0' + v % 10);
}

/* 2026-01-24T15:56:07, 19 bytes. */
static void put_civil(char *p, const struct civil *c)
{
    put2(p, c->year / 100);
    put2(p + 2, c->year % 100);
    p[4] = p[7] = '-';
    put2(p + 5, c->month);
    put2(p + 8, c->day);
    p[10] = 'T';
    put2(p + 11, c->hour);
    p[13] = p[16] = ':';
    put2(p + 14, c->minute);
    put2(p + 17, c->second);
}

/* Whole seconds, rounded down; the milliseconds left go to *ret_ms. */
static int64_t floor_s(int64_t ms, int *ret_ms)
{
    int64_t s = ms / MS_PER_S;

    *ret_ms = (int)(ms % MS_PER_S);
    if (*ret_ms < 0) {
        *ret_ms += MS_PER_S;
        s--;
    }
    return s;
}

/* The same, clamped to what prints. */
static int64_t split_ms(int64_t unix_ms, int *ret_ms)
{
    int64_t s = floor_s(unix_ms, ret_ms);

    if (s > year_9999_end_s) {
        *ret_ms = 999;
        return year_9999_end_s;
    }
    if (s < year_0_s) {
        *ret_ms = 0;
        return year_0_s;
    }
    return s;
}

/* What clocks show; the zone may carry clamped ends across a year's border, which cuts them. */
static bool local_civil(int64_t unix_s, struct civil *ret)
{
    time_t s = (time_t)unix_s;
    struct tm tm;

    if (!localtime_r(&s, &tm))
        return false;
    *ret = (struct civil){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                          tm.tm_hour,        tm.tm_min,     tm.tm_sec > 59 ? 59 : tm.tm_sec};
    if (ret->year > 9999)
        *ret = (struct civil){9999, 12, 31, 23, 59, 59};
    else if (ret->year < 0)
        *ret = (struct civil){0, 1, 1, 0, 0, 0};
    return true;
}

enum mn_err mn_date_print(struct mn_buf *buf, int64_t unix_ms)
{
    char text[24];
    size_t n = 19;
    int ms;
    struct civil c;

    if (!local_civil(split_ms(unix_ms, &ms), &c))
        return MN_EINVAL;
    put_civil(text, &c);
    if (ms) {
        text[n++] = '.';
        text[n] = (char)('0' + ms / 100);
        put2(text + n + 1, ms % 100);
        n += ms % 100 == 0 ? 1 : ms % 10 == 0 ? 2 : 3;
    }
    return mn_buf_add(buf, text, n);
}

void mn_date_print_utc(char p[25], int64_t unix_ms)
{
    int ms;
    struct civil c = civil_from_unix_s(split_ms(unix_ms, &ms));

    put_civil(p, &c);
    p[19] = '.';
    p[20] = (char)('0' + ms / 100);
    put2(p + 21, ms % 100);
    p[23] = 'Z';
    p[24] = '\0';
}

/* Takes exactly `count` digits off the front. */
static bool take_int(struct mn_str *s, size_t count, int *ret)
{
    int v = 0;

    if (s->n < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        unsigned d = (unsigned)(unsigned char)s->p[i] - '0';
        if (d > 9)
            return false;
        v = v * 10 + (int)d;
    }
    s->p += count;
    s->n -= count;
    *ret = v;
    return true;
}

static bool take_char(struct mn_str *s, char c)
{
    if (s->n == 0 || (s->p[0] != c && (c < 'A' || s->p[0] != (c | 0x20))))
        return false;
    s->p++;
    s->n--;
    return true;
}

/* `.` and 0 to 9 digits; digits beyond the millisecond are cut off. */
static bool take_fraction(struct mn_str *s, int *ret_ms)
{
    int ms = 0, weight = 100;
    size_t count = 0;

    for (; s->n > 0 && (unsigned char)(s->p[0] - '0') <= 9; count++) {
        ms += (s->p[0] - '0') * weight;
        weight /= 10;
        s->p++;
        s->n--;
    }
    *ret_ms = ms;
    return count <= 9;
}

static bool take_civil(struct mn_str *s, struct civil *c, int *ret_ms)
{
    if (!take_int(s, 4, &c->year) || !take_char(s, '-') || !take_int(s, 2, &c->month) ||
        !take_char(s, '-') || !take_int(s, 2, &c->day) || !take_char(s, 'T') ||
        !take_int(s, 2, &c->hour) || !take_char(s, ':') || !take_int(s, 2, &c->minute))
        return false;
    if (take_char(s, ':') &&
        (!take_int(s, 2, &c->second) || (take_char(s, '.') && !take_fraction(s, ret_ms))))
        return false;
    return c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= days_in_month(c->year, c->month) && c->hour <= 23 && c->minute <= 59 &&
           c->second <= 59;
}

/* Z or +hh:mm (at most 18 hours, as in Java); the rest of the text must be just that. */
static bool take_offset(struct mn_str *s, int *ret_s)
{
    int hours, minutes, sign;

    if (take_char(s, 'Z')) {
        *ret_s = 0;
        return s->n == 0;
    }
    if (take_char(s, '+'))
        sign = 1;
    else if (take_char(s, '-'))
        sign = -1;
    else
        return false;
    if (!take_int(s, 2, &hours) || !take_char(s, ':') || !take_int(s, 2, &minutes) || s->n)
        return false;
    *ret_s = sign * (hours * 3600 + minutes * 60);
    return minutes <= 59 && hours * 60 + minutes <= 18 * 60;
}

enum mn_err mn_date_parse(struct mn_str s, struct mn_date *ret)
{
    struct civil c = {0};
    int ms = 0, offset_s = 0;
    bool zoned;

    if (!take_civil(&s, &c, &ms))
        return MN_EINVAL;
    zoned = s.n > 0;
    if (zoned && !take_offset(&s, &offset_s))
        return MN_EINVAL;
    *ret = (struct mn_date){(unix_s_of(&c) - offset_s) * MS_PER_S + ms, zoned};
    return MN_OK;
}

/* ---- which instants a local time means --------------------------------------- */

/*
 * No zone was ever further than 16 hours from UTC, and a POSIX rule may say
 * 25.  A regime of less than 15 minutes is not seen from its outside.
 */
enum { FARTHEST_S = 26 * 3600, PROBE_S = 900, OFFSETS_MAX = 8 };

/* What clocks show, less UTC, in seconds. */
static int64_t offset_at(int64_t unix_s)
{
    struct civil c;

    return local_civil(unix_s, &c) ? unix_s_of(&c) - unix_s : 0;
}

bool mn_date_is(const struct mn_date *date, int64_t unix_ms)
{
    int ms;
    int64_t s;

    if (date->zoned)
        return date->ms == unix_ms;
    s = split_ms(unix_ms, &ms);
    return (s + offset_at(s)) * MS_PER_S + ms == date->ms;
}

/* The first second that shows more than shown_s, which none shows itself. */
static int64_t behind_gap(int64_t shown_s)
{
    int64_t before = shown_s - FARTHEST_S, behind = shown_s + FARTHEST_S;

    while (behind - before > 1) {
        int64_t mid = before + (behind - before) / 2;
        if (mid + offset_at(mid) > shown_s)
            behind = mid;
        else
            before = mid;
    }
    return behind;
}

unsigned mn_date_instants(const struct mn_date *date, int64_t ret[MN_DATE_INSTANTS])
{
    int64_t offsets[OFFSETS_MAX];
    unsigned count = 0, seen = 0;
    int ms;
    int64_t shown_s = floor_s(date->ms, &ms);

    ret[0] = date->ms;
    if (date->zoned)
        return 1;
    for (int64_t at = shown_s - FARTHEST_S; at <= shown_s + FARTHEST_S; at += PROBE_S) {
        if (at < year_0_s || at > year_9999_end_s)
            continue;
        int64_t offset = offset_at(at), unix_ms = (shown_s - offset) * MS_PER_S + ms;
        unsigned i = 0;
        while (i < seen && offsets[i] != offset)
            i++;
        if (i < seen || seen == OFFSETS_MAX)
            continue;
        offsets[seen++] = offset;
        if (count == MN_DATE_INSTANTS || !mn_date_is(date, unix_ms))
            continue;
        for (i = count++; i > 0 && ret[i - 1] > unix_ms; i--)
            ret[i] = ret[i - 1];
        ret[i] = unix_ms;
    }
    if (count == 0)
        ret[0] = behind_gap(shown_s) * MS_PER_S;
    return count;
}
