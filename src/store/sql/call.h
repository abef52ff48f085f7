/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_CALL_H
#define MN_STORE_SQL_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Records of calls (t_call_record; H-7.10).  Any worker thread; errors
 * besides those named are those of store/sql/db.h.
 */
struct mn_db;

/* The numbers are the column's. */
enum mn_call_status {
    MN_CALL_RINGING = 1,
    MN_CALL_ACCEPTED,
    MN_CALL_REJECTED,
    MN_CALL_CANCELED,
    MN_CALL_ENDED,
    MN_CALL_MISSED,
    MN_CALL_FAILED,
    MN_CALL_STATUS_COUNT
};
/* "RINGING" and so on, as H-7.10 prints it. */
const char *mn_call_status_text(enum mn_call_status status);

#define MN_CALL_REASON_MAX 64 /* UTF-16 units of why a call ended */
#define MN_CALL_REASON_BYTES (MN_CALL_REASON_MAX * 3 + 1)

struct mn_call_record {
    int64_t id; /* the record's; newer calls have greater ones */
    int64_t call;
    int64_t caller, callee;
    enum mn_call_status status;
    char reason[MN_CALL_REASON_BYTES]; /* why it ended; "" when there is none */
    int64_t started_ms;                /* Unix */
    int64_t accepted_ms, ended_ms;     /* Unix; 0: not, or not yet */
    int32_t duration_s;                /* from accepted to ended; negative: never accepted */
};

/* MN_EEXIST: there is a record of that call, or with that id. */
MN_MUSTCHECK enum mn_err mn_db_call_create(struct mn_db *db, const struct mn_call_record *record);
/* Status, reason, accepted_ms, ended_ms and duration_s of the call.  MN_ENOTFOUND. */
MN_MUSTCHECK enum mn_err mn_db_call_update(struct mn_db *db, const struct mn_call_record *record);

/* A page of the calls in which the user had a part, newest first. */
struct mn_call_query {
    int64_t user;
    int64_t before; /* only ids below; INT64_MAX: all */
    uint64_t skip;
    unsigned limit;
};
/* `put` gets each; false ends it. */
MN_MUSTCHECK enum mn_err mn_db_calls(struct mn_db *db, const struct mn_call_query *query,
                                     bool (*put)(void *arg, const struct mn_call_record *record),
                                     void *arg);
MN_MUSTCHECK enum mn_err mn_db_call_count(struct mn_db *db, int64_t user, int64_t *ret_count);

/*
 * At the start: what an earlier process left ringing or accepted has FAILED
 * for `reason`, at `now_ms`; how long it lasted is not known.
 */
MN_MUSTCHECK enum mn_err mn_db_calls_close(struct mn_db *db, const char *reason, int64_t now_ms);
/* Greatest id of a record or a call, 0 without any (for mn_idgen_raise). */
MN_MUSTCHECK enum mn_err mn_db_max_call_id(struct mn_db *db, int64_t *ret_id);

#endif
