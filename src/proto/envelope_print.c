/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope printer: compact JSON in the fixed order of
 * W-2.1, absent fields left out, escapes of 2.3.  mn_envelope_bound() counts
 * the escapes first, so that a frame is allocated in its real size and not
 * six times as large.  Pure, any thread.
 */
#include "proto/envelope.h"

#include "base/num.h"
#include "proto/envelope_fields.h"
#include "proto/json.h"
#include "proto/mentions.h"

#define ESCAPE_MAX 6 /* \u001f */
#define I64_MAX_DIGITS 20
#define RETRY_AFTER "retryAfterMs"

static size_t count_special(const char *p, const char *end)
{
    size_t count = 0;

    for (;;) {
        p = mn_json_scan(p, end);
        if (p == end)
            return count;
        count++;
        p++;
    }
}

/* Bytes of a string between its quotes, at most. */
static size_t bound_text(struct mn_str s)
{
    return s.n == 0 ? 0 : s.n + count_special(s.p, s.p + s.n) * (ESCAPE_MAX - 1);
}

/* Each element can gain two quotes (a number of one digit); nothing else grows. */
static size_t bound_list(struct mn_str s) { return 2 * s.n + 2; }

size_t mn_envelope_bound(const struct mn_envelope *env)
{
    size_t n = sizeof("{}") - 1;

    /* ,"name":"text" */
#define BOUND_KIND(sym, name, member)                                                              \
    n += sizeof(",\"" name "\":\"\"") + strlen(mn_type_name(env->type));
#define BOUND_STR(sym, name, member)                                                               \
    if (env->member.p != NULL)                                                                     \
        n += sizeof(",\"" name "\":\"\"") + bound_text(env->member);
#define BOUND_LIST(sym, name, member)                                                              \
    if (env->member.p != NULL)                                                                     \
        n += sizeof(",\"" name "\":\"\"") + bound_list(env->member);
#define BOUND_INT(sym, name, member, bit)                                                          \
    if (env->has & (bit))                                                                          \
        n += sizeof(",\"" name "\":\"\"") + I64_MAX_DIGITS;
    MN_FIELD_MAP(BOUND_KIND, BOUND_STR, BOUND_INT, BOUND_INT, BOUND_INT, BOUND_LIST)
    BOUND_INT(RETRY_AFTER, RETRY_AFTER, retry_after_ms, MN_HAS_RETRY_AFTER)
#undef BOUND_KIND
#undef BOUND_STR
#undef BOUND_LIST
#undef BOUND_INT
    return n;
}

static inline char *put(char *w, const char *p, size_t n)
{
    memcpy(w, p, n);
    return w + n;
}

/* Fewer than 16 bytes, without a call: words that overlap. */
static inline char *put_short(char *w, const char *p, size_t n)
{
    if (n >= 8) {
        put(w, p, 8);
        put(w + n - 8, p + n - 8, 8);
    } else if (n >= 4) {
        put(w, p, 4);
        put(w + n - 4, p + n - 4, 4);
    } else {
        for (size_t i = 0; i < n; i++)
            w[i] = p[i];
    }
    return w + n;
}

