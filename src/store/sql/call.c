/* SPDX-License-Identifier: Apache-2.0 */
/* Records of calls: t_call_record.  Contracts are in call.h.  Any worker thread; silent. */
#include "store/sql/call.h"

#include "store/sql/sql.h"

static const struct mn_sql insert = MN_SQL(
    "INSERT INTO t_call_record(id, call_id, caller_user_id, callee_user_id, status,"
    " fail_reason, started_at, accepted_at, ended_at, duration_seconds, created_at,"
    " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, nullif(?, 0), nullif(?, 0), nullif(?, -1),"
    " ?, ?)");

static const struct mn_sql change = MN_SQL(
    "UPDATE t_call_record SET status = ?, fail_reason = ?, accepted_at = nullif(?, 0),"
    " ended_at = nullif(?, 0), duration_seconds = nullif(?, -1), updated_at = ?"
    " WHERE call_id = ?");

/* A user is never both, so no row comes twice; each half is read from its index, in order. */
#define SELECT_HALF(column)                                                                        \
    "SELECT id, call_id, caller_user_id, callee_user_id, status, fail_reason, started_at,"         \
    " accepted_at, ended_at, coalesce(duration_seconds, -1) AS duration FROM t_call_record"        \
    " WHERE " column " = ? AND id < ?"

static const struct mn_sql page = MN_SQL(SELECT_HALF("caller_user_id") " UNION ALL " SELECT_HALF(
    "callee_user_id") " ORDER BY id DESC LIMIT ? OFFSET ?");

static const struct mn_sql count = MN_SQL(
    "SELECT (SELECT count(*) FROM t_call_record WHERE caller_user_id = ?)"
    " + (SELECT count(*) FROM t_call_record WHERE callee_user_id = ?) AS total");

static const struct mn_sql close_all = MN_SQL(
    "UPDATE t_call_record SET status = 7, fail_reason = ?, ended_at = ?, updated_at = ?"
    " WHERE status < 3");

static const struct mn_sql max_id = MN_SQL(
    "SELECT coalesce(max(id), 0) AS record, coalesce(max(call_id), 0) AS call_id"
    " FROM t_call_record");

const char *mn_call_status_text(enum mn_call_status status)
{
    static const char *const texts[MN_CALL_STATUS_COUNT] = {
        [MN_CALL_RINGING] = "RINGING",   [MN_CALL_ACCEPTED] = "ACCEPTED",
        [MN_CALL_REJECTED] = "REJECTED", [MN_CALL_CANCELED] = "CANCELED",
        [MN_CALL_ENDED] = "ENDED",       [MN_CALL_MISSED] = "MISSED",
        [MN_CALL_FAILED] = "FAILED",
    };
    return texts[status];
}

/* ---- writing ------------------------------------------------------------- */

static struct mn_str reason_of(const struct mn_call_record *record)
{
    return record->reason[0] ? mn_str_c(record->reason) : MN_STR_NONE;
}

enum mn_err mn_db_call_create(struct mn_db *db, const struct mn_call_record *record)
{
    struct mn_sql_use use = mn_sql_write(db, &insert);
    mn_sql_put_i64(&use, record->id);
    mn_sql_put_i64(&use, record->call);
    mn_sql_put_i64(&use, record->caller);
    mn_sql_put_i64(&use, record->callee);
    mn_sql_put_i64(&use, record->status);
    mn_sql_put_str(&use, reason_of(record));
    mn_sql_put_i64(&use, record->started_ms);
    mn_sql_put_i64(&use, record->accepted_ms);
    mn_sql_put_i64(&use, record->ended_ms);
    mn_sql_put_i64(&use, record->duration_s);
    mn_sql_put_i64(&use, record->started_ms);
    mn_sql_put_i64(&use, record->started_ms);
    return mn_sql_end(&use);
}

