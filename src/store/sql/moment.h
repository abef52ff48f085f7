/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_MOMENT_H
#define MN_STORE_SQL_MOMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Moments: posts of a user for himself and his friends, with likes and
 * comments (t_moment_*; H-7.9).  Who is a friend is asked in the same
 * transaction as what is done.  Any worker thread; errors besides those named
 * are those of store/sql/db.h.
 *
 * Where a post is named: MN_ENOTFOUND: there is none, or it is deleted;
 * MN_EPERM: the user is neither its author nor a friend of his.
 */
struct mn_db;

/* Bytes incl. NUL: 500 UTF-16 units, of which the filter may make half as many again. */
#define MN_MOMENT_TEXT_BYTES (750 * 3 + 1)

struct mn_moment_post {
    int64_t id, author;
    int64_t likes, comments;
    bool liked_by_me;
    int64_t created_ms;
    char content[MN_MOMENT_TEXT_BYTES];
};

struct mn_moment_comment {
    int64_t id, post, user;
    int64_t created_ms;
    char content[MN_MOMENT_TEXT_BYTES];
};

/* A page, newest first: only ids below `before` (INT64_MAX: all). */
struct mn_moment_page {
    int64_t viewer; /* who reads */
    int64_t of;     /* whose posts, or comments of which post */
    int64_t before;
    unsigned limit;
};
typedef void (*mn_moment_post_fn)(void *arg, const struct mn_moment_post *post);
typedef void (*mn_moment_comment_fn)(void *arg, const struct mn_moment_comment *comment);

MN_MUSTCHECK enum mn_err mn_db_post_create(struct mn_db *db, int64_t id, int64_t author,
                                           struct mn_str content, int64_t now_ms);
/* MN_EPERM: `user` is not its author. */
MN_MUSTCHECK enum mn_err mn_db_post_delete(struct mn_db *db, int64_t post, int64_t user,
                                           int64_t now_ms);
/* Whether the user may see the post: MN_OK. */
MN_MUSTCHECK enum mn_err mn_db_post_visible(struct mn_db *db, int64_t post, int64_t viewer);
/* Posts of the viewer and all his friends; `of` does not count. */
MN_MUSTCHECK enum mn_err mn_db_posts_of_friends(struct mn_db *db, const struct mn_moment_page *page,
                                                mn_moment_post_fn fn, void *arg);
/* Posts of the user `of`.  MN_EPERM: neither the viewer himself nor a friend. */
MN_MUSTCHECK enum mn_err mn_db_posts_of_user(struct mn_db *db, const struct mn_moment_page *page,
                                             mn_moment_post_fn fn, void *arg);

enum mn_moment_like { MN_MOMENT_UNLIKE, MN_MOMENT_LIKE, MN_MOMENT_TOGGLE };
/* `id` is for a new like.  *ret_liked, *ret_count: as it is afterwards. */
MN_MUSTCHECK enum mn_err mn_db_post_like(struct mn_db *db, int64_t id, int64_t post, int64_t user,
                                         enum mn_moment_like what, int64_t now_ms, bool *ret_liked,
                                         int64_t *ret_count);

MN_MUSTCHECK enum mn_err mn_db_comment_create(struct mn_db *db, int64_t id, int64_t post,
                                              int64_t user, struct mn_str content, int64_t now_ms);
/*
 * By its author, or the author of the post while it sees it.  MN_ENOTFOUND: no
 * such comment, or its post is gone.  MN_EPERM.  Deleted already: MN_OK.
 */
MN_MUSTCHECK enum mn_err mn_db_comment_delete(struct mn_db *db, int64_t comment, int64_t user,
                                              int64_t now_ms);
/* Comments of the post `of`. */
MN_MUSTCHECK enum mn_err mn_db_comments(struct mn_db *db, const struct mn_moment_page *page,
                                        mn_moment_comment_fn fn, void *arg);

/* Greatest id of anything here, 0 without any (for mn_idgen_raise). */
MN_MUSTCHECK enum mn_err mn_db_max_moment_id(struct mn_db *db, int64_t *ret_id);

#endif
