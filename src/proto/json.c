/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict JSON pieces: escapes, numbers, and passing over values that nobody
 * wants.  Written for text from hostile peers: no recursion, no allocation,
 * every loop ends at `end`.  Pure, any thread.  Building trees is not done
 * here: off the hot path jansson does it.
 */
#include "proto/json.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Four hex digits at p; -1 if they are not. */
static int hex4(const char *p, const char *end)
{
    int v = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d;

        if (is_digit(c))
            d = c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            d = (c | 0x20) - 'a' + 10;
        else
            return -1;
        v = v << 4 | d;
    }
    return v;
}

static unsigned put_utf8(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

/* p is behind "\u". */
static const char *unescape_unicode(const char *p, const char *end, char out[4], unsigned *ret_n)
{
    int unit = hex4(p, end);
    int low;

    if (unit < 0)
        return NULL;
    p += 4;
    if (unit >= 0xd800 && unit <= 0xdbff && end - p >= 2 && p[0] == '\\' && p[1] == 'u') {
        low = hex4(p + 2, end);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *ret_n = put_utf8(
                0x10000u + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00), out);
            return p + 6;
        }
    }
    *ret_n = put_utf8(unit >= 0xd800 && unit <= 0xdfff ? '?' : (uint32_t)unit, out);
    return p;
}

const char *mn_json_unescape(const char *p, const char *end, char out[4], unsigned *ret_n)
{
    /* Index: the letter after the backslash; 0: there is no such escape. */
    static const char plain[128] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    unsigned char letter;

    if (end - p < 2)
        return NULL;
    letter = (unsigned char)p[1];
    if (letter == 'u')
        return unescape_unicode(p + 2, end, out, ret_n);
    if (letter >= sizeof(plain) || plain[letter] == 0)
        return NULL;
    out[0] = plain[letter];
    *ret_n = 1;
    return p + 2;
}

const char *mn_json_skip_string(const char *p, const char *end)
{
    char ignored[4];
    unsigned n;

    for (;;) {
        p = mn_json_scan(p, end);
        if (p == end)
            return NULL;
        if (*p == '"')
            return p + 1;
        if (*p != '\\')
            return NULL;
        p = mn_json_unescape(p, end, ignored, &n);
        if (p == NULL)
            return NULL;
    }
}

static const char *skip_digits(const char *p, const char *end)
{
    if (p == end || !is_digit(*p))
        return NULL;
    while (p < end && is_digit(*p))
        p++;
    return p;
}

const char *mn_json_skip_number(const char *p, const char *end, bool *ret_integer)
{
    bool integer = true;

    if (p < end && *p == '-')
        p++;
    if (p < end && *p == '0')
        p++; /* no digit may follow: the caller finds it where a comma belongs */
    else
        p = skip_digits(p, end);
    if (p != NULL && p < end && *p == '.') {
        integer = false;
        p = skip_digits(p + 1, end);
    }
    if (p != NULL && p < end && (*p | 0x20) == 'e') {
        integer = false;
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        p = skip_digits(p, end);
    }
    *ret_integer = integer;
    return p;
}

const char *mn_json_skip_literal(const char *p, const char *end)
{
    size_t left = (size_t)(end - p);

    if (left >= 4 && (memcmp(p, "true", 4) == 0 || memcmp(p, "null", 4) == 0))
        return p + 4;
    if (left >= 5 && memcmp(p, "false", 5) == 0)
        return p + 5;
    return NULL;
}

/* Passes a value that is no container. */
static const char *skip_scalar(const char *p, const char *end)
{
    bool integer;

    if (p == end)
        return NULL;
    if (*p == '"')
        return mn_json_skip_string(p + 1, end);
    if (*p == '-' || is_digit(*p))
        return mn_json_skip_number(p, end, &integer);
    return mn_json_skip_literal(p, end);
}

/* The open containers, innermost last: one bit each, set for an object. */
struct nest {
    unsigned depth;
    unsigned max;
    uint64_t *object;
};

static bool nest_push(struct nest *nest, bool object)
{
    uint64_t bit = UINT64_C(1) << (nest->depth % 64);

    if (nest->depth == nest->max)
        return false;
    if (nest->depth % 64 == 0)
        nest->object[nest->depth / 64] = 0;
    if (object)
        nest->object[nest->depth / 64] |= bit;
    else
        nest->object[nest->depth / 64] &= ~bit;
    nest->depth++;
    return true;
}

static bool nest_in_object(const struct nest *nest)
{
    unsigned top = nest->depth - 1;

    return (nest->object[top / 64] >> (top % 64) & 1) != 0;
}

/* Passes `"name" :` and the spaces around it. */
static const char *skip_name(const char *p, const char *end)
{
    p = mn_json_skip_space(p, end);
    if (p == end || *p != '"')
        return NULL;
    p = mn_json_skip_string(p + 1, end);
    if (p == NULL)
        return NULL;
    p = mn_json_skip_space(p, end);
    if (p == end || *p != ':')
        return NULL;
    return mn_json_skip_space(p + 1, end);
}

/*
 * After a value: passes closing brackets, and the comma (and name) in front
 * of the next value.  The depth is 0 when the outermost container is closed.
 */
