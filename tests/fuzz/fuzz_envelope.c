/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope parser against jansson.  Where both can be compared they
 * must agree on what is JSON, on whether each field is acceptable (rules of
 * W-2.2 written down a second time, over jansson's tree), and
 * on every value.  What is accepted must print within its bound, as JSON,
 * and be read and printed again to the same bytes.
 *
 * Not compared, as the contract differs from jansson on purpose: unpaired
 * surrogates; NUL in names; numbers beyond what jansson holds; fields that
 * come twice (the earlier one counts when it is bad); nesting over 1000; a
 * NUL byte outside of strings, which jansson overlooks behind a number.
 */
#include <errno.h>
#include <jansson.h>
#include <math.h>

#include "base/utf8.h"
#include "fuzz/fuzz.h"
#include "proto/envelope.h"
#include "proto/envelope_fields.h"
#include "proto/json.h"

/* What a field should have become: refused, absent, present with a value. */
enum fate { REFUSED, ABSENT, PRESENT };

static struct mn_str string_of(const json_t *v)
{
    return mn_str_make(json_string_value(v), json_string_length(v));
}

static enum fate fate_of_string(const json_t *v)
{
    if (v == NULL || json_is_null(v))
        return ABSENT;
    return json_is_object(v) || json_is_array(v) ? REFUSED : PRESENT;
}

static void check_string(const json_t *v, struct mn_str got)
{
    FUZZ_CHECK((got.p != NULL) == (fate_of_string(v) == PRESENT));
    if (json_is_string(v))
        FUZZ_CHECK(mn_str_eq(got, string_of(v)));
    if (json_is_boolean(v))
        FUZZ_CHECK(mn_str_is(got, json_is_true(v) ? "true" : "false"));
    if (json_is_integer(v)) {
        char text[32];

        (void)snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(v));
        FUZZ_CHECK(mn_str_is(got, text) || mn_str_is(got, "-0"));
    }
}

/* [blanks][sign]digits[blanks], by way of strtoll. */
static enum fate fate_of_digits(struct mn_str s, int64_t min, int64_t max, int64_t *ret)
{
    char text[128];
    const char *digits = text + 1;
    char *end;
    long long v;

    while (s.n > 0 && (unsigned char)s.p[0] <= ' ')
        s = mn_str_make(s.p + 1, s.n - 1);
    while (s.n > 0 && (unsigned char)s.p[s.n - 1] <= ' ')
        s.n--;
    if (s.n == 0 || mn_str_is(s, "null"))
        return ABSENT;
    text[0] = s.p[0] == '-' || s.p[0] == '+' ? s.p[0] : '+';
    if (s.p[0] == text[0])
        s = mn_str_make(s.p + 1, s.n - 1);
    while (s.n > 100 && s.p[0] == '0') /* the buffer is short */
        s = mn_str_make(s.p + 1, s.n - 1);
    if (s.n + 1 >= sizeof(text) || (s.n > 0 && memchr(s.p, 0, s.n) != NULL))
        return REFUSED;
    memcpy(text + 1, s.p, s.n);
    text[s.n + 1] = '\0';
    if (digits[0] < '0' || digits[0] > '9')
        return REFUSED;
    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || v < min || v > max)
        return REFUSED;
    *ret = v;
    return PRESENT;
}

/* *ret_near: doubles are too coarse here to say more than "about". */
static enum fate fate_of_int(const json_t *v, int64_t min, int64_t max, int64_t *ret,
                             bool *ret_near)
{
    double d;

    *ret_near = false;
    if (v == NULL || json_is_null(v))
        return ABSENT;
    if (json_is_string(v))
        return fate_of_digits(string_of(v), min, max, ret);
    if (json_is_integer(v)) {
        *ret = json_integer_value(v);
        return *ret < min || *ret > max ? REFUSED : PRESENT;
    }
    if (!json_is_real(v))
        return REFUSED;
    d = trunc(json_real_value(v));
    *ret_near = true;
    if (d >= (double)max * 1.0001 + 2 || d <= (double)min * 1.0001 - 2)
        return REFUSED;
    *ret = d >= 9.2e18 ? INT64_MAX : d <= -9.2e18 ? INT64_MIN : (int64_t)d;
    return PRESENT;
}

