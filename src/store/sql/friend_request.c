/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of friends: t_friend_request, t_friend_request_client.  Contracts
 * are in friend_request.h.  Any worker thread; silent.
 */
#include "store/sql/friend_request.h"

#include "store/sql/sql.h"

const char *mn_friend_status_text(enum mn_friend_status status)
{
    static const char *const texts[MN_FRIEND_STATUS_COUNT] = {
        [MN_FRIEND_PENDING] = "PENDING",
        [MN_FRIEND_ACCEPTED] = "ACCEPTED",
        [MN_FRIEND_REJECTED] = "REJECTED",
    };
    return texts[status];
}

/* Of a number in the database: what nobody wrote is as good as rejected. */
static enum mn_friend_status status_of(int64_t number)
{
    return number >= 0 && number < MN_FRIEND_STATUS_COUNT ? (enum mn_friend_status)number
                                                          : MN_FRIEND_REJECTED;
}

/* ---- asking ---- */

static const struct mn_sql select_client = MN_SQL(
    "SELECT r.id AS id, r.to_user_id AS to_user_id FROM t_friend_request_client c"
    " JOIN t_friend_request r ON r.id = c.request_id"
    " WHERE c.from_user_id = ? AND c.client_msg_id = ?");

static const struct mn_sql insert_client = MN_SQL(
    "INSERT INTO t_friend_request_client(from_user_id, client_msg_id, request_id)"
    " VALUES (?, ?, ?)");

static const struct mn_sql select_friend = MN_SQL(
    "SELECT id FROM t_friend_relation WHERE user1_id = ? AND user2_id = ?");

static const struct mn_sql select_pending = MN_SQL(
    "SELECT id FROM t_friend_request WHERE from_user_id = ? AND to_user_id = ? AND status = 0");

static const struct mn_sql insert_request = MN_SQL(
    "INSERT INTO t_friend_request(id, from_user_id, to_user_id, content, created_at, updated_at)"
    " VALUES (?, ?, ?, ?, ?, ?)");

static bool find_client(struct mn_sql_tx *tx, const struct mn_friend_asking *asking,
                        struct mn_friend_asked *ret)
{
    if (!asking->client_msg_id.p)
        return false;
    struct mn_sql_use use = mn_sql_in(tx, &select_client);
    mn_sql_put_i64(&use, asking->from);
    mn_sql_put_str(&use, asking->client_msg_id);
    bool found = mn_sql_row(&use);
    if (found) {
        ret->id = mn_sql_i64(&use, "id");
        ret->to = mn_sql_i64(&use, "to_user_id");
        ret->is_duplicate = true;
    }
    mn_sql_tx_note(tx, mn_sql_end_found(&use, true));
    return found;
}

/* Of two ids; 0 when there is no row. */
static int64_t find_id(struct mn_sql_tx *tx, const struct mn_sql *sql, int64_t a, int64_t b)
{
    struct mn_sql_use use = mn_sql_in(tx, sql);
    mn_sql_put_i64(&use, a);
    mn_sql_put_i64(&use, b);
    int64_t id = mn_sql_row(&use) ? mn_sql_i64(&use, "id") : 0;
    mn_sql_tx_note(tx, mn_sql_end_found(&use, true));
    return id;
}

static int64_t find_friendship(struct mn_sql_tx *tx, int64_t a, int64_t b)
{
    return find_id(tx, &select_friend, a < b ? a : b, a < b ? b : a);
}

static void add_request(struct mn_sql_tx *tx, const struct mn_friend_asking *asking)
{
    struct mn_sql_use use = mn_sql_in(tx, &insert_request);
    mn_sql_put_i64(&use, asking->id);
    mn_sql_put_i64(&use, asking->from);
    mn_sql_put_i64(&use, asking->to);
    mn_sql_put_str(&use, asking->content);
    mn_sql_put_i64(&use, asking->now_ms);
    mn_sql_put_i64(&use, asking->now_ms);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}

static void add_client(struct mn_sql_tx *tx, const struct mn_friend_asking *asking, int64_t request)
{
    struct mn_sql_use use = mn_sql_in(tx, &insert_client);
    mn_sql_put_i64(&use, asking->from);
    mn_sql_put_str(&use, asking->client_msg_id);
    mn_sql_put_i64(&use, request);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}

