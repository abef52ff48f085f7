/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON bodies.  The text is checked whole once; a field is looked up in it
 * when a handler asks for it, and only then must its value be one that the
 * field can have.  So whatever RFC 8259 allows is well-formed here, also
 * what no field of ours takes: U+0000, numbers beyond every range, any
 * depth.  Duplicate keys: the last one wins; text behind the object is
 * ignored.
 */
#include "api/input.h"
#include "base/num.h"
#include "base/utf8.h"
#include "proto/json.h"

/* application/json or application/<anything>+json; parameters do not matter. */
static bool is_json(struct mn_str type)
{
    static const struct mn_str prefix = {"application/", 12};
    const char *semicolon = type.n > 0 ? memchr(type.p, ';', type.n) : NULL;
    if (semicolon)
        type.n = (size_t)(semicolon - type.p);
    type = mn_str_trim(type);
    if (type.n <= prefix.n || !mn_str_eq_nocase(mn_str_make(type.p, prefix.n), prefix))
        return false;
    struct mn_str sub = mn_str_make(type.p + prefix.n, type.n - prefix.n);
    return mn_str_eq_nocase(sub, MN_STR("json")) ||
           (sub.n > 5 && mn_str_eq_nocase(mn_str_make(sub.p + sub.n - 5, 5), MN_STR("+json")));
}

