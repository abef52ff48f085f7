/* SPDX-License-Identifier: Apache-2.0 */
/* Friends: t_friend_relation.  Contracts are in friend.h.  Any worker thread; silent. */
#include "store/sql/friend.h"

#include "store/sql/sql.h"

static const struct mn_sql is_friend = MN_SQL(
    "SELECT id FROM t_friend_relation WHERE user1_id = ? AND user2_id = ?");

/* A user is never both, so no row comes twice. */
#define HALF(column)                                                                               \
    "SELECT id, user1_id, user2_id, created_at, updated_at FROM t_friend_relation"                 \
    " WHERE " column " = ? AND id < ?"
static const struct mn_sql page = MN_SQL(
    HALF("user1_id") " UNION ALL " HALF("user2_id") " ORDER BY id DESC LIMIT ?");

static const struct mn_sql max_id = MN_SQL(
    "SELECT coalesce((SELECT max(id) FROM t_friend_relation), 0) AS relation,"
    " coalesce((SELECT max(id) FROM t_friend_request), 0) AS request");

enum mn_err mn_db_friend_is(struct mn_db *db, int64_t user, int64_t other, bool *ret)
{
    struct mn_sql_use use = mn_sql_read(db, &is_friend);
    mn_sql_put_i64(&use, user < other ? user : other);
    mn_sql_put_i64(&use, user < other ? other : user);
    bool found = mn_sql_row(&use);
    enum mn_err err = mn_sql_end_found(&use, true);
    if (err == MN_OK)
        *ret = found;
    return err;
}

enum mn_err mn_db_friends(struct mn_db *db, int64_t user, int64_t before, unsigned limit,
                          mn_friend_relation_fn fn, void *arg)
{
    struct mn_sql_use use = mn_sql_read(db, &page);
    for (int half = 0; half < 2; half++) {
        mn_sql_put_i64(&use, user);
        mn_sql_put_i64(&use, before);
    }
    mn_sql_put_i64(&use, limit);
    while (mn_sql_row(&use)) {
        struct mn_friend_relation relation;
        relation.id = mn_sql_i64(&use, "id");
        relation.user1 = mn_sql_i64(&use, "user1_id");
        relation.user2 = mn_sql_i64(&use, "user2_id");
        relation.created_ms = mn_sql_i64(&use, "created_at");
        relation.updated_ms = mn_sql_i64(&use, "updated_at");
        if (!fn(arg, &relation))
            return mn_sql_end_found(&use, true);
    }
    return mn_sql_end(&use);
}

enum mn_err mn_db_max_friend_id(struct mn_db *db, int64_t *ret_id)
{
    int64_t relation = 0, request = 0;
    struct mn_sql_use use = mn_sql_read(db, &max_id);
    if (mn_sql_row(&use)) {
        relation = mn_sql_i64(&use, "relation");
        request = mn_sql_i64(&use, "request");
    }
    enum mn_err err = mn_sql_end(&use);
    if (err == MN_OK)
        *ret_id = relation > request ? relation : request;
    return err;
}
