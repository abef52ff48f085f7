/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_GROUP_JOIN_H
#define MN_STORE_SQL_GROUP_JOIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Requests to join groups (t_group_join_request; H-7.6).  Like group.h: what
 * writes is a part of a transaction.
 */
struct mn_db;
struct mn_sql_tx;

#define MN_JOIN_MESSAGE_MAX 256 /* UTF-16 units */
#define MN_JOIN_MESSAGE_BYTES (MN_JOIN_MESSAGE_MAX * 3 + 1)

/* The numbers are the store's. */
enum mn_join_status {
    MN_JOIN_PENDING = 1,
    MN_JOIN_ACCEPTED,
    MN_JOIN_REJECTED,
    MN_JOIN_CANCELED,
    MN_JOIN_STATUS_COUNT
};

struct mn_join_request {
    int64_t id, group, from;
    enum mn_join_status status;
    bool has_message;
    char message[MN_JOIN_MESSAGE_BYTES];
    int64_t handled_by, handled_ms; /* 0: not yet */
    int64_t created_ms, updated_ms;
};

/* MN_ENOTFOUND. */
MN_MUSTCHECK enum mn_err mn_db_join_request(struct mn_db *db, int64_t id,
                                            struct mn_join_request *ret);
/* Those of a group in one state with id < before, newest first.  Return false to stop. */
struct mn_join_query {
    int64_t group, before;
    enum mn_join_status status;
    unsigned limit;
};
MN_MUSTCHECK enum mn_err mn_db_join_requests(struct mn_db *db, const struct mn_join_query *query,
                                             bool (*put)(void *arg,
                                                         const struct mn_join_request *request),
                                             void *arg);

/* ---- in a transaction: a failure is noted there, and told at its end ------ */

/* Whether there is one; *ret is written then only. */
bool mn_tx_join_request(struct mn_sql_tx *tx, int64_t id, struct mn_join_request *ret);
/* The user's open one for the group, 0: none. */
int64_t mn_tx_join_open(struct mn_sql_tx *tx, int64_t group, int64_t user);
void mn_tx_join_create(struct mn_sql_tx *tx, const struct mn_join_request *request);
/* Its status and who handled it when. */
void mn_tx_join_decide(struct mn_sql_tx *tx, const struct mn_join_request *request);
/* All open ones of a group that ends. */
void mn_tx_join_cancel_all(struct mn_sql_tx *tx, int64_t group, int64_t now_ms);

#endif
