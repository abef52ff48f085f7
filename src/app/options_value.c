/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an option's text to its field and back, by type.  Nothing here knows
 * a single option.  Silent.
 */
#include "app/options_impl.h"

#include <inttypes.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/utf8.h"

struct unit {
    const char *name;
    int64_t factor;
};

/* Longer suffixes first, so that "ms" is not read as "s". */
static const struct unit ms_units[] = {
    {"ms", 1}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {NULL, 0}};
static const struct unit s_units[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}, {NULL, 0}};

static bool is_text(const struct mn_option *option)
{
    return option->type == MN_OPTION_STRING || option->type == MN_OPTION_PATH ||
           option->type == MN_OPTION_LIST;
}

static enum mn_err parse_bool(struct mn_str s, bool *ret)
{
    static const char *const words[][2] = {
        {"false", "true"}, {"no", "yes"}, {"off", "on"}, {"0", "1"}};

    for (size_t i = 0; i < MN_ARRAY_LEN(words); i++)
        for (int value = 0; value < 2; value++)
            if (mn_str_eq_nocase(s, mn_str_c(words[i][value]))) {
                *ret = value;
                return MN_OK;
            }
    return MN_EINVAL;
}

/* A number in its base unit, or with one of the units behind it. */
static enum mn_err parse_units(struct mn_str s, const struct unit *units, int64_t min, int64_t max,
                               int64_t *ret)
{
    int64_t factor = 1, v;

    for (; units->name; units++) {
        size_t n = strlen(units->name);
        if (s.n > n && memcmp(s.p + s.n - n, units->name, n) == 0) {
            s.n -= n;
            factor = units->factor;
            break;
        }
    }
    enum mn_err err = mn_parse_i64(s, INT64_MIN, INT64_MAX, &v);
    if (err)
        return err;
    if (__builtin_mul_overflow(v, factor, &v) || v < min || v > max)
        return MN_ELIMIT;
    *ret = v;
    return MN_OK;
}

static enum mn_err parse_bytes(const struct mn_option *option, struct mn_str s, int64_t *ret)
{
    uint64_t v = 0;
    enum mn_err err = mn_parse_bytes(s, (uint64_t)option->min, (uint64_t)option->max, &v);

    if (!err)
        *ret = (int64_t)v;
    return err;
}

static enum mn_err parse_enum(const struct mn_option *option, struct mn_str s, unsigned *ret)
{
    for (unsigned i = 0; option->choices[i]; i++)
        if (mn_str_eq_nocase(s, mn_str_c(option->choices[i]))) {
            *ret = i;
            return MN_OK;
        }
    return MN_EINVAL;
}

static enum mn_err parse_number(const struct mn_option *option, struct mn_str text, int64_t *ret)
{
    switch (option->type) {
    case MN_OPTION_INTEGER:
    case MN_OPTION_PORT:
        return mn_parse_i64(text, option->min, option->max, ret);
    case MN_OPTION_MILLISECONDS:
        return parse_units(text, ms_units, option->min, option->max, ret);
    case MN_OPTION_SECONDS:
        return parse_units(text, s_units, option->min, option->max, ret);
    case MN_OPTION_BYTES:
        return parse_bytes(option, text, ret);
    case MN_OPTION_BOOL:
    case MN_OPTION_ENUM:
    case MN_OPTION_STRING:
    case MN_OPTION_PATH:
    case MN_OPTION_LIST:
        break;
    }
    return MN_EINVAL;
}

/* The table gives no field a limit that it has no room for. */
static void store_number(const struct mn_option *option, struct mn_config *config, int64_t v)
{
    void *field = mn_option_field(option, config);

    if (option->size == sizeof(uint16_t))
        *(uint16_t *)field = (uint16_t)v;
    else if (option->size == sizeof(uint32_t))
        *(uint32_t *)field = (uint32_t)v;
    else
        *(int64_t *)field = v;
}

int64_t mn_option_number(const struct mn_option *option, const struct mn_config *config)
{
    const void *field = mn_option_value(option, config);

    if (option->size == sizeof(uint16_t))
        return *(const uint16_t *)field;
    if (option->size == sizeof(uint32_t))
        return option->min < 0 ? *(const int32_t *)field : (int64_t) * (const uint32_t *)field;
    return *(const int64_t *)field;
}

/* Files and secrets of orchestrators often end in one, which is no part of the secret. */
static struct mn_str without_line_end(struct mn_str text)
{
    if (text.n > 0 && text.p[text.n - 1] == '\n')
        text.n--;
    if (text.n > 0 && text.p[text.n - 1] == '\r')
        text.n--;
    return text;
}

/* Control characters have no place in a name, a path or a list, and would forge lines. */
static bool is_clean(struct mn_str text, struct mn_buf *problem)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f) {
            mn_buf_addf(problem,
                        "control characters are not allowed (byte 0x%02x at place %zu; line ends "
                        "and tabs are such)",
                        (unsigned)(unsigned char)text.p[i], i + 1);
            return false;
        }
    if (!mn_utf8_valid(text.p, text.n)) {
        mn_buf_add_z(problem, "expected UTF-8");
        return false;
    }
    return true;
}

static enum mn_err set_text(const struct mn_option *option, struct mn_config *config,
                            struct mn_str text, struct mn_buf *problem)
{
    char *field = mn_option_field(option, config), copy[MN_CONFIG_LIST];