static bool is_about(int64_t a, int64_t b)
{
    return fabs((double)a - (double)b) <= 1 + fabs((double)a) * 1e-2;
}

static enum fate fate_of_bool(const json_t *v, bool *ret)
{
    if (v == NULL || json_is_null(v))
        return ABSENT;
    *ret = json_is_true(v);
    if (json_is_boolean(v))
        return PRESENT;
    if (json_is_integer(v)) {
        *ret = json_integer_value(v) != 0;
        return PRESENT;
    }
    if (!json_is_string(v))
        return REFUSED;
    *ret = mn_str_is(string_of(v), "true");
    if (json_string_length(v) == 0)
        return ABSENT;
    return *ret || mn_str_is(string_of(v), "false") ? PRESENT : REFUSED;
}

static enum fate fate_of_list(const json_t *v)
{
    size_t i;
    const json_t *element;

    if (v == NULL || json_is_null(v))
        return ABSENT;
    if (!json_is_array(v))
        return REFUSED;
    for (i = 0; i < json_array_size(v); i++) {
        element = json_array_get(v, i);
        if (json_is_array(element) || json_is_object(element))
            return REFUSED;
    }
    return PRESENT;
}

static void check_list(const json_t *v, struct mn_str got)
{
    char *scratch = mn_alloc(got.n + 1);
    struct mn_str element;
    size_t pos = 0;
    size_t i = 0;

    FUZZ_CHECK((got.p != NULL) == (fate_of_list(v) == PRESENT));
    while (mn_mentions_next(got, &pos, scratch, got.n, &element)) {
        const json_t *want;

        do
            want = json_array_get(v, i++);
        while (json_is_null(want));
        FUZZ_CHECK(want != NULL);
        check_string(want, element);
    }
    for (; i < json_array_size(v); i++)
        FUZZ_CHECK(json_is_null(json_array_get(v, i)));
    mn_free(scratch);
}

/* Agreement of all fields; false: one of them is one that should be refused. */
static bool fates(const json_t *root, bool *ret_unsure)
{
    int64_t v;
    bool b;
    bool near;

    *ret_unsure = false;
#define FATE_STR(sym, name, member)                                                                \
    if (fate_of_string(json_object_get(root, name)) == REFUSED)                                    \
        return false;
#define FATE_INT(sym, name, member, bit)                                                           \
    if (fate_of_int(json_object_get(root, name),                                                   \
                    sizeof(((struct mn_envelope *)0)->member) == 4 ? INT32_MIN : INT64_MIN,        \
                    sizeof(((struct mn_envelope *)0)->member) == 4 ? INT32_MAX : INT64_MAX, &v,    \
                    &near) == REFUSED)                                                             \
        return false;                                                                              \
    *ret_unsure = *ret_unsure || near;
#define FATE_BOOL(sym, name, member, bit)                                                          \
    if (fate_of_bool(json_object_get(root, name), &b) == REFUSED)                                  \
        return false;
#define FATE_LIST(sym, name, member)                                                               \
    if (fate_of_list(json_object_get(root, name)) == REFUSED)                                      \
        return false;
    MN_FIELD_MAP(FATE_STR, FATE_STR, FATE_INT, FATE_INT, FATE_BOOL, FATE_LIST)
    return true;
}

static void check_int(const json_t *v, int64_t min, int64_t max, bool present, int64_t got)
{
    int64_t want = 0;
    bool near;
    enum fate fate = fate_of_int(v, min, max, &want, &near);

    FUZZ_CHECK(present == (fate == PRESENT));
    if (present)
        FUZZ_CHECK(near ? is_about(want, got) : want == got);
}

