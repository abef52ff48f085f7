/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_GROUP_H
#define MN_STORE_SQL_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "store/sql/user.h"

/*
 * Groups and who is in them (t_group, t_group_member; H-7.5).  Whom the rules
 * let do what is im/group's: its changes are several statements, so what
 * writes here is a part of a transaction.  Any worker thread; errors besides
 * those named are those of store/sql/db.h.
 */
struct mn_db;
struct mn_sql_tx;

#define MN_GROUP_NAME_MAX 64 /* UTF-16 units */
#define MN_GROUP_NAME_BYTES (MN_GROUP_NAME_MAX * 3 + 1)
#define MN_GROUP_CODE_BYTES 17

/* The numbers are the store's, and the order of the member list. */
enum mn_role { MN_ROLE_NONE = 0, MN_ROLE_OWNER, MN_ROLE_ADMIN, MN_ROLE_MEMBER };

/* End of a speaking ban that has none: 9999-12-31T23:59:59.999. */
#define MN_MUTED_FOREVER_MS INT64_C(253402300799999)

struct mn_group {
    int64_t id;
    char name[MN_GROUP_NAME_BYTES];
    char avatar_url[MN_AVATAR_BYTES];
    char code[MN_GROUP_CODE_BYTES]; /* "" when there is none */
    bool has_avatar_url;
    int64_t code_updated_ms; /* Unix; 0 when never set */
    int64_t created_by, created_ms, updated_ms;
};

/* ---- alone ---------------------------------------------------------------- */

/* MN_ENOTFOUND. */
MN_MUSTCHECK enum mn_err mn_db_group(struct mn_db *db, int64_t id, struct mn_group *ret);
/* MN_ENOTFOUND. */
MN_MUSTCHECK enum mn_err mn_db_group_by_code(struct mn_db *db, struct mn_str code,
                                             struct mn_group *ret);
/* How many members it has, and what `user` is there. */
MN_MUSTCHECK enum mn_err mn_db_group_count(struct mn_db *db, int64_t id, int64_t user,
                                           int64_t *ret_count, enum mn_role *ret_role);
/* Every member, by id: what a roster is made of.  mute_until_ms: 0 = not banned. */
MN_MUSTCHECK enum mn_err mn_db_group_members(struct mn_db *db, int64_t id,
                                             void (*put)(void *arg, int64_t user, unsigned role,
                                                         int64_t mute_until_ms),
                                             void *arg);

/* A member as others see him. */
struct mn_group_row {
    struct mn_user_brief user; /* username "": there is no such account */
    enum mn_role role;
    int64_t joined_ms, mute_until_ms; /* mute_until_ms: 0 = never banned */
};
/* Every member: by role, then by when he came.  Return false to stop. */
MN_MUSTCHECK enum mn_err mn_db_group_list(struct mn_db *db, int64_t id,
                                          bool (*put)(void *arg, const struct mn_group_row *row),
                                          void *arg);
/* Those of `ids` (at most MN_SQL_IDS_MAX) that exist, with of `user` != 0 only his own; by id. */
MN_MUSTCHECK enum mn_err mn_db_groups(struct mn_db *db, int64_t user, const int64_t *ids, size_t n,
                                      void (*put)(void *arg, const struct mn_group *group),
                                      void *arg);
/* Greatest id of a group or a request to join one, 0 without (for mn_idgen_raise). */
MN_MUSTCHECK enum mn_err mn_db_max_group_id(struct mn_db *db, int64_t *ret_id);

/*
 * Writes a new group with its members, the first of whom owns it: for tools,
 * in the place of a daemon that does not run.  Their log has to be told
 * (MN_OP_JOIN).  MN_EEXIST: there is one of that id, or a user stands there twice.
 */
MN_MUSTCHECK enum mn_err mn_db_group_fill(struct mn_db *db, const struct mn_group *group,
                                          const int64_t *uids, size_t n);

/* ---- in a transaction: a failure is noted there, and told at its end ------ */

/* What the user is there, MN_ROLE_NONE: no member. */
enum mn_role mn_tx_group_role(struct mn_sql_tx *tx, int64_t id, int64_t user);
int64_t mn_tx_group_members(struct mn_sql_tx *tx, int64_t id);
/* Whether there is one; *ret is written then only. */
bool mn_tx_group(struct mn_sql_tx *tx, int64_t id, struct mn_group *ret);
bool mn_tx_group_by_code(struct mn_sql_tx *tx, struct mn_str code, struct mn_group *ret);
/* Notes MN_EEXIST: another group has the code. */
void mn_tx_group_create(struct mn_sql_tx *tx, const struct mn_group *group);
void mn_tx_group_set_code(struct mn_sql_tx *tx, int64_t id, const char *code, int64_t now_ms);
void mn_tx_group_delete(struct mn_sql_tx *tx, int64_t id);
/* Notes MN_EEXIST: he is a member. */
void mn_tx_group_add(struct mn_sql_tx *tx, int64_t id, int64_t user, enum mn_role role,
                     int64_t now_ms);
void mn_tx_group_remove(struct mn_sql_tx *tx, int64_t id, int64_t user);
/* These two: of a member. */
void mn_tx_group_set_role(struct mn_sql_tx *tx, int64_t id, int64_t user, enum mn_role role,
                          int64_t now_ms);
/* until_ms 0: lifts the ban. */
void mn_tx_group_set_mute(struct mn_sql_tx *tx, int64_t id, int64_t user, int64_t until_ms,
                          int64_t now_ms);

#endif