/* Where the object begins: behind a byte order mark and space. */
static const char *object_of(struct mn_str text)
{
    const char *p = text.p, *end = text.p + text.n;
    if (text.n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    p = mn_json_skip_space(p, end);
    return p < end && *p == '{' ? p : NULL;
}

bool mn_body_parse(struct mn_api_call *call)
{
    if (!is_json(mn_http_header(call->req, "Content-Type"))) {
        mn_api_error(call, 415, 40000, "unsupported_media_type");
        return false;
    }
    struct mn_str text = call->req->body;
    const char *from = text.n > 0 ? object_of(text) : NULL;
    bool too_deep = false;
    const char *behind = from ? mn_json_skip_deep(from, text.p + text.n, &too_deep) : NULL;
    if (!behind || !mn_utf8_valid(from, (size_t)(behind - from))) {
        mn_api_bad(call, too_deep ? "bad_request" : "malformed_json");
        return false;
    }
    call->body = mn_str_make(from, (size_t)(behind - from));
    return true;
}

/* ---- fields ----------------------------------------------------------------------- */

/* Whether the text between two quotes says `name`, which is plain ASCII. */
static bool says(struct mn_str quoted, const char *name)
{
    const char *p = quoted.p, *end = quoted.p + quoted.n;
    while (p < end) {
        char c[4] = {*p};
        unsigned n = 1;
        p = *p == '\\' ? mn_json_unescape(p, end, c, &n) : p + 1;
        if (!p || n != 1 || c[0] != *name || *name == '\0')
            return false;
        name++;
    }
    return *name == '\0';
}

/* The value of the last field of that name, as it is written; absent: there is none, or it is null. */
static struct mn_str find(const struct mn_api_call *call, const char *name)
{
    const char *end = call->body.p + call->body.n - 1; /* the closing brace */
    const char *p = mn_json_skip_space(call->body.p + 1, end);
    struct mn_str found = MN_STR_NONE;
    while (p < end) {
        bool ignored;
        const char *behind = mn_json_skip_string(p + 1, end);
        struct mn_str key = mn_str_make(p + 1, (size_t)(behind - p) - 2);
        const char *value = mn_json_skip_space(mn_json_skip_space(behind, end) + 1, end);
        behind = mn_json_skip_deep(value, end, &ignored);
        if (says(key, name))
            found = mn_str_make(value, (size_t)(behind - value));
        p = mn_json_skip_space(behind, end);
        if (p < end)
            p = mn_json_skip_space(p + 1, end); /* the comma */
    }
    return mn_str_is(found, "null") ? MN_STR_NONE : found;
}

static bool is_number(struct mn_str value)
{
    return value.p[0] == '-' || (value.p[0] >= '0' && value.p[0] <= '9');
}

/* "\ud800" and the like, which mn_json_unescape() would make a question mark. */
static bool is_lone_surrogate(const char *escape, const char c[4], unsigned n)
{
    return escape[1] == 'u' && (escape[2] | 0x20) == 'd' && escape[3] > '7' && n == 1 &&
           c[0] == '?';
}

/*
 * Decodes a string value.  U+0000 and half a surrogate pair are no text:
 * names and passwords with them would be cut off, or meet others that
 * differ only there.
 */
static bool decode(struct mn_api_call *call, struct mn_str value, struct mn_str *ret)
{
    const char *p = value.p + 1, *end = value.p + value.n - 1;
    struct mn_buf *text = &call->body_text;
    if (!memchr(p, '\\', (size_t)(end - p))) {
        *ret = mn_str_make(p, (size_t)(end - p));
        return true;
    }
    /* Decoding never lengthens, and no field is read twice: what was decoded stays where it is. */
    if (text->cap == 0) {
        mn_buf_init(text, call->body.n);
        if (mn_buf_reserve(text, call->body.n) != MN_OK) {
            mn_api_broken(call, "body", MN_ENOMEM);
            return false;
        }
    }
    size_t from = text->n;
    while (p < end) {
        char c[4] = {*p};
        unsigned n = 1;
        const char *next = *p == '\\' ? mn_json_unescape(p, end, c, &n) : p + 1;
        if (c[0] == '\0' || (*p == '\\' && is_lone_surrogate(p, c, n))) {
            mn_api_bad(call, "bad_request");
            return false;
        }
        mn_buf_add(text, c, n);
        p = next;
    }
    if (text->failed) {
        mn_api_broken(call, "body", MN_ELIMIT);
        return false;
    }
    *ret = mn_str_make(text->p + from, text->n - from);
    return true;
}

bool mn_body_text(struct mn_api_call *call, const char *name, struct mn_str *ret)
{
    struct mn_str value = find(call, name);
    *ret = value;
    if (!value.p)
        return true;
    if (value.p[0] == '"')
        return decode(call, value, ret);
    if (value.p[0] != '{' && value.p[0] != '[')
        return true; /* a number, true or false: as written */
    mn_api_bad(call, "bad_request");
    return false;
}

bool mn_body_id(struct mn_api_call *call, const char *name, int64_t *ret, bool *ret_given)
{
    struct mn_str value = find(call, name), text;
    *ret_given = false;
    if (!value.p)
        return true;
    bool good = false;
    if (is_number(value)) {
        good = mn_json_int(value.p, value.n, INT64_MIN, INT64_MAX, ret) == MN_OK;
    } else if (value.p[0] == '"') {
        if (!decode(call, value, &text))
            return false;
        text = mn_str_trim(text);
        if (text.n == 0)
            return true;
        good = mn_parse_i64(text, INT64_MIN, INT64_MAX, ret) == MN_OK;
    }
    if (!good)
        mn_api_bad(call, "bad_request");
    *ret_given = good;
    return good;
}

bool mn_body_filled(struct mn_api_call *call, const char *name, bool *ret)
{
    struct mn_str value = find(call, name);
    *ret = false;
    if (!value.p)
        return true;
    if (value.p[0] != '[') {
        mn_api_bad(call, "bad_request");
        return false;
    }
    *ret = *mn_json_skip_space(value.p + 1, value.p + value.n) != ']';
    return true;
}

/* Whether a number is another than zero: it has a digit that is none, before its exponent. */
static bool is_not_zero(struct mn_str number)
{
    for (size_t i = 0; i < number.n && (number.p[i] | 0x20) != 'e'; i++)
        if (number.p[i] >= '1' && number.p[i] <= '9')
            return true;
    return false;
}

bool mn_body_flag(struct mn_api_call *call, const char *name, bool *ret, bool *ret_given)
{
    struct mn_str value = find(call, name), text;
    *ret_given = false;
    if (!value.p)
        return true;
    text = value;
    if (value.p[0] == '"' && !decode(call, value, &text))
        return false;
    bool good = true;
    if (is_number(value))
        *ret = is_not_zero(value);
    else if (mn_str_is(text, "true"))
        *ret = true;
    else if (mn_str_is(text, "false"))
        *ret = false;
    else
        good = false;
    if (!good)
        mn_api_bad(call, "bad_request");
    *ret_given = good;
    return good;
}
