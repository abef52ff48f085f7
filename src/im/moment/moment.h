/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_MOMENT_MOMENT_H
#define MN_IM_MOMENT_MOMENT_H

#include "base/buf.h"
#include "base/id.h"
#include "im/filter.h"
#include "store/sql/moment.h"

/*
 * Moments (H-7.9): what a post or a comment may say, and the ids of what is
 * made.  What is done to them, and to whom they are visible, is
 * store/sql/moment.h's: mn_moments_db() is for the rest of it.
 */
struct mn_moments;

/* Both outlive it. */
struct mn_moments *mn_moments_new(struct mn_db *db, struct mn_idgen *ids);
/* NULL is a no-op. */
void mn_moments_free(struct mn_moments *moments);
struct mn_db *mn_moments_db(struct mn_moments *moments);

/*
 * The text as it is to be stored: trimmed, and then filtered if there is a
 * filter, into `out` if that changes it.  MN_EINVAL: nothing in it; MN_ELIMIT:
 * more than 500 UTF-16 units before the filter; MN_ENOMEM.
 */
MN_MUSTCHECK enum mn_err mn_moment_text(const struct mn_filter *filter, struct mn_str text,
                                        struct mn_buf *out, struct mn_str *ret);

/* With `content` of mn_moment_text().  MN_EBUSY: no id can be given now; else as in the store. */
MN_MUSTCHECK enum mn_err mn_moment_post(struct mn_moments *moments, int64_t author,
                                        struct mn_str content, int64_t *ret_id);
MN_MUSTCHECK enum mn_err mn_moment_comment(struct mn_moments *moments, int64_t post, int64_t user,
                                           struct mn_str content, int64_t *ret_id);
MN_MUSTCHECK enum mn_err mn_moment_like(struct mn_moments *moments, int64_t post, int64_t user,
                                        enum mn_moment_like what, bool *ret_liked,
                                        int64_t *ret_count);

#endif