static void check_fields(const json_t *root, const struct mn_envelope *env)
{
    bool b = false;

#define CHECK_STR(sym, name, member) check_string(json_object_get(root, name), env->member);
#define CHECK_INT(sym, name, member, bit)                                                          \
    check_int(json_object_get(root, name), sizeof(env->member) == 4 ? INT32_MIN : INT64_MIN,       \
              sizeof(env->member) == 4 ? INT32_MAX : INT64_MAX, (env->has & (bit)) != 0,           \
              env->member);
#define CHECK_BOOL(sym, name, member, bit)                                                         \
    FUZZ_CHECK(((env->has & (bit)) != 0) ==                                                        \
               (fate_of_bool(json_object_get(root, name), &b) == PRESENT));                        \
    FUZZ_CHECK(!(env->has & (bit)) || b == env->member);
#define CHECK_LIST(sym, name, member) check_list(json_object_get(root, name), env->member);
    MN_FIELD_MAP(CHECK_STR, CHECK_STR, CHECK_INT, CHECK_INT, CHECK_BOOL, CHECK_LIST)
}

/* Compares the verdicts, where they can be. */
static void compare(const uint8_t *data, size_t size, enum mn_err err,
                    const struct mn_envelope *env)
{
    const size_t flags = JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL;
    json_error_t error;
    json_t *strict = json_loadb((const char *)data, size, flags | JSON_REJECT_DUPLICATES, &error);
    json_t *root;
    bool unsure;

    if (err != MN_OK && memchr(data, 0, size) != NULL) {
        json_decref(strict);
        return;
    }
    if (strict == NULL) {
        enum json_error_code code = json_error_code(&error);

        if (code == json_error_duplicate_key || code == json_error_numeric_overflow ||
            code == json_error_null_byte_in_key)
            return;
        /* jansson takes unpaired surrogates for bad syntax; nothing else may be accepted. */
        FUZZ_CHECK(err != MN_OK || memmem(data, size, "\\ud", 3) != NULL ||
                   memmem(data, size, "\\uD", 3) != NULL);
        return;
    }
    root = strict;
    if (!json_is_object(root)) {
        FUZZ_CHECK(err != MN_OK);
    } else if (!fates(root, &unsure)) {
        FUZZ_CHECK(err != MN_OK);
    } else if (err != MN_OK) {
        /* Deep, or a fraction at the very edge of its range. */
        FUZZ_CHECK(unsure || size > MN_JSON_DEPTH_MAX);
    } else {
        check_fields(root, env);
    }
    json_decref(root);
}

/* Prints into exactly the bound; *ret is to be freed. */
static size_t print(const struct mn_envelope *env, char **ret)
{
    size_t bound = mn_envelope_bound(env);
    size_t n;

    *ret = mn_alloc(bound);
    n = mn_envelope_print(env, *ret);
    FUZZ_CHECK(n <= bound);
    return n;
}

static void check_printed(const struct mn_envelope *env)
{
    struct mn_envelope again;
    char *first;
    char *second;
    char *text;
    size_t n = print(env, &first);
    json_t *root = json_loadb(first, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

    FUZZ_CHECK(json_is_object(root));
    json_decref(root);
    FUZZ_CHECK(mn_utf8_valid(first, n));
    text = fuzz_copy(first, n);
    FUZZ_CHECK(mn_envelope_parse(text, n, &again) == MN_OK);
    FUZZ_CHECK(print(&again, &second) == n);
    FUZZ_CHECK(memcmp(first, second, n) == 0);
    mn_free(first);
    mn_free(second);
    mn_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    struct mn_envelope env;
    enum mn_err err = mn_envelope_parse(text, size, &env);

    FUZZ_CHECK(err == MN_OK || err == MN_EINVAL);
    /* Frames are checked for UTF-8 before; without it, only memory must be safe. */
    if (mn_utf8_valid((const char *)data, size)) {
        compare(data, size, err, &env);
        if (err == MN_OK)
            check_printed(&env);
    }
    mn_free(text);
    return 0;
}
