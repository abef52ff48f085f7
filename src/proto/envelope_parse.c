/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope parser: one pass over the frame, in place, no allocation.
 * Every text frame of every client comes through here, so strings are
 * scanned 16 bytes at a time and the common forms of ids are read without a
 * detour; what is rare (escapes, fractions, signs) may be slow, but is
 * exact.  Strings of the result point into the frame and live as long.
 *
 * What is accepted is W-2.2, row by row; the unit test and the
 * fuzzer (against jansson) hold it to that.  Whether a frame makes sense
 * for its type is not judged here.
 */
#include "proto/envelope.h"

#include "base/num.h"
#include "proto/envelope_fields.h"
#include "proto/json.h"

enum field {
    FIELD_UNKNOWN = 0,
#define FIELD_ENUM(sym, ...) FIELD_##sym,
    MN_FIELD_MAP(FIELD_ENUM, FIELD_ENUM, FIELD_ENUM, FIELD_ENUM, FIELD_ENUM, FIELD_ENUM)
#undef FIELD_ENUM
};

/* `known` has the length that was switched on, so this is one or two compares of words. */
#define NAMED(known, field) (memcmp(p, known, sizeof(known) - 1) == 0 ? (field) : FIELD_UNKNOWN)

static enum field find_field(const char *p, size_t n)
{
    switch (n) {
    case 2:
        return p[1] == 'o' ? NAMED("to", FIELD_TO) : NAMED("ts", FIELD_TS);
    case 3:
        return NAMED("sdp", FIELD_SDP);
    case 4:
        return p[0] == 't'   ? NAMED("type", FIELD_TYPE)
               : p[0] == 'b' ? NAMED("body", FIELD_BODY)
                             : NAMED("from", FIELD_FROM);
    case 5:
        return NAMED("token", FIELD_TOKEN);
    case 6:
        return p[0] == 'm'   ? NAMED("msgSeq", FIELD_MSG_SEQ)
               : p[0] == 'c' ? NAMED("callId", FIELD_CALL_ID)
                             : NAMED("reason", FIELD_REASON);
    case 7:
        return p[0] == 'm'   ? NAMED("msgType", FIELD_MSG_TYPE)
               : p[0] == 'a' ? NAMED("ackType", FIELD_ACK_TYPE)
                             : NAMED("groupId", FIELD_GROUP_ID);
    case 8:
        return p[0] == 'm' ? NAMED("mentions", FIELD_MENTIONS) : NAMED("callKind", FIELD_CALL_KIND);
    case 9:
        return p[1] == 'm' ? NAMED("important", FIELD_IMPORTANT)
                           : NAMED("iceSdpMid", FIELD_ICE_MID);
    case 10:
        return NAMED("callReason", FIELD_CALL_REASON);
    case 11:
        return p[0] == 'c' ? NAMED("clientMsgId", FIELD_CLIENT_MSG_ID)
                           : NAMED("serverMsgId", FIELD_SERVER_MSG_ID);
    case 12:
        return NAMED("iceCandidate", FIELD_ICE_CANDIDATE);
    case 16:
        return NAMED("iceSdpMLineIndex", FIELD_ICE_LINE);
    case 18:
        return NAMED("replyToServerMsgId", FIELD_REPLY_TO);
    default:
        return FIELD_UNKNOWN;
    }
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Whether the escape at p, which has become one byte, was half of a surrogate pair. */
static bool is_unpaired(const char *p, unsigned n)
{
    return n == 1 && p[1] == 'u' && (p[2] | 0x20) == 'd';
}

/*
 * p is at the first backslash of a string that began at `start`: decodes in
 * place.  *lossy becomes true when two different strings can give this one.
 */
static char *read_escaped(char *start, char *p, const char *end, struct mn_str *ret, bool *lossy)
{
    char *w = p;

    for (;;) {
        const char *next;
        char utf8[4];
        unsigned n;

        if (p == end)
            return NULL;
        if (*p == '"')
            break;
        if (*p == '\\') {
            next = mn_json_unescape(p, end, utf8, &n);
            if (next == NULL)
                return NULL;
            *lossy |= is_unpaired(p, n);
            memcpy(w, utf8, n); /* an escape is never shorter than its character */
            w += n;
        } else if (mn_json_is_special(*p)) {
            return NULL;
        } else {
            next = mn_json_scan(p, end);
            memmove(w, p, (size_t)(next - p));
            w += next - p;
        }
        p += next - p;
    }
    *ret = mn_str_make(start, (size_t)(w - start));
    return p + 1;
}

/* A string whose opening quote is at p[-1]. */
static inline char *read_string(char *p, const char *end, struct mn_str *ret, bool *lossy)
{
    char *stop = p + (mn_json_scan(p, end) - p);

    if (stop == end)
        return NULL;
    if (MN_UNLIKELY(*stop != '"'))
        return *stop == '\\' ? read_escaped(p, stop, end, ret, lossy) : NULL;
    *ret = mn_str_make(p, (size_t)(stop - p));
    return stop + 1;
}

/* String field: numbers and booleans become their text, null is absent. */
static char *read_text(char *p, const char *end, struct mn_str *ret, bool *lossy)
{
    const char *next;
    bool integer;

    if (MN_LIKELY(*p == '"'))
        return read_string(p + 1, end, ret, lossy);
    if (*p == '-' || is_digit(*p))
        next = mn_json_skip_number(p, end, &integer);
    else
        next = mn_json_skip_literal(p, end);
    if (next == NULL)
        return NULL;
    *ret = *p == 'n' ? MN_STR_NONE : mn_str_make(p, (size_t)(next - p));
    return p + (next - p);
}

/* Where an integer field goes. */
struct int_field {
    int64_t min;
    int64_t max;
    int64_t value;
    bool present;
};

/* Up to 19 digits, which cannot overflow: returns behind them; none: returns p. */
static inline char *read_digits(char *p, const char *end, uint64_t *ret)
{
    const char *stop = end - p > 19 ? p + 19 : end;
    uint64_t eight;
    uint64_t v = 0;

    while (stop - p >= 8 && mn_parse_eight(p, &eight)) {
        v = v * 100000000 + eight;
        p += 8;
    }
    while (p < stop && is_digit(*p))
        v = v * 10 + (unsigned)(*p++ - '0');
    *ret = v;
    return p;
}

static enum mn_err set_positive(struct int_field *f, uint64_t v)
{
    if (v > (uint64_t)f->max)
        return MN_EINVAL;
    f->value = (int64_t)v;
    f->present = true;
    return MN_OK;
}

/* The text of a string as Java's Long.parseLong reads it, ASCII only. */
static enum mn_err set_int_text(struct int_field *f, struct mn_str s)
{
    size_t sign;

