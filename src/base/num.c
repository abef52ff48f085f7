/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to number and back, without the C locale and without guessing: the
 * whole text is the number or it is an error.  Stateless, any thread.
 */
#include "base/num.h"

#include "base/mem.h"

/* As many digits as always fit 64 bits. */
#define DIGITS_FIT 19

/* Decimal digits only, at least one; MN_ELIMIT when it does not fit 64 bits. */
static enum mn_err digits(const char *p, size_t n, uint64_t *ret)
{
    uint64_t v = 0, eight;
    bool overflow = false;
    size_t i = 0;

    if (n == 0)
        return MN_EINVAL;
    for (; n - i >= 8 && i + 8 < DIGITS_FIT && mn_parse_eight(p + i, &eight); i += 8)
        v = v * 100000000 + eight;
    for (; i < n && i < DIGITS_FIT; i++) {
        unsigned d = (unsigned)(unsigned char)p[i] - '0';
        if (d > 9)
            return MN_EINVAL;
        v = v * 10 + d;
    }
    for (; i < n; i++) {
        unsigned d = (unsigned)(unsigned char)p[i] - '0';
        if (d > 9)
            return MN_EINVAL;
        /* Go on after an overflow: "9...9x" is not a number, rather than a great one. */
        overflow |= __builtin_mul_overflow(v, 10u, &v);
        overflow |= __builtin_add_overflow(v, d, &v);
    }
    if (overflow)
        return MN_ELIMIT;
    *ret = v;
    return MN_OK;
}

enum mn_err mn_parse_u64(struct mn_str s, uint64_t min, uint64_t max, uint64_t *ret)
{
    uint64_t v;
    enum mn_err err = digits(s.p, s.n, &v);

    if (err)
        return err;
    if (v < min || v > max)
        return MN_ELIMIT;
    *ret = v;
    return MN_OK;
}

enum mn_err mn_parse_i64(struct mn_str s, int64_t min, int64_t max, int64_t *ret)
{
    uint64_t v;
    bool negative = s.n > 0 && s.p[0] == '-';
    size_t skip = negative || (s.n > 0 && s.p[0] == '+');
    enum mn_err err = s.n > skip ? digits(s.p + skip, s.n - skip, &v) : MN_EINVAL;

    if (err)
        return err;
    if (v > (uint64_t)INT64_MAX + negative)
        return MN_ELIMIT;
    int64_t i = negative ? (int64_t)(0 - v) : (int64_t)v;
    if (i < min || i > max)
        return MN_ELIMIT;
    *ret = i;
    return MN_OK;
}

enum mn_err mn_parse_double(struct mn_str s, double min, double max, double *ret)
{
    const char *dot = s.n ? memchr(s.p, '.', s.n) : NULL;
    size_t whole = dot ? (size_t)(dot - s.p) : s.n;
    size_t fraction = dot ? s.n - whole - 1 : 0;
    uint64_t a = 0, b = 0;
    double scale = 1;

    enum mn_err err = digits(s.p, whole, &a);
    if (!err && dot) /* 15 digits: more than a double can tell apart behind the point */
        err = fraction > 15 ? MN_EINVAL : digits(dot + 1, fraction, &b);
    if (err)
        return err;
    for (size_t i = 0; i < fraction; i++)
        scale *= 10;
    double v = (double)a + (double)b / scale;
    if (v < min || v > max)
        return MN_ELIMIT;
    *ret = v;
    return MN_OK;
}

enum mn_err mn_parse_bytes(struct mn_str s, uint64_t min, uint64_t max, uint64_t *ret)
{
    static const struct {
        struct mn_str suffix;
        uint64_t factor;
    } units[] = {
        {{"KiB", 3}, UINT64_C(1) << 10},
        {{"MiB", 3}, UINT64_C(1) << 20},
        {{"GiB", 3}, UINT64_C(1) << 30},
        {{"KB", 2}, 1000},
        {{"MB", 2}, 1000000},
        {{"GB", 2}, 1000000000},
    };
    uint64_t v, factor = 1;

    for (size_t i = 0; i < MN_ARRAY_LEN(units); i++) {
        struct mn_str unit = units[i].suffix;
        if (s.n > unit.n && mn_str_eq(mn_str_make(s.p + s.n - unit.n, unit.n), unit)) {
            s.n -= unit.n;
            factor = units[i].factor;
            break;
        }
    }
    enum mn_err err = digits(s.p, s.n, &v);
    if (err)
        return err;
    if (__builtin_mul_overflow(v, factor, &v) || v < min || v > max)
        return MN_ELIMIT;
    *ret = v;
    return MN_OK;
}

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

/* Exactly eight digits.  The divisions do not wait for each other: every frame prints ids. */
static void put8(char *p, uint32_t v)
{
    uint32_t high = v / 10000, low = v % 10000;

    memcpy(p, pairs + high / 100 * 2, 2);
    memcpy(p + 2, pairs + high % 100 * 2, 2);
    memcpy(p + 4, pairs + low / 100 * 2, 2);
    memcpy(p + 6, pairs + low % 100 * 2, 2);
}

/* Below 10^8, without leading zeros.  Mostly the first two digits of an id, or a number in a chat. */
static size_t put_short(char *p, uint32_t v)
{
    char text[8];
    size_t skip = 0;

    if (v < 100) {
        size_t n = v < 10 ? 1 : 2;
        memcpy(p, pairs + v * 2 + (2 - n), n);
        return n;
    }

    put8(text, v);
    while (skip < 7 && text[skip] == '0')
        skip++;
    memcpy(p, text + skip, 8 - skip);
    return 8 - skip;
}

size_t mn_print_u64(char *p, uint64_t v)
{
    const uint64_t e8 = 100000000;

    if (v < e8)
        return put_short(p, (uint32_t)v);
    uint64_t high = v / e8;
    size_t n;
    if (high < e8) {
        n = put_short(p, (uint32_t)high);
    } else {
        n = put_short(p, (uint32_t)(high / e8));
        put8(p + n, (uint32_t)(high % e8));
        n += 8;
    }
    put8(p + n, (uint32_t)(v % e8));
    return n + 8;
}

size_t mn_print_i64(char *p, int64_t v)
{
    if (v >= 0)
        return mn_print_u64(p, (uint64_t)v);
    *p = '-';
    return 1 + mn_print_u64(p + 1, 0 - (uint64_t)v);
}