    _Static_assert(MN_CONFIG_LIST >= MN_CONFIG_PATH, "copy holds every kind of text");
    if (option->flags & MN_OPTION_SECRET)
        text = without_line_end(text);
    if (text.n < (uint64_t)option->min || text.n > (uint64_t)option->max)
        return MN_ELIMIT;
    if (!is_clean(text, problem))
        return MN_EINVAL;
    if (text.n)
        memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    if (option->check && !option->check(copy, problem))
        return MN_EINVAL;
    memset(field, 0, option->size); /* equal texts are equal fields */
    memcpy(field, copy, text.n);
    return MN_OK;
}

enum mn_err mn_option_set(const struct mn_option *option, struct mn_config *config,
                          struct mn_str text, struct mn_buf *problem)
{
    size_t before = problem->n;
    enum mn_err err;

    if (is_text(option)) {
        err = set_text(option, config, text, problem);
    } else if (option->type == MN_OPTION_BOOL) {
        err = parse_bool(text, mn_option_field(option, config));
    } else if (option->type == MN_OPTION_ENUM) {
        unsigned value = 0;
        err = parse_enum(option, text, &value);
        if (!err) /* all enums of the config have the size of an unsigned int */
            memcpy(mn_option_field(option, config), &value, sizeof value);
    } else {
        int64_t value = 0;
        err = parse_number(option, text, &value);
        if (!err)
            store_number(option, config, value);
    }
    if (err && problem->n == before) {
        mn_buf_add_z(problem, "expected ");
        mn_option_describe(option, problem);
        if (option->type == MN_OPTION_MILLISECONDS)
            mn_buf_add_z(problem, ", or with a unit such as 90s or 5m");
        else if (option->type == MN_OPTION_SECONDS)
            mn_buf_add_z(problem, ", or with a unit such as 30m or 7d");
        else if (option->type == MN_OPTION_BYTES)
            mn_buf_add_z(problem, ": a number, or one with the unit KiB, MiB or GiB");
    }
    return err ? MN_EINVAL : MN_OK;
}

/* ---- back to text ---- */

static void print_number(const struct mn_option *option, int64_t v, struct mn_buf *out)
{
    static const char *const units[] = {"", "KiB", "MiB", "GiB"};
    size_t unit = 0;

    while (option->type == MN_OPTION_BYTES && unit + 1 < MN_ARRAY_LEN(units) && v != 0 &&
           v % 1024 == 0) {
        v /= 1024;
        unit++;
    }
    mn_buf_addf(out, "%" PRId64 "%s", v, units[unit]);
}

static void describe_range(const struct mn_option *option, const char *what, struct mn_buf *out)
{
    mn_buf_addf(out, "%s, ", what);
    print_number(option, option->min, out);
    mn_buf_add_z(out, " to ");
    print_number(option, option->max, out);
}

static void describe_text(const struct mn_option *option, const char *what, struct mn_buf *out)
{
    if (option->min > 0)
        mn_buf_addf(out, "%s, %" PRId64 " to %" PRId64 " bytes", what, option->min, option->max);
    else
        mn_buf_addf(out, "%s, at most %" PRId64 " bytes", what, option->max);
}

static void describe_enum(const struct mn_option *option, struct mn_buf *out)
{
    for (size_t i = 0; option->choices[i]; i++)
        mn_buf_addf(out, "%s%s",
                    i == 0                   ? ""
                    : option->choices[i + 1] ? ", "
                                             : " or ",
                    option->choices[i]);
}

void mn_option_describe(const struct mn_option *option, struct mn_buf *out)
{
    switch (option->type) {
    case MN_OPTION_BOOL:
        mn_buf_add_z(out, "true or false");
        break;
    case MN_OPTION_INTEGER:
        describe_range(option, "integer", out);
        break;
    case MN_OPTION_PORT:
        describe_range(option, "port", out);
        break;
    case MN_OPTION_MILLISECONDS:
        describe_range(option, "milliseconds", out);
        break;
    case MN_OPTION_SECONDS:
        describe_range(option, "seconds", out);
        break;
    case MN_OPTION_BYTES:
        describe_range(option, "bytes", out);
        break;
    case MN_OPTION_ENUM:
        describe_enum(option, out);
        break;
    case MN_OPTION_STRING:
        describe_text(option, "text", out);
        break;
    case MN_OPTION_PATH:
        describe_text(option, "path", out);
        break;
    case MN_OPTION_LIST:
        describe_text(option, "list", out);
        break;
    }
}

void mn_option_print(const struct mn_option *option, const struct mn_config *config,
                     struct mn_buf *out)
{
    const void *field = mn_option_value(option, config);
    unsigned choice;

    switch (option->type) {
    case MN_OPTION_BOOL:
        mn_buf_add_z(out, *(const bool *)field ? "true" : "false");
        break;
    case MN_OPTION_INTEGER:
    case MN_OPTION_PORT:
    case MN_OPTION_MILLISECONDS:
    case MN_OPTION_SECONDS:
    case MN_OPTION_BYTES:
        print_number(option, mn_option_number(option, config), out);
        break;
    case MN_OPTION_ENUM:
        memcpy(&choice, field, sizeof choice);
        mn_buf_add_z(out, option->choices[choice]);
        break;
    case MN_OPTION_STRING:
    case MN_OPTION_PATH:
    case MN_OPTION_LIST:
        mn_buf_add_z(out, field);
        break;
    }
}

bool mn_option_equal(const struct mn_option *option, const struct mn_config *a,
                     const struct mn_config *b)
{
    return memcmp(mn_option_value(option, a), mn_option_value(option, b), option->size) == 0;
}
