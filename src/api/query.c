/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Query parameters.  Their decoded text lives in one buffer of the call
 * that is sized before the first byte goes in, so that the strings into it
 * stay where they are.
 */
#include "api/input.h"
#include "base/num.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Appends `raw` decoded; false when an escape is broken. */
static bool decode(struct mn_buf *text, struct mn_str raw, struct mn_str *ret)
{
    size_t from = text->n;
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < raw.n ? hex_digit(raw.p[i + 1]) : -1;
            int low = i + 2 < raw.n ? hex_digit(raw.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        mn_buf_add_char(text, c);
    }
    *ret = mn_str_make(text->p + from, text->n - from);
    return true;
}

static void add_param(struct mn_api_call *call, struct mn_str pair)
{
    struct mn_api_param param;
    const char *eq = pair.n > 0 ? memchr(pair.p, '=', pair.n) : NULL;
    size_t name_n = eq ? (size_t)(eq - pair.p) : pair.n;
    struct mn_str value = eq ? mn_str_make(eq + 1, pair.n - name_n - 1) : mn_str_make(pair.p, 0);
    if (name_n == 0 || call->query_count == MN_API_QUERY_MAX)
        return;
    /* A parameter with a broken escape is as if it were not there, as in the original. */
    if (decode(&call->query_text, mn_str_make(pair.p, name_n), &param.name) &&
        decode(&call->query_text, value, &param.value))
        call->query[call->query_count++] = param;
}

bool mn_query_parse(struct mn_api_call *call)
{
    struct mn_str rest = call->req->query;
    if (rest.n == 0)
        return true;
    /* Decoding never lengthens; the second half is for joined values. */
    mn_buf_init(&call->query_text, 2 * rest.n + 16);
    if (mn_buf_reserve(&call->query_text, 2 * rest.n + 16) != MN_OK) {
        mn_api_broken(call, "query", MN_ENOMEM);
        return false;
    }
    while (rest.n > 0) {
        const char *amp = memchr(rest.p, '&', rest.n);
        size_t n = amp ? (size_t)(amp - rest.p) : rest.n;
        add_param(call, mn_str_make(rest.p, n));
        rest = amp ? mn_str_make(amp + 1, rest.n - n - 1) : MN_STR_NONE;
    }
    return true;
}

static struct mn_str find(const struct mn_api_call *call, const char *name)
{
    for (unsigned i = 0; i < call->query_count; i++)
        if (mn_str_is(call->query[i].name, name))
            return call->query[i].value;
    return MN_STR_NONE;
}

bool mn_query_optional(struct mn_api_call *call, const char *name, struct mn_str *ret)
{
    struct mn_str found = MN_STR_NONE;
    size_t from = call->query_text.n;
    bool joined = false;
    for (unsigned i = 0; i < call->query_count; i++) {
        if (!mn_str_is(call->query[i].name, name))
            continue;
        if (!found.p) {
            found = call->query[i].value;
            continue;
        }
        if (!joined)
            mn_buf_add_str(&call->query_text, found);
        joined = true;
        mn_buf_add_char(&call->query_text, ',');
        mn_buf_add_str(&call->query_text, call->query[i].value);
    }
    if (joined)
        found = mn_str_make(call->query_text.p + from, call->query_text.n - from);
    if (call->query_text.failed) {
        mn_api_bad(call, "bad_parameter");
        return false;
    }
    *ret = found;
    return true;
}

bool mn_query_text(struct mn_api_call *call, const char *name, struct mn_str *ret)
{
    if (!mn_query_optional(call, name, ret))
        return false;
    if (!ret->p)
        mn_api_bad(call, "missing_parameter");
    return ret->p != NULL;
}

/* 0x, 0X or # and hexadecimal digits, which the original accepts by accident. */
static bool parse_hex(struct mn_str s, bool negative, int64_t *ret)
{
    uint64_t value = 0;
    if (s.n == 0 || s.n > 16)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        int digit = hex_digit(s.p[i]);
        if (digit < 0)
            return false;
        value = value << 4 | (uint64_t)digit;
    }
    if (value > INT64_MAX)
        return false;
    *ret = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* 3.7: all blanks are removed first. */
static bool parse_number(struct mn_str raw, int64_t min, int64_t max, int64_t *ret)
{
    char p[40];
    size_t n = 0;
    for (size_t i = 0; i < raw.n;) {
        size_t blank = mn_str_blank_len(mn_str_make(raw.p + i, raw.n - i));
        i += blank;
        if (blank > 0)
            continue;
        if (n == sizeof(p))
            return false;
        p[n++] = raw.p[i++];
    }
    size_t sign = n > 0 && p[0] == '-' ? 1 : 0;
    struct mn_str digits = mn_str_make(p + sign, n - sign);
    size_t prefix = 0;
    if (digits.n > 1 && digits.p[0] == '0' && (digits.p[1] | 0x20) == 'x')
        prefix = 2;
    else if (digits.n > 0 && digits.p[0] == '#')
        prefix = 1;
    if (prefix == 0)
        return mn_parse_i64(mn_str_make(p, n), min, max, ret) == MN_OK;
    return parse_hex(mn_str_make(digits.p + prefix, digits.n - prefix), sign == 1, ret) &&
           *ret >= min && *ret <= max;
}

bool mn_query_id(struct mn_api_call *call, const char *name, int64_t *ret, bool *ret_given)
{
    struct mn_str raw = find(call, name);
    *ret_given = false;
    if (raw.n == 0)
        return true;
    if (!parse_number(raw, INT64_MIN, INT64_MAX, ret)) {
        mn_api_bad(call, "bad_parameter");
        return false;
    }
    *ret_given = true;
    return true;
}

bool mn_query_need(struct mn_api_call *call, const char *name, int64_t *ret)
{
    bool given = false;
    if (!mn_query_id(call, name, ret, &given))
        return false;
    if (!given)
        mn_api_bad(call, "missing_parameter");
    return given;
}

bool mn_query_clamped(struct mn_api_call *call, const char *name, int64_t fallback, int64_t min,
                      int64_t max, int64_t *ret)
{
    struct mn_str raw = find(call, name);
    int64_t value = fallback;
    if (raw.n > 0 && !parse_number(raw, INT64_MIN, INT64_MAX, &value)) {
        mn_api_bad(call, "bad_parameter");
        return false;
    }
    *ret = value < min ? min : value > max ? max : value;
    return true;
}

bool mn_query_date(struct mn_api_call *call, const char *name, struct mn_date *ret, bool *ret_given)
{
    struct mn_str raw = find(call, name);
    *ret_given = false;
    if (raw.n == 0)
        return true;
    if (mn_date_parse(raw, ret) != MN_OK) {
        mn_api_bad(call, "bad_parameter");
        return false;
    }
    *ret_given = true;
    return true;
}
