/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to join groups: t_group_join_request.  Contracts are in group_join.h.  Silent. */
#include "store/sql/group_join.h"

#include "store/sql/sql.h"

#define SELECT_REQUEST                                                                             \
    "SELECT id, group_id, from_user_id, message, status, handled_by, handled_at, created_at,"      \
    " updated_at FROM t_group_join_request"

static const struct mn_sql by_id = MN_SQL(SELECT_REQUEST " WHERE id = ?");
static const struct mn_sql page = MN_SQL(
    SELECT_REQUEST " WHERE group_id = ? AND status = ? AND id < ? ORDER BY id DESC LIMIT ?");
static const struct mn_sql open_of = MN_SQL(
    "SELECT id FROM t_group_join_request WHERE group_id = ? AND from_user_id = ? AND status = 1");
static const struct mn_sql insert = MN_SQL(
    "INSERT INTO t_group_join_request(id, group_id, from_user_id, message, status, created_at,"
    " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)");
static const struct mn_sql decide = MN_SQL(
    "UPDATE t_group_join_request SET status = ?, handled_by = ?, handled_at = ?, updated_at = ?"
    " WHERE id = ?");
static const struct mn_sql cancel_all = MN_SQL(
    "UPDATE t_group_join_request SET status = 4, handled_at = ?, updated_at = ?"
    " WHERE group_id = ? AND status = 1");

static void get_request(struct mn_sql_use *use, struct mn_join_request *request)
{
    request->id = mn_sql_i64(use, "id");
    request->group = mn_sql_i64(use, "group_id");
    request->from = mn_sql_i64(use, "from_user_id");
    request->has_message = mn_sql_text(use, "message", request->message, sizeof(request->message));
    int64_t status = mn_sql_i64(use, "status");
    request->status = status > 0 && status < MN_JOIN_STATUS_COUNT ? (enum mn_join_status)status
                                                                  : MN_JOIN_CANCELED;
    request->handled_by = mn_sql_i64(use, "handled_by");
    request->handled_ms = mn_sql_i64(use, "handled_at");
    request->created_ms = mn_sql_i64(use, "created_at");
    request->updated_ms = mn_sql_i64(use, "updated_at");
}

enum mn_err mn_db_join_requests(struct mn_db *db, const struct mn_join_query *query,
                                bool (*put)(void *arg, const struct mn_join_request *request),
                                void *arg)
{
    struct mn_join_request request;
    bool more = true;
    struct mn_sql_use use = mn_sql_read(db, &page);
    mn_sql_put_i64(&use, query->group);
    mn_sql_put_i64(&use, query->status);
    mn_sql_put_i64(&use, query->before);
    mn_sql_put_i64(&use, query->limit);
    while (more && mn_sql_row(&use)) {
        get_request(&use, &request);
        more = put(arg, &request);
    }
    return mn_sql_end(&use);
}

/* Reads the one row, if there is one, and ends the use; MN_ENOTFOUND. */
static enum mn_err end_with_request(struct mn_sql_use *use, struct mn_join_request *ret)
{
    struct mn_join_request request = {0};
    bool found = mn_sql_row(use);
    if (found)
        get_request(use, &request);
    enum mn_err err = mn_sql_end_found(use, found);
    if (err == MN_OK)
        *ret = request;
    return err;
}

enum mn_err mn_db_join_request(struct mn_db *db, int64_t id, struct mn_join_request *ret)
{
    struct mn_sql_use use = mn_sql_read(db, &by_id);
    mn_sql_put_i64(&use, id);
    return end_with_request(&use, ret);
}

bool mn_tx_join_request(struct mn_sql_tx *tx, int64_t id, struct mn_join_request *ret)
{
    struct mn_sql_use use = mn_sql_in(tx, &by_id);
    mn_sql_put_i64(&use, id);
    enum mn_err err = end_with_request(&use, ret);
    mn_sql_tx_note(tx, err == MN_ENOTFOUND ? MN_OK : err);
    return err == MN_OK;
}

int64_t mn_tx_join_open(struct mn_sql_tx *tx, int64_t group, int64_t user)
{
    struct mn_sql_use use = mn_sql_in(tx, &open_of);
    mn_sql_put_i64(&use, group);
    mn_sql_put_i64(&use, user);
    int64_t id = mn_sql_row(&use) ? mn_sql_i64(&use, "id") : 0;
    mn_sql_tx_note(tx, mn_sql_end(&use));
    return id;
}

void mn_tx_join_create(struct mn_sql_tx *tx, const struct mn_join_request *request)
{
    struct mn_sql_use use = mn_sql_in(tx, &insert);
    mn_sql_put_i64(&use, request->id);
    mn_sql_put_i64(&use, request->group);
    mn_sql_put_i64(&use, request->from);
    mn_sql_put_str(&use, request->has_message ? mn_str_c(request->message) : MN_STR_NONE);
    mn_sql_put_i64(&use, MN_JOIN_PENDING);
    mn_sql_put_i64(&use, request->created_ms);
    mn_sql_put_i64(&use, request->updated_ms);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}

void mn_tx_join_decide(struct mn_sql_tx *tx, const struct mn_join_request *request)
{
    struct mn_sql_use use = mn_sql_in(tx, &decide);
    mn_sql_put_i64(&use, request->status);
    mn_sql_put_i64(&use, request->handled_by);
    mn_sql_put_i64(&use, request->handled_ms);
    mn_sql_put_i64(&use, request->updated_ms);
    mn_sql_put_i64(&use, request->id);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}

void mn_tx_join_cancel_all(struct mn_sql_tx *tx, int64_t group, int64_t now_ms)
{
    struct mn_sql_use use = mn_sql_in(tx, &cancel_all);
    mn_sql_put_i64(&use, now_ms);
    mn_sql_put_i64(&use, now_ms);
    mn_sql_put_i64(&use, group);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}