    s = mn_str_trim(s);
    f->present = false;
    if (s.n == 0 || mn_str_eq(s, MN_STR("null")))
        return MN_OK;
    sign = *s.p == '-' || *s.p == '+';
    if (s.n == sign)
        return MN_EINVAL;
    for (size_t i = sign; i < s.n; i++)
        if (!is_digit(s.p[i]))
            return MN_EINVAL;
    if (*s.p == '+')
        s = mn_str_make(s.p + 1, s.n - 1);
    f->present = true;
    return mn_json_int(s.p, s.n, f->min, f->max, &f->value);
}

static char *read_int_string(char *p, const char *end, struct int_field *f)
{
    struct mn_str s;
    uint64_t v;
    bool lossy = false;
    char *stop = read_digits(p, end, &v);

    if (MN_LIKELY(stop > p && stop < end && *stop == '"'))
        return set_positive(f, v) == MN_OK ? stop + 1 : NULL;
    p = read_string(p, end, &s, &lossy);
    return p != NULL && set_int_text(f, s) == MN_OK ? p : NULL;
}

/* Whether what follows digits shows that they were not the whole number. */
static bool goes_on(char c) { return is_digit(c) || c == '.' || (c | 0x20) == 'e'; }

static char *read_int_number(char *p, const char *end, struct int_field *f)
{
    const char *next;
    bool integer;
    uint64_t v;
    char *stop = read_digits(p, end, &v);

    if (MN_LIKELY(stop > p && stop < end && !goes_on(*stop) && (*p != '0' || stop == p + 1)))
        return set_positive(f, v) == MN_OK ? stop : NULL;
    next = mn_json_skip_number(p, end, &integer);
    if (next == NULL || mn_json_int(p, (size_t)(next - p), f->min, f->max, &f->value) != MN_OK)
        return NULL;
    f->present = true;
    return p + (next - p);
}

/* Integer field (2.2): string, number, or null. */
static char *read_int(char *p, const char *end, struct int_field *f)
{
    const char *next;

    if (*p == '"')
        return read_int_string(p + 1, end, f);
    if (*p == '-' || is_digit(*p))
        return read_int_number(p, end, f);
    next = *p == 'n' ? mn_json_skip_literal(p, end) : NULL;
    f->present = false;
    return next != NULL ? p + (next - p) : NULL;
}

/* An integer of any size: 0 (or -0) is false. */
static bool is_nonzero(const char *p, const char *end)
{
    while (p < end && (*p == '0' || *p == '-'))
        p++;
    return p < end;
}

/* `important`: bool, "true", "false", "" (absent), integer, or null. */
static char *read_bool(char *p, const char *end, struct mn_envelope *env)
{
    const char *next;
    struct mn_str s;
    bool integer = false, lossy = false;

    env->has &= ~(unsigned)MN_HAS_IMPORTANT;
    if (*p == '-' || is_digit(*p)) {
        next = mn_json_skip_number(p, end, &integer);
        if (next == NULL || !integer)
            return NULL;
        env->important = is_nonzero(p, next);
        env->has |= MN_HAS_IMPORTANT;
        return p + (next - p);
    }
    p = read_text(p, end, &s, &lossy);
    if (p == NULL || s.n == 0)
        return p; /* null or "" */
    env->important = mn_str_eq(s, MN_STR("true"));
    env->has |= MN_HAS_IMPORTANT;
    return env->important || mn_str_eq(s, MN_STR("false")) ? p : NULL;
}

/* `mentions`: an array of scalars, checked and left as it is; or null. */
static char *read_list(char *p, const char *end, struct mn_str *ret)
{
    const char *q;

    *ret = MN_STR_NONE;
    if (*p == 'n') {
        q = mn_json_skip_literal(p, end);
        return q != NULL ? p + (q - p) : NULL;
    }
    if (*p != '[')
        return NULL;
    q = mn_json_skip_space(p + 1, end);
    if (q < end && *q == ']')
        q++;
    else
        for (;;) {
            if (q == end || *q == '[' || *q == '{')
                return NULL;
            q = mn_json_skip_value(q, end, 2);
            if (q == NULL)
                return NULL;
            q = mn_json_skip_space(q, end);
            if (q == end || (*q != ',' && *q != ']'))
                return NULL;
            if (*q++ == ']')
                break;
            q = mn_json_skip_space(q, end);
        }
    *ret = mn_str_make(p, (size_t)(q - p));
    return p + (q - p);
}

static void set_has(struct mn_envelope *env, unsigned bit, bool present)
{
    env->has = present ? env->has | bit : env->has & ~bit;
}

/* The value of one field, p[0] being its first byte. */
static char *read_field(enum field field, char *p, const char *end, struct mn_envelope *env)
{
    struct int_field f = {.min = INT64_MIN, .max = INT64_MAX, .value = 0};
    const char *next;
    bool lossy = false;

    switch (field) {
#define READ_STR(sym, name, member)                                                                \
    case FIELD_##sym:                                                                              \
        p = read_text(p, end, &env->member, &lossy);                                               \
        if (FIELD_##sym == FIELD_CLIENT_MSG_ID)                                                    \
            set_has(env, MN_HAS_LOSSY_CLIENT_ID, lossy);                                           \
        return p;
#define READ_LIST(sym, name, member)                                                               \
    case FIELD_##sym:                                                                              \
        return read_list(p, end, &env->member);
#define READ_BOOL(sym, name, member, bit)                                                          \
    case FIELD_##sym:                                                                              \
        return read_bool(p, end, env);
#define READ_INT(sym, name, member, bit)                                                           \
    case FIELD_##sym:                                                                              \
        if (sizeof(env->member) == sizeof(int32_t)) {                                              \
            f.min = INT32_MIN;                                                                     \
            f.max = INT32_MAX;                                                                     \
        }                                                                                          \
        p = read_int(p, end, &f);                                                                  \
        env->member = (__typeof__(env->member))f.value;                                            \
        set_has(env, bit, f.present);                                                              \
        return p;
        MN_FIELD_MAP(READ_STR, READ_STR, READ_INT, READ_INT, READ_BOOL, READ_LIST)
#undef READ_STR
#undef READ_LIST
#undef READ_BOOL
#undef READ_INT
    case FIELD_UNKNOWN:
        break;
    }
    next = mn_json_skip_value(p, end, 1);
    return next != NULL ? p + (next - p) : NULL;
}

static inline char *skip_space(char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* `"name" : value`, p at the quote. */
static char *read_member(char *p, const char *end, struct mn_envelope *env)
{
    struct mn_str name;
    bool lossy = false; /* a name with such a character is none of ours */

    if (p == end || *p != '"')
        return NULL;
    p = read_string(p + 1, end, &name, &lossy);
    if (p == NULL)
        return NULL;
    p = skip_space(p, end);
    if (p == end || *p != ':')
        return NULL;
    p = skip_space(p + 1, end);
    if (p == end)
        return NULL;
    return read_field(find_field(name.p, name.n), p, end, env);
}

/*
 * All fields absent.  The compiler is kept from seeing the size: for a
 * constant one GCC emits `rep stos`, which takes 26 ns here where libc's
 * memset takes 5.
 */
static void clear(struct mn_envelope *env)
{
    size_t n = sizeof(*env);

    __asm__("" : "+r"(n));
    memset(env, 0, n);
}

enum mn_err mn_envelope_parse(char *p, size_t n, struct mn_envelope *ret)
{
    const char *end;

    if (n == 0)
        return MN_EINVAL;
    end = p + n;
    clear(ret);
    p = skip_space(p, end);
    if (p == end || *p != '{')
        return MN_EINVAL;
    p = skip_space(p + 1, end);
    if (p < end && *p == '}')
        return MN_OK;
    for (;;) {
        p = read_member(p, end, ret);
        if (p == NULL)
            return MN_EINVAL;
        p = skip_space(p, end);
        if (p == end || (*p != ',' && *p != '}'))
            return MN_EINVAL;
        if (*p == '}')
            break; /* text after the object is ignored (2.2) */
        p = skip_space(p + 1, end);
    }
    if (ret->type_text.p != NULL)
        ret->type = mn_type_find(ret->type_text);
    return MN_OK;
}
