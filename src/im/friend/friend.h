/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_FRIEND_FRIEND_H
#define MN_IM_FRIEND_FRIEND_H

#include "base/buf.h"
#include "base/id.h"
#include "im/log_todo.h"
#include "im/sink.h"
#include "im/text/filter.h"
#include "proto/envelope.h"
#include "proto/reason.h"
#include "store/sql/friend.h"
#include "store/sql/friend_request.h"

/*
 * Friends (H-7.3, W-3.10): who may ask whom, what the greeting may be, what
 * a decision does in both stores, and who is told of it, after the commit.
 *
 * What takes a `struct mn_friends *` blocks on the stores: workers only, any
 * number of them at once.
 */
struct mn_friends;

struct mn_friends_config {
    struct mn_db *db; /* all of these outlive it */
    struct mn_log_todo *todo;
    struct mn_idgen *ids;
    struct mn_sink sink;
};

struct mn_friends *mn_friends_new(const struct mn_friends_config *config);
/* NULL is a no-op. */
void mn_friends_free(struct mn_friends *friends);

/*
 * The greeting as it is to be stored: filtered if there is a filter, into
 * `out` if that changes it.  An absent one stays absent.  MN_ELIMIT: more
 * than 256 UTF-16 units, before or after the filter; MN_ENOMEM.  Any thread.
 */
MN_MUSTCHECK enum mn_err mn_friend_text(const struct mn_filter *filter, struct mn_str text,
                                        struct mn_buf *out, struct mn_str *ret);
/* What is wrong with a FRIEND_REQUEST frame by itself (W-3.10.1 to 3.10.4). Any thread. */
enum mn_reason mn_friend_check(int64_t from, const struct mn_envelope *env);

/*
 * Asks `to`, with a greeting of mn_friend_text(), and tells him.  A client id
 * that was used before, and a request that is pending, are answered with that
 * request and told to nobody.  MN_EEXIST: they are friends.
 */
struct mn_friend_question {
    int64_t from, to;
    struct mn_str content;
    struct mn_str client_msg_id; /* absent: none */
};
MN_MUSTCHECK enum mn_err mn_friend_ask(struct mn_friends *friends,
                                       const struct mn_friend_question *question,
                                       struct mn_friend_asked *ret);
/* Whether a text can be a friend code: MN_EINVAL.  Any thread. */
MN_MUSTCHECK enum mn_err mn_friend_code_check(struct mn_str code);
/*
 * The same, of whoever has this friend code, in any case and with blanks
 * around it.  MN_EINVAL: it can be none; MN_ENOTFOUND: nobody has it; MN_EPERM:
 * it is the asker's own.
 */
MN_MUSTCHECK enum mn_err mn_friend_ask_by_code(struct mn_friends *friends, int64_t from,
                                               struct mn_str code, struct mn_str content,
                                               struct mn_friend_asked *ret);

/*
 * Accepts or rejects a request to `user`, and tells who had asked.  Accepting
 * what was accepted before is fine.  *ret_chat: the chat of the two, 0 when
 * rejected.  MN_ENOTFOUND; MN_EPERM: it is not to that user; MN_EEXIST: it was
 * accepted, and cannot be rejected; MN_EINVAL: it is not pending.
 */
MN_MUSTCHECK enum mn_err mn_friend_decide(struct mn_friends *friends, int64_t request, int64_t user,
                                          bool accept, int64_t *ret_chat);

/* ---- lists, newest first ---- */

#define MN_FRIENDS_MAX 10000 /* of a list: newer ones than that are given, the rest by `before` */
/* Friendships of a user with ids below `before` (INT64_MAX: all). */
MN_MUSTCHECK enum mn_err mn_friend_relations(struct mn_friends *friends, int64_t user,
                                             int64_t before, unsigned limit,
                                             mn_friend_relation_fn fn, void *arg);
/* Requests to him, of him, or both. */
MN_MUSTCHECK enum mn_err mn_friend_requests(struct mn_friends *friends,
                                            const struct mn_friend_request_query *query,
                                            mn_friend_request_fn fn, void *arg);
/* The same; *ret_total: how many there are in all, whatever query->skip is. */
MN_MUSTCHECK enum mn_err mn_friend_requests_page(struct mn_friends *friends,
                                                 const struct mn_friend_request_query *query,
                                                 mn_friend_request_fn fn, void *arg,
                                                 int64_t *ret_total);

#endif
