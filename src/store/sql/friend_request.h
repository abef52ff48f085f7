/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_FRIEND_REQUEST_H
#define MN_STORE_SQL_FRIEND_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "store/sql/todo.h"

/*
 * Requests to become friends (t_friend_request; H-7.3, W-3.10).  Of one user
 * to another at most one is pending.  Any worker thread; errors besides those
 * named are those of store/sql/db.h.
 */
struct mn_db;

/* The numbers are the column's. */
enum mn_friend_status {
    MN_FRIEND_PENDING = 0,
    MN_FRIEND_ACCEPTED,
    MN_FRIEND_REJECTED,
    MN_FRIEND_STATUS_COUNT
};
/* "PENDING" and so on, as H-7.3 prints it. */
const char *mn_friend_status_text(enum mn_friend_status status);

#define MN_FRIEND_TEXT_MAX 256 /* UTF-16 units of a greeting */
#define MN_FRIEND_TEXT_BYTES (MN_FRIEND_TEXT_MAX * 3 + 1)

struct mn_friend_request {
    int64_t id;
    int64_t from, to;
    enum mn_friend_status status;
    bool has_content;
    char content[MN_FRIEND_TEXT_BYTES];
    int64_t handled_ms; /* Unix; 0: not yet */
    int64_t created_ms, updated_ms;
};

/* ---- asking ---- */

struct mn_friend_asking {
    int64_t id; /* for a new request */
    int64_t from, to;
    struct mn_str content;       /* may be absent */
    struct mn_str client_msg_id; /* absent: none.  Else it leads to the request for ever */
    int64_t now_ms;
};
struct mn_friend_asked {
    int64_t id;        /* the request: a new one, the pending one, or the client id's */
    int64_t to;        /* whom it is to: the first one's when the client id is known */
    bool is_new;       /* it was made now */
    bool is_duplicate; /* the client id was used before */
};
/* MN_EEXIST: they are friends already. */
MN_MUSTCHECK enum mn_err mn_db_friend_ask(struct mn_db *db, const struct mn_friend_asking *asking,
                                          struct mn_friend_asked *ret);

/* ---- deciding ---- */

struct mn_friend_deciding {
    int64_t request;
    int64_t user; /* who decides */
    bool accept;
    int64_t relation; /* id for a new friendship */
    int64_t todo;     /* id for what makes its chat (todo.h) */
    int64_t now_ms;
};
struct mn_friend_decided {
    int64_t from;                 /* who had asked */
    enum mn_friend_status status; /* as it was before */
    bool is_changed;              /* false: it was decided before, and nothing has changed */
};
/*
 * Of a pending request.  Accepting it accepts what else is pending between
 * the two, in either direction, makes them friends, and notes that they
 * have a chat.  MN_ENOTFOUND; MN_EPERM: it is not to that user.
 */
MN_MUSTCHECK enum mn_err mn_db_friend_decide(struct mn_db *db,
                                             const struct mn_friend_deciding *deciding,
                                             struct mn_friend_decided *ret);

/* ---- lists ---- */

enum mn_friend_box { MN_FRIEND_INBOX = 1, MN_FRIEND_OUTBOX = 2, MN_FRIEND_ALL = 3 };

/* A page of the requests to, of, or to and of a user, newest first. */
struct mn_friend_request_query {
    int64_t user;
    enum mn_friend_box box;
    int64_t before; /* only ids below; INT64_MAX: all */
    uint64_t skip;
    unsigned limit;
};
/* False ends the walk. */
typedef bool (*mn_friend_request_fn)(void *arg, const struct mn_friend_request *request);
MN_MUSTCHECK enum mn_err mn_db_friend_requests(struct mn_db *db,
                                               const struct mn_friend_request_query *query,
                                               mn_friend_request_fn fn, void *arg);
MN_MUSTCHECK enum mn_err mn_db_friend_request_count(struct mn_db *db, int64_t user,
                                                    enum mn_friend_box box, int64_t *ret_count);

#endif
