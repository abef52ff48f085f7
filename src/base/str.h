/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_STR_H
#define MN_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/*
 * A string that is not ours: pointer and length, not NUL-terminated, not
 * owned.  p == NULL means "absent", which is different from empty.
 */
struct mn_str {
    const char *p;
    size_t n;
};

#define MN_STR(lit) ((struct mn_str){(lit), sizeof(lit) - 1})
#define MN_STR_NONE ((struct mn_str){NULL, 0})

static inline struct mn_str mn_str_make(const char *p, size_t n) { return (struct mn_str){p, n}; }
static inline struct mn_str mn_str_c(const char *z)
{
    return (struct mn_str){z, z ? strlen(z) : 0};
}
static inline bool mn_str_eq(struct mn_str a, struct mn_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool mn_str_is(struct mn_str a, const char *z) { return mn_str_eq(a, mn_str_c(z)); }
/* ASCII case-insensitive equality. */
bool mn_str_eq_nocase(struct mn_str a, struct mn_str b);
/* Strips characters <= U+0020 from both ends (W-0). */
struct mn_str mn_str_trim(struct mn_str s);
/* Bytes of the blank character, by the same count, that `s` begins with; 0: it begins with none. */
size_t mn_str_blank_len(struct mn_str s);
/* Absent, or only blank characters as the protocol counts them (W-0). */
bool mn_str_is_blank(struct mn_str s);

#endif