enum mn_err mn_db_call_update(struct mn_db *db, const struct mn_call_record *record)
{
    int64_t changes = 0;
    int64_t now_ms = record->ended_ms ? record->ended_ms : record->accepted_ms;
    struct mn_sql_use use = mn_sql_write(db, &change);
    mn_sql_put_i64(&use, record->status);
    mn_sql_put_str(&use, reason_of(record));
    mn_sql_put_i64(&use, record->accepted_ms);
    mn_sql_put_i64(&use, record->ended_ms);
    mn_sql_put_i64(&use, record->duration_s);
    mn_sql_put_i64(&use, now_ms);
    mn_sql_put_i64(&use, record->call);
    enum mn_err err = mn_sql_end_changes(&use, &changes);
    return err == MN_OK && changes == 0 ? MN_ENOTFOUND : err;
}

enum mn_err mn_db_calls_close(struct mn_db *db, const char *reason, int64_t now_ms)
{
    struct mn_sql_use use = mn_sql_write_quietly(db, &close_all);
    mn_sql_put_str(&use, mn_str_c(reason));
    mn_sql_put_i64(&use, now_ms);
    mn_sql_put_i64(&use, now_ms);
    return mn_sql_end(&use);
}

/* ---- reading ------------------------------------------------------------- */

static void get_record(struct mn_sql_use *use, struct mn_call_record *record)
{
    record->id = mn_sql_i64(use, "id");
    record->call = mn_sql_i64(use, "call_id");
    record->caller = mn_sql_i64(use, "caller_user_id");
    record->callee = mn_sql_i64(use, "callee_user_id");
    int64_t status = mn_sql_i64(use, "status");
    record->status = status > 0 && status < MN_CALL_STATUS_COUNT ? (enum mn_call_status)status
                                                                 : MN_CALL_FAILED;
    mn_sql_text(use, "fail_reason", record->reason, sizeof(record->reason));
    record->started_ms = mn_sql_i64(use, "started_at");
    record->accepted_ms = mn_sql_i64(use, "accepted_at");
    record->ended_ms = mn_sql_i64(use, "ended_at");
    record->duration_s = (int32_t)mn_sql_i64(use, "duration");
}

enum mn_err mn_db_calls(struct mn_db *db, const struct mn_call_query *query,
                        bool (*put)(void *arg, const struct mn_call_record *record), void *arg)
{
    struct mn_sql_use use = mn_sql_read(db, &page);
    for (int half = 0; half < 2; half++) {
        mn_sql_put_i64(&use, query->user);
        mn_sql_put_i64(&use, query->before);
    }
    mn_sql_put_i64(&use, query->limit);
    mn_sql_put_i64(&use, (int64_t)query->skip);
    struct mn_call_record record;
    while (mn_sql_row(&use)) {
        get_record(&use, &record);
        if (!put(arg, &record))
            return mn_sql_end_found(&use, true);
    }
    return mn_sql_end(&use);
}

enum mn_err mn_db_call_count(struct mn_db *db, int64_t user, int64_t *ret_count)
{
    struct mn_sql_use use = mn_sql_read(db, &count);
    mn_sql_put_i64(&use, user);
    mn_sql_put_i64(&use, user);
    int64_t total = mn_sql_row(&use) ? mn_sql_i64(&use, "total") : 0;
    enum mn_err err = mn_sql_end(&use);
    if (err == MN_OK)
        *ret_count = total;
    return err;
}

enum mn_err mn_db_max_call_id(struct mn_db *db, int64_t *ret_id)
{
    int64_t record = 0, call = 0;
    struct mn_sql_use use = mn_sql_read(db, &max_id);
    if (mn_sql_row(&use)) {
        record = mn_sql_i64(&use, "record");
        call = mn_sql_i64(&use, "call_id");
    }
    enum mn_err err = mn_sql_end(&use);
    if (err == MN_OK)
        *ret_id = record > call ? record : call;
    return err;
}