static char *put_escape(char *w, char c)
{
    static const char hex[] = "0123456789abcdef";
    /* Index: the character; 0: \u00XX. */
    static const char letter[128] = {['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                     ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't'};
    unsigned char u = (unsigned char)c;

    *w++ = '\\';
    if (letter[u] != 0) {
        *w++ = letter[u];
        return w;
    }
    w = put(w, "u00", 3);
    *w++ = hex[u >> 4];
    *w++ = hex[u & 0xf];
    return w;
}

/*
 * A string with its quotes.  Blocks are stored before they are looked at:
 * each of their bytes needs one byte of room at least, so a store never
 * goes beyond the bound.
 */
static char *put_text(char *w, struct mn_str s)
{
    const char *p = s.p;
    const char *end = p + s.n;

    *w++ = '"';
#if defined(__SSE2__)
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        unsigned bits = mn_json_special16(v);
        unsigned n = bits != 0 ? (unsigned)__builtin_ctz(bits) : 16;

        _mm_storeu_si128((__m128i *)(void *)w, v);
        w += n;
        p += n;
        if (bits != 0)
            w = put_escape(w, *p++);
    }
#endif
    while (p < end) {
        size_t n = (size_t)(mn_json_scan(p, end) - p);

        w = n < 16 ? put_short(w, p, n) : put(w, p, n);
        p += n;
        if (p < end)
            w = put_escape(w, *p++);
    }
    *w++ = '"';
    return w;
}

/*
 * The list as an array of strings, whatever its elements were (2.1).
 * Elements are written from their text, whose escapes are decoded and
 * encoded again one by one, so that no scratch memory is needed.
 */
static char *put_list_string(char *w, const char *p, const char *end)
{
    *w++ = '"';
    while (p < end) {
        char utf8[4];
        unsigned n;

        if (*p != '\\') {
            *w++ = *p++;
            continue;
        }
        p = mn_json_unescape(p, end, utf8, &n);
        if (p == NULL)
            break; /* not from our parser */
        if (n == 1 && mn_json_is_special(utf8[0]))
            w = put_escape(w, utf8[0]);
        else
            w = put(w, utf8, n);
    }
    *w++ = '"';
    return w;
}

static char *put_list(char *w, struct mn_str list)
{
    struct mn_str element;
    size_t pos = 0;
    char *first = w + 1;

    *w++ = '[';
    while (mn_mentions_raw(list, &pos, &element)) {
        if (w != first)
            *w++ = ',';
        w = put_list_string(w, element.p, element.p + element.n);
    }
    *w++ = ']';
    return w;
}

static char *put_id(char *w, int64_t v)
{
    *w++ = '"';
    w += mn_print_i64(w, v);
    *w++ = '"';
    return w;
}

size_t mn_envelope_print(const struct mn_envelope *env, char *out)
{
    char *w = out;

    /* The first field is always there, so that every later one begins with a comma. */
#define PRINT_KIND(sym, name, member)                                                              \
    w = put(w, "{\"" name "\":", sizeof("{\"" name "\":") - 1);                                    \
    w = put_text(w, mn_str_c(mn_type_name(env->type)));
#define PRINT_NAME(name) w = put(w, ",\"" name "\":", sizeof(",\"" name "\":") - 1);
#define PRINT_STR(sym, name, member)                                                               \
    if (env->member.p != NULL) {                                                                   \
        PRINT_NAME(name)                                                                           \
        w = put_text(w, env->member);                                                              \
    }
#define PRINT_LIST(sym, name, member)                                                              \
    if (env->member.p != NULL) {                                                                   \
        PRINT_NAME(name)                                                                           \
        w = put_list(w, env->member);                                                              \
    }
#define PRINT_NUM(sym, name, member, bit)                                                          \
    if (env->has & (bit)) {                                                                        \
        PRINT_NAME(name)                                                                           \
        w += mn_print_i64(w, env->member);                                                         \
    }
#define PRINT_ID(sym, name, member, bit)                                                           \
    if (env->has & (bit)) {                                                                        \
        PRINT_NAME(name)                                                                           \
        w = put_id(w, env->member);                                                                \
    }
#define PRINT_BOOL(sym, name, member, bit)                                                         \
    if (env->has & (bit)) {                                                                        \
        PRINT_NAME(name)                                                                           \
        w = env->member ? put(w, "true", 4) : put(w, "false", 5);                                  \
    }
    MN_FIELD_MAP(PRINT_KIND, PRINT_STR, PRINT_NUM, PRINT_ID, PRINT_BOOL, PRINT_LIST)
    PRINT_NUM(RETRY_AFTER, RETRY_AFTER, retry_after_ms, MN_HAS_RETRY_AFTER)
#undef PRINT_KIND
#undef PRINT_NAME
#undef PRINT_STR
#undef PRINT_LIST
#undef PRINT_NUM
#undef PRINT_ID
#undef PRINT_BOOL
    *w++ = '}';
    return (size_t)(w - out);
}
