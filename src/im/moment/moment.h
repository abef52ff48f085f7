/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_MOMENT_MOMENT_H
#define MN_IM_MOMENT_MOMENT_H

#include "base/buf.h"
#include "base/id.h"
#include "im/text/filter.h"
#include "store/sql/moment.h"

/*
 * Moments (H-7.9): what a post or a comment may say, and the ids of what is
 * made.  To whom they are visible is asked in the transaction that reads or
 * changes them: errors not named here are those of store/sql/moment.h.
 *
 * What takes a `struct mn_moments *` blocks on the store: workers only, any
 * number of them at once.
 */
struct mn_moments;

/* Both outlive it. */
struct mn_moments *mn_moments_new(struct mn_db *db, struct mn_idgen *ids);
/* NULL is a no-op. */
void mn_moments_free(struct mn_moments *moments);

/*
 * The text as it is to be stored: trimmed, and then filtered if there is a
 * filter, into `out` if that changes it.  MN_EINVAL: nothing in it; MN_ELIMIT:
 * more than 500 UTF-16 units before the filter; MN_ENOMEM.
 */
MN_MUSTCHECK enum mn_err mn_moment_text(const struct mn_filter *filter, struct mn_str text,
                                        struct mn_buf *out, struct mn_str *ret);

/* ---- posts ---- */

/* With `content` of mn_moment_text().  MN_EBUSY: no id can be given now; else as in the store. */
MN_MUSTCHECK enum mn_err mn_moment_post(struct mn_moments *moments, int64_t author,
                                        struct mn_str content, int64_t *ret_id);
/* MN_EPERM: `user` is not its author. */
MN_MUSTCHECK enum mn_err mn_moment_post_delete(struct mn_moments *moments, int64_t post,
                                               int64_t user);
/* Whether the user may see the post: MN_OK. */
MN_MUSTCHECK enum mn_err mn_moment_visible(struct mn_moments *moments, int64_t post,
                                           int64_t viewer);
/* A page of the viewer's and his friends' posts; of one user's. */
MN_MUSTCHECK enum mn_err mn_moment_feed(struct mn_moments *moments,
                                        const struct mn_moment_page *page, mn_moment_post_fn fn,
                                        void *arg);
MN_MUSTCHECK enum mn_err mn_moment_posts(struct mn_moments *moments,
                                         const struct mn_moment_page *page, mn_moment_post_fn fn,
                                         void *arg);
MN_MUSTCHECK enum mn_err mn_moment_like(struct mn_moments *moments, int64_t post, int64_t user,
                                        enum mn_moment_like what, bool *ret_liked,
                                        int64_t *ret_count);

/* ---- comments ---- */

/* As mn_moment_post(). */
MN_MUSTCHECK enum mn_err mn_moment_comment(struct mn_moments *moments, int64_t post, int64_t user,
                                           struct mn_str content, int64_t *ret_id);
MN_MUSTCHECK enum mn_err mn_moment_comment_delete(struct mn_moments *moments, int64_t comment,
                                                  int64_t user);
MN_MUSTCHECK enum mn_err mn_moment_comments(struct mn_moments *moments,
                                            const struct mn_moment_page *page,
                                            mn_moment_comment_fn fn, void *arg);

#endif