static const char *skip_to_next(struct nest *nest, const char *p, const char *end)
{
    while (nest->depth > 0) {
        bool object = nest_in_object(nest);

        p = mn_json_skip_space(p, end);
        if (p == end)
            return NULL;
        if (*p == ',')
            return object ? skip_name(p + 1, end) : mn_json_skip_space(p + 1, end);
        if (*p != (object ? '}' : ']'))
            return NULL;
        p++;
        nest->depth--;
    }
    return p;
}

/* p is at an opening bracket: goes to the first value inside, or to the closing bracket. */
static const char *enter(struct nest *nest, const char *p, const char *end, bool *ret_empty)
{
    bool object = *p == '{';

    if (!nest_push(nest, object))
        return NULL;
    p = mn_json_skip_space(p + 1, end);
    *ret_empty = p < end && *p == (object ? '}' : ']');
    return object && !*ret_empty ? skip_name(p, end) : p;
}

static const char *skip_value(struct nest *nest, const char *p, const char *end)
{
    bool empty;

    for (;;) {
        if (p == end)
            return NULL;
        if (*p == '{' || *p == '[') {
            p = enter(nest, p, end, &empty);
            if (p == NULL)
                return NULL;
            if (!empty)
                continue;
        } else {
            p = skip_scalar(p, end);
            if (p == NULL)
                return NULL;
        }
        p = skip_to_next(nest, p, end);
        if (p == NULL || nest->depth == 0)
            return p;
    }
}

const char *mn_json_skip_value(const char *p, const char *end, unsigned depth)
{
    uint64_t object[(MN_JSON_DEPTH_MAX + 63) / 64]; /* written as containers open */
    struct nest nest = {.object = object,
                        .max = depth < MN_JSON_DEPTH_MAX ? MN_JSON_DEPTH_MAX - depth : 0};

    return skip_value(&nest, p, end);
}

const char *mn_json_skip_deep(const char *p, const char *end, bool *ret_too_deep)
{
    uint64_t object[MN_JSON_DEEP_MAX / 64];
    struct nest nest = {.object = object, .max = MN_JSON_DEEP_MAX};
    const char *behind = skip_value(&nest, p, end);

    /* A push that was refused leaves the depth at its ceiling; so does a mistake there. */
    *ret_too_deep = behind == NULL && nest.depth == nest.max;
    return behind;
}

/* The digits of a number, by their place, zero behind the last one. */
struct digits {
    const char *whole;
    size_t whole_n;
    const char *fraction;
    size_t fraction_n;
};

static unsigned digit_at(const struct digits *d, size_t i)
{
    if (i < d->whole_n)
        return (unsigned)(d->whole[i] - '0');
    i -= d->whole_n;
    return i < d->fraction_n ? (unsigned)(d->fraction[i] - '0') : 0;
}

static const char *take_digits(const char *p, const char *end, const char **ret_start,
                               size_t *ret_n)
{
    *ret_start = p;
    while (p < end && is_digit(*p))
        p++;
    *ret_n = (size_t)(p - *ret_start);
    return p;
}

/* p is behind the 'e'.  Far beyond any text's length it does not matter any more: it stops there. */
static int64_t take_exponent(const char *p, const char *end)
{
    const int64_t far = INT64_C(1) << 40;
    bool negative = *p == '-';
    int64_t v = 0;

    if (*p == '-' || *p == '+')
        p++;
    for (; p < end && v < far; p++)
        v = v * 10 + (*p - '0');
    return negative ? -v : v;
}

/* The first `places` digits as a number; MN_EINVAL above `limit`. */
static enum mn_err sum_digits(const struct digits *d, int64_t places, uint64_t limit, uint64_t *ret)
{
    size_t known = d->whole_n + d->fraction_n;
    uint64_t v = 0;

    for (int64_t i = 0; i < places; i++) {
        unsigned digit;

        if (v == 0 && (size_t)i >= known)
            break; /* 0e999999999 */
        digit = digit_at(d, (size_t)i);
        if (v > (limit - digit) / 10)
            return MN_EINVAL;
        v = v * 10 + digit;
    }
    *ret = v;
    return MN_OK;
}

enum mn_err mn_json_int(const char *p, size_t n, int64_t min, int64_t max, int64_t *ret)
{
    const char *end = p + n;
    struct digits d = {0};
    int64_t places;
    uint64_t v;
    bool negative = n > 0 && *p == '-';
    int64_t signed_v;

    p = take_digits(negative ? p + 1 : p, end, &d.whole, &d.whole_n);
    if (p < end && *p == '.')
        p = take_digits(p + 1, end, &d.fraction, &d.fraction_n);
    places = (int64_t)d.whole_n;
    if (p < end)
        places += take_exponent(p + 1, end);
    if (sum_digits(&d, places, negative ? UINT64_C(1) << 63 : INT64_MAX, &v) != MN_OK)
        return MN_EINVAL;
    /* -v is computed unsigned: INT64_MIN has no positive counterpart. */
    signed_v = negative ? (int64_t)(0 - v) : (int64_t)v;
    if (signed_v < min || signed_v > max)
        return MN_EINVAL;
    *ret = signed_v;
    return MN_OK;
}
