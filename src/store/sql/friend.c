/* SPDX-License-Identifier: Apache-2.0 */
/* Friends: t_friend_relation.  Contracts are in friend.h.  Any worker thread; silent. */
#include "store/sql/friend.h"

#include "store/sql/sql.h"

static const struct mn_sql is_friend = MN_SQL(
    "SELECT id FROM t_friend_relation WHERE user1_id = ? AND user2_id = ?");

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