enum mn_err mn_db_friend_ask(struct mn_db *db, const struct mn_friend_asking *asking,
                             struct mn_friend_asked *ret)
{
    MN_SQL_TX(tx, db);
    struct mn_friend_asked asked = {.id = 0};
    while (mn_sql_tx_run(&tx)) {
        asked = (struct mn_friend_asked){.id = 0, .to = asking->to};
        if (find_client(&tx, asking, &asked))
            continue;
        if (find_friendship(&tx, asking->from, asking->to) != 0)
            mn_sql_tx_note(&tx, MN_EEXIST);
        asked.id = find_id(&tx, &select_pending, asking->from, asking->to);
        if (asked.id == 0) {
            asked.id = asking->id;
            asked.is_new = true;
            add_request(&tx, asking);
        }
        if (asking->client_msg_id.p)
            add_client(&tx, asking, asked.id);
    }
    enum mn_err err = mn_sql_tx_end(&tx);
    if (err == MN_OK)
        *ret = asked;
    return err;
}

/* ---- deciding ---- */

static const struct mn_sql select_request = MN_SQL(
    "SELECT from_user_id, to_user_id, status FROM t_friend_request WHERE id = ?");

static const struct mn_sql update_one = MN_SQL(
    "UPDATE t_friend_request SET status = ?, handled_at = ?, updated_at = ? WHERE id = ?");

static const struct mn_sql accept_all = MN_SQL(
    "UPDATE t_friend_request SET status = 1, handled_at = ?, updated_at = ? WHERE status = 0"
    " AND ((from_user_id = ? AND to_user_id = ?) OR (from_user_id = ? AND to_user_id = ?))");

static const struct mn_sql insert_friend = MN_SQL(
    "INSERT INTO t_friend_relation(id, user1_id, user2_id, created_at, updated_at)"
    " VALUES (?, ?, ?, ?, ?)");

/* Notes MN_ENOTFOUND, MN_EPERM. */
static struct mn_friend_decided find_request(struct mn_sql_tx *tx,
                                             const struct mn_friend_deciding *deciding)
{
    struct mn_friend_decided decided = {.from = 0};
    int64_t to = 0;
    struct mn_sql_use use = mn_sql_in(tx, &select_request);
    mn_sql_put_i64(&use, deciding->request);
    bool found = mn_sql_row(&use);
    if (found) {
        decided.from = mn_sql_i64(&use, "from_user_id");
        to = mn_sql_i64(&use, "to_user_id");
        decided.status = status_of(mn_sql_i64(&use, "status"));
    }
    mn_sql_tx_note(tx, mn_sql_end_found(&use, found));
    if (found && to != deciding->user)
        mn_sql_tx_note(tx, MN_EPERM);
    return decided;
}

static void reject(struct mn_sql_tx *tx, const struct mn_friend_deciding *deciding)
{
    struct mn_sql_use use = mn_sql_in(tx, &update_one);
    mn_sql_put_i64(&use, MN_FRIEND_REJECTED);
    mn_sql_put_i64(&use, deciding->now_ms);
    mn_sql_put_i64(&use, deciding->now_ms);
    mn_sql_put_i64(&use, deciding->request);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}

static void befriend(struct mn_sql_tx *tx, const struct mn_friend_deciding *deciding, int64_t low,
                     int64_t high)
{
    if (find_friendship(tx, low, high) != 0)
        return;
    struct mn_sql_use use = mn_sql_in(tx, &insert_friend);
    mn_sql_put_i64(&use, deciding->relation);
    mn_sql_put_i64(&use, low);
    mn_sql_put_i64(&use, high);
    mn_sql_put_i64(&use, deciding->now_ms);
    mn_sql_put_i64(&use, deciding->now_ms);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}

static void accept(struct mn_sql_tx *tx, const struct mn_friend_deciding *deciding, int64_t from)
{
    int64_t low = from < deciding->user ? from : deciding->user;
    int64_t high = from < deciding->user ? deciding->user : from;
    struct mn_sql_use use = mn_sql_in(tx, &accept_all);
    mn_sql_put_i64(&use, deciding->now_ms);
    mn_sql_put_i64(&use, deciding->now_ms);
    mn_sql_put_i64(&use, low);
    mn_sql_put_i64(&use, high);
    mn_sql_put_i64(&use, high);
    mn_sql_put_i64(&use, low);
    mn_sql_tx_note(tx, mn_sql_end(&use));
    befriend(tx, deciding, low, high);
    const struct mn_todo todo = {.id = deciding->todo,
                                 .kind = MN_TODO_CHAT,
                                 .a = low,
                                 .b = high,
                                 .created_ms = deciding->now_ms};
    mn_db_todo_add(tx, &todo);
}

