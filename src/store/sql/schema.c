/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables, as numbered steps.  A step is never changed once released:
 * what is wrong is mended by the next one.
 *
 * Times are Unix milliseconds, not the zone-less local times of H-3.2: those
 * are made when printed.  username_key is the name as it is compared (5.7),
 * made in im/, since SQLite has no such collation.
 */
#include "store/sql/schema.h"

#include "base/err.h"
#include "base/mem.h"

static const struct mn_sql_step steps[] = {
    {"accounts", "CREATE TABLE t_user ("
                 " id INTEGER PRIMARY KEY,"
                 " username TEXT NOT NULL,"
                 " username_key TEXT NOT NULL,"
                 " password_hash TEXT,"
                 " nickname TEXT,"
                 " avatar_url TEXT,"
                 " status INTEGER NOT NULL DEFAULT 1,"
                 " friend_code TEXT,"
                 " friend_code_updated_at INTEGER,"
                 " created_at INTEGER NOT NULL,"
                 " updated_at INTEGER NOT NULL) STRICT;"
                 "CREATE UNIQUE INDEX uk_user_username ON t_user(username_key);"
                 "CREATE UNIQUE INDEX uk_user_friend_code ON t_user(friend_code);"
                 /* One row a user: current session version and the one refresh token (5.4, 5.5). */
                 "CREATE TABLE t_session ("
                 " user_id INTEGER PRIMARY KEY,"
                 " session_version INTEGER NOT NULL,"
                 " refresh_hash TEXT,"
                 " refresh_expires_at INTEGER,"
                 " updated_at INTEGER NOT NULL) STRICT;"
                 "CREATE UNIQUE INDEX uk_session_refresh ON t_session(refresh_hash);"
                 "CREATE TABLE t_probe (id INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;"},
    /* One row: the message log as it was last seen (store/witness.h). */
    {"witness", "CREATE TABLE t_witness ("
                " id INTEGER PRIMARY KEY,"
                " store_id TEXT NOT NULL,"
                " generation INTEGER NOT NULL,"
                " log_reach INTEGER NOT NULL,"
                " manifest INTEGER NOT NULL,"
                " manifest_bytes INTEGER NOT NULL) STRICT;"},
    {"calls", "CREATE TABLE t_call_record ("
              " id INTEGER PRIMARY KEY,"
              " call_id INTEGER NOT NULL,"
              " caller_user_id INTEGER NOT NULL,"
              " callee_user_id INTEGER NOT NULL,"
              " status INTEGER NOT NULL,"
              " fail_reason TEXT,"
              " started_at INTEGER NOT NULL,"
              " accepted_at INTEGER,"
              " ended_at INTEGER,"
              " duration_seconds INTEGER,"
              " created_at INTEGER NOT NULL,"
              " updated_at INTEGER NOT NULL) STRICT;"
              "CREATE UNIQUE INDEX uk_call_record_call ON t_call_record(call_id);"
              "CREATE INDEX ix_call_record_caller ON t_call_record(caller_user_id, id);"
              "CREATE INDEX ix_call_record_callee ON t_call_record(callee_user_id, id);"
              /* Those under way, for the start: a handful, of any number of records. */
              "CREATE INDEX ix_call_record_open ON t_call_record(status) WHERE status < 3;"},
    /* One row a pair, the smaller id first. */
    {"friends", "CREATE TABLE t_friend_relation ("
                " id INTEGER PRIMARY KEY,"
                " user1_id INTEGER NOT NULL,"
                " user2_id INTEGER NOT NULL,"
                " created_at INTEGER NOT NULL,"
                " updated_at INTEGER NOT NULL) STRICT;"
                "CREATE UNIQUE INDEX uk_friend_relation_pair"
                " ON t_friend_relation(user1_id, user2_id);"
                "CREATE INDEX ix_friend_relation_user2 ON t_friend_relation(user2_id);"},
    {"moments", "CREATE TABLE t_moment_post ("
                " id INTEGER PRIMARY KEY,"
                " author_id INTEGER NOT NULL,"
                " content TEXT NOT NULL,"
                " like_count INTEGER NOT NULL DEFAULT 0,"
                " comment_count INTEGER NOT NULL DEFAULT 0,"
                " deleted INTEGER NOT NULL DEFAULT 0,"
                " created_at INTEGER NOT NULL,"
                " updated_at INTEGER NOT NULL) STRICT;"
                "CREATE INDEX ix_moment_post_author ON t_moment_post(author_id, deleted, id);"
                "CREATE TABLE t_moment_like ("
                " id INTEGER PRIMARY KEY,"
                " post_id INTEGER NOT NULL,"
                " user_id INTEGER NOT NULL,"
                " created_at INTEGER NOT NULL) STRICT;"
                "CREATE UNIQUE INDEX uk_moment_like_post_user ON t_moment_like(post_id, user_id);"
                "CREATE TABLE t_moment_comment ("
                " id INTEGER PRIMARY KEY,"
                " post_id INTEGER NOT NULL,"
                " user_id INTEGER NOT NULL,"
                " content TEXT NOT NULL,"
                " deleted INTEGER NOT NULL DEFAULT 0,"
                " created_at INTEGER NOT NULL,"
                " updated_at INTEGER NOT NULL) STRICT;"
                "CREATE INDEX ix_moment_comment_post ON t_moment_comment(post_id, deleted, id);"},
    /* What the message log has to do yet: empty nearly always (store/sql/todo.h). */
    {"log_todo", "CREATE TABLE t_log_todo ("
                 " id INTEGER PRIMARY KEY,"
                 " kind INTEGER NOT NULL,"
                 " a INTEGER NOT NULL,"
                 " b INTEGER NOT NULL,"
                 " created_at INTEGER NOT NULL) STRICT;"
                 "CREATE INDEX ix_log_todo_a ON t_log_todo(a, id);"},
    /*
     * Of one user to another there is at most one pending request (status 0);
     * a client id leads to a request for ever, whoever made that (W-6).
     */
    {"friend_requests", "CREATE TABLE t_friend_request ("
                        " id INTEGER PRIMARY KEY,"
                        " from_user_id INTEGER NOT NULL,"
                        " to_user_id INTEGER NOT NULL,"
                        " content TEXT,"
                        " status INTEGER NOT NULL DEFAULT 0,"
                        " handled_at INTEGER,"
                        " created_at INTEGER NOT NULL,"
                        " updated_at INTEGER NOT NULL) STRICT;"
                        "CREATE UNIQUE INDEX uk_friend_request_pending"
                        " ON t_friend_request(from_user_id, to_user_id) WHERE status = 0;"
                        "CREATE INDEX ix_friend_request_from ON t_friend_request(from_user_id, id);"
                        "CREATE INDEX ix_friend_request_to ON t_friend_request(to_user_id, id);"
                        "CREATE TABLE t_friend_request_client ("
                        " from_user_id INTEGER NOT NULL,"
                        " client_msg_id TEXT NOT NULL,"
                        " request_id INTEGER NOT NULL,"
                        " PRIMARY KEY (from_user_id, client_msg_id)) STRICT, WITHOUT ROWID;"},
    /* Chats of two and groups that a user does not want to be disturbed by: a row while it is so. */
    {"dnd", "CREATE TABLE t_dnd ("
            " user_id INTEGER NOT NULL,"
            " kind INTEGER NOT NULL,"
            " target_id INTEGER NOT NULL,"
            " created_at INTEGER NOT NULL,"
            " PRIMARY KEY (user_id, kind, target_id)) STRICT, WITHOUT ROWID;"},
    /* A member is found by group and by user; a group has one owner, a user one open request. */
    {"groups",
     "CREATE TABLE t_group ("
     " id INTEGER PRIMARY KEY,"
     " name TEXT NOT NULL,"
     " avatar_url TEXT,"
     " group_code TEXT,"
     " group_code_updated_at INTEGER,"
     " created_by INTEGER NOT NULL,"
     " created_at INTEGER NOT NULL,"
     " updated_at INTEGER NOT NULL) STRICT;"
     "CREATE UNIQUE INDEX uk_group_group_code ON t_group(group_code);"
     "CREATE TABLE t_group_member ("
     " group_id INTEGER NOT NULL,"
     " user_id INTEGER NOT NULL,"
     " role INTEGER NOT NULL,"
     " join_at INTEGER NOT NULL,"
     " mute_until INTEGER,"
     " speak_mute_until INTEGER,"
     " updated_at INTEGER NOT NULL,"
     " PRIMARY KEY (group_id, user_id)) STRICT, WITHOUT ROWID;"
     "CREATE INDEX ix_group_member_user ON t_group_member(user_id);"
     "CREATE UNIQUE INDEX uk_group_member_owner ON t_group_member(group_id) WHERE role = 1;"
     "CREATE TABLE t_group_join_request ("
     " id INTEGER PRIMARY KEY,"
     " group_id INTEGER NOT NULL,"
     " from_user_id INTEGER NOT NULL,"
     " message TEXT,"
     " status INTEGER NOT NULL,"
     " handled_by INTEGER,"
     " handled_at INTEGER,"
     " created_at INTEGER NOT NULL,"
     " updated_at INTEGER NOT NULL) STRICT;"
     "CREATE INDEX ix_group_join_request_group"
     " ON t_group_join_request(group_id, status, id);"
     "CREATE UNIQUE INDEX uk_group_join_request_open"
     " ON t_group_join_request(from_user_id, group_id) WHERE status = 1;"},
    /* Friends are listed by id: a page of them must not look at all. */
    {"friends_by_id", "CREATE INDEX ix_friend_relation_user1 ON t_friend_relation(user1_id);"},
};

size_t mn_sql_steps(void) { return MN_ARRAY_LEN(steps); }

const struct mn_sql_step *mn_sql_step(size_t number)
{
    MN_BUG_ON(number == 0 || number > MN_ARRAY_LEN(steps));
    return &steps[number - 1];
}
