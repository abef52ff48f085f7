/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON bodies: parsed by jansson into a tree that lives as long as the
 * call.  Its size is bounded by the transport's ceiling on bodies.
 * Duplicate keys: the last one wins; text behind the object is ignored.
 */
#include "api/input.h"
#include "base/num.h"

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

bool mn_body_parse(struct mn_api_call *call)
{
    if (!is_json(mn_http_header(call->req, "Content-Type"))) {
        mn_api_error(call, 415, 40000, "unsupported_media_type");
        return false;
    }
    struct mn_str text = call->req->body;
    json_t *body = text.n > 0 ? json_loadb(text.p, text.n, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
    if (!json_is_object(body)) {
        json_decref(body);
        mn_api_bad(call, "malformed_json");
        return false;
    }
    call->body = body;
    return true;
}

/* Puts text in the place of a number or boolean, so that the tree owns it. */
static bool replace(struct mn_api_call *call, const char *name, const char *text,
                    struct mn_str *ret)
{
    if (json_object_set_new(call->body, name, json_string(text)) != 0) {
        mn_api_broken(call, "body", MN_ENOMEM);
        return false;
    }
    *ret = mn_str_c(json_string_value(json_object_get(call->body, name)));
    return true;
}

bool mn_body_text(struct mn_api_call *call, const char *name, struct mn_str *ret)
{
    char text[64];
    json_t *value = json_object_get(call->body, name);
    if (!value || json_is_null(value)) {
        *ret = MN_STR_NONE;
        return true;
    }
    switch (json_typeof(value)) {
    case JSON_STRING:
        *ret = mn_str_make(json_string_value(value), json_string_length(value));
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        return replace(call, name, json_is_true(value) ? "true" : "false", ret);
    case JSON_INTEGER:
        text[mn_print_i64(text, json_integer_value(value))] = '\0';
        return replace(call, name, text, ret);
    case JSON_REAL:
        snprintf(text, sizeof(text), "%.15g", json_real_value(value));
        return replace(call, name, text, ret);
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    mn_api_bad(call, "bad_request");
    return false;
}

/* A float is truncated; one beyond 64 bits is no id. */
static bool from_real(double value, int64_t *ret)
{
    if (!(value > -9.2e18 && value < 9.2e18))
        return false;
    *ret = (int64_t)value;
    return true;
}

bool mn_body_id(struct mn_api_call *call, const char *name, int64_t *ret, bool *ret_given)
{
    json_t *value = json_object_get(call->body, name);
    *ret_given = false;
    if (!value || json_is_null(value))
        return true;
    bool good = false;
    if (json_is_integer(value)) {
        *ret = json_integer_value(value);
        good = true;
    } else if (json_is_real(value)) {
        good = from_real(json_real_value(value), ret);
    } else if (json_is_string(value)) {
        struct mn_str text = mn_str_trim(
            mn_str_make(json_string_value(value), json_string_length(value)));
        if (text.n == 0)
            return true;
        good = mn_parse_i64(text, INT64_MIN, INT64_MAX, ret) == MN_OK;
    }
    if (!good)
        mn_api_bad(call, "bad_request");
    *ret_given = good;
    return good;
}

bool mn_body_flag(struct mn_api_call *call, const char *name, bool *ret, bool *ret_given)
{
    json_t *value = json_object_get(call->body, name);
    *ret_given = false;
    if (!value || json_is_null(value))
        return true;
    bool good = true;
    if (json_is_boolean(value))
        *ret = json_is_true(value);
    else if (json_is_integer(value))
        *ret = json_integer_value(value) != 0;
    else if (json_is_string(value) && strcmp(json_string_value(value), "true") == 0)
        *ret = true;
    else if (json_is_string(value) && strcmp(json_string_value(value), "false") == 0)
        *ret = false;
    else
        good = false;
    if (!good)
        mn_api_bad(call, "bad_request");
    *ret_given = good;
    return good;
}
