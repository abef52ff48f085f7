/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Iteration over the one array of an envelope, kept as JSON text: few
 * frames have it, and nobody needs it twice.  The position is an offset
 * into the text, always in front of an element or its comma.  Pure, any
 * thread.
 */
#include "proto/mentions.h"

#include "proto/envelope.h"
#include "proto/json.h"

/* In front of the next element; NULL when there is none. */
static const char *next_element(const char *p, const char *end, bool first)
{
    p = mn_json_skip_space(p, end);
    if (p == end || *p != (first ? '[' : ','))
        return NULL;
    p = mn_json_skip_space(p + 1, end);
    return p < end && *p != ']' && *p != '[' && *p != '{' ? p : NULL;
}

bool mn_mentions_raw(struct mn_str mentions, size_t *pos, struct mn_str *ret)
{
    const char *end = mentions.p + mentions.n;
    const char *p;
    const char *next;

    for (;;) {
        p = next_element(mentions.p + *pos, end, *pos == 0);
        next = p != NULL ? mn_json_skip_value(p, end, 2) : NULL;
        if (next == NULL)
            return false;
        *pos = (size_t)(next - mentions.p);
        if (*p == 'n')
            continue;
        *ret = *p == '"' ? mn_str_make(p + 1, (size_t)(next - p) - 2)
                         : mn_str_make(p, (size_t)(next - p));
        return true;
    }
}

/* Decodes what fits whole into scratch[0..cap). */
static struct mn_str decode(struct mn_str raw, char *scratch, size_t cap)
{
    const char *p = raw.p;
    const char *end = p + raw.n;
    size_t used = 0;

    while (p < end) {
        char utf8[4];
        unsigned n = 1;

        if (*p == '\\') {
            p = mn_json_unescape(p, end, utf8, &n);
            if (p == NULL)
                break;
        } else {
            utf8[0] = *p++;
            /* A character's continuation bytes stay with it, so that none is cut in two. */
            while (n < 4 && p < end && ((unsigned char)*p & 0xc0) == 0x80)
                utf8[n++] = *p++;
        }
        if (cap - used < n)
            break;
        memcpy(scratch + used, utf8, n);
        used += n;
    }
    return mn_str_make(scratch, used);
}

bool mn_mentions_next(struct mn_str mentions, size_t *pos, char *scratch, size_t cap,
                      struct mn_str *ret)
{
    struct mn_str raw;

    if (mentions.p == NULL || !mn_mentions_raw(mentions, pos, &raw))
        return false;
    *ret = decode(raw, scratch, cap);
    return true;
}