enum mn_err mn_db_friend_decide(struct mn_db *db, const struct mn_friend_deciding *deciding,
                                struct mn_friend_decided *ret)
{
    MN_SQL_TX(tx, db);
    struct mn_friend_decided decided = {.from = 0};
    while (mn_sql_tx_run(&tx)) {
        decided = find_request(&tx, deciding);
        if (decided.from == 0 || decided.status != MN_FRIEND_PENDING)
            continue;
        decided.is_changed = true;
        if (deciding->accept)
            accept(&tx, deciding, decided.from);
        else
            reject(&tx, deciding);
    }
    enum mn_err err = mn_sql_tx_end(&tx);
    if (err == MN_OK)
        *ret = decided;
    return err;
}

/* ---- lists ---- */

/* Nobody asks himself, so no row comes twice; each half is read from its index, in order. */
#define HALF(column)                                                                               \
    "SELECT id, from_user_id, to_user_id, content, status, coalesce(handled_at, 0) AS handled,"    \
    " created_at, updated_at FROM t_friend_request WHERE " column " = ? AND id < ?"
#define PAGE " ORDER BY id DESC LIMIT ? OFFSET ?"
#define COUNT(column) "(SELECT count(*) FROM t_friend_request WHERE " column " = ?)"

static const struct mn_sql pages[] = {
    [MN_FRIEND_INBOX] = MN_SQL(HALF("to_user_id") PAGE),
    [MN_FRIEND_OUTBOX] = MN_SQL(HALF("from_user_id") PAGE),
    [MN_FRIEND_ALL] = MN_SQL(HALF("to_user_id") " UNION ALL " HALF("from_user_id") PAGE),
};

static const struct mn_sql counts[] = {
    [MN_FRIEND_INBOX] = MN_SQL("SELECT " COUNT("to_user_id") " AS total"),
    [MN_FRIEND_OUTBOX] = MN_SQL("SELECT " COUNT("from_user_id") " AS total"),
    [MN_FRIEND_ALL] = MN_SQL("SELECT " COUNT("to_user_id") " + " COUNT("from_user_id") " AS total"),
};

static int halves(enum mn_friend_box box) { return box == MN_FRIEND_ALL ? 2 : 1; }

static void get_request(struct mn_sql_use *use, struct mn_friend_request *request)
{
    request->id = mn_sql_i64(use, "id");
    request->from = mn_sql_i64(use, "from_user_id");
    request->to = mn_sql_i64(use, "to_user_id");
    request->has_content = mn_sql_text(use, "content", request->content, sizeof(request->content));
    request->status = status_of(mn_sql_i64(use, "status"));
    request->handled_ms = mn_sql_i64(use, "handled");
    request->created_ms = mn_sql_i64(use, "created_at");
    request->updated_ms = mn_sql_i64(use, "updated_at");
}

enum mn_err mn_db_friend_requests(struct mn_db *db, const struct mn_friend_request_query *query,
                                  mn_friend_request_fn fn, void *arg)
{
    struct mn_sql_use use = mn_sql_read(db, &pages[query->box]);
    for (int half = 0; half < halves(query->box); half++) {
        mn_sql_put_i64(&use, query->user);
        mn_sql_put_i64(&use, query->before);
    }
    mn_sql_put_i64(&use, query->limit);
    mn_sql_put_i64(&use, query->skip > INT64_MAX ? INT64_MAX : (int64_t)query->skip);
    struct mn_friend_request request;
    while (mn_sql_row(&use)) {
        get_request(&use, &request);
        if (!fn(arg, &request))
            return mn_sql_end_found(&use, true);
    }
    return mn_sql_end(&use);
}

enum mn_err mn_db_friend_request_count(struct mn_db *db, int64_t user, enum mn_friend_box box,
                                       int64_t *ret_count)
{
    struct mn_sql_use use = mn_sql_read(db, &counts[box]);
    for (int half = 0; half < halves(box); half++)
        mn_sql_put_i64(&use, user);
    int64_t total = mn_sql_row(&use) ? mn_sql_i64(&use, "total") : 0;
    enum mn_err err = mn_sql_end(&use);
    if (err == MN_OK)
        *ret_count = total;
    return err;
}
