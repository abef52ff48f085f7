/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_LOG_TODO_H
#define MN_IM_LOG_TODO_H

#include <stdint.h>

#include "base/id.h"
#include "base/log.h"
#include "store/log/msglog.h"
#include "store/sql/sql.h"
#include "store/sql/todo.h"

/*
 * What spans both stores, and is never half there (docs/decisions/0028):
 *
 *   mn_log_todo_lock(todo, group);             (not for a CHAT)
 *   MN_SQL_TX(tx, db);
 *   while (mn_sql_tx_run(&tx)) {
 *       ... the rows ...
 *       mn_log_todo_add(todo, &tx, MN_TODO_JOIN, group, user, now_ms);
 *   }
 *   err = mn_sql_tx_end(&tx);
 *   if (!err)
 *       err = mn_log_todo_do(todo, group);
 *   mn_log_todo_unlock(todo, group);           then answer
 *
 *
 * The transaction decides; the log follows, now, or after a failure as soon
 * as it can, or after a crash before anybody is answered.  The lock keeps
 * what two workers do to one group in the order of their transactions, so no
 * second one may be taken while it is held.
 *
 * Worker threads: it blocks.
 */
struct mn_log_todo;
struct mn_db;

struct mn_log_todo_config {
    struct mn_db *db;
    struct mn_msglog *msglog;
    struct mn_idgen *ids;
    struct mn_log *log; /* is told of failures; may be NULL */
};

/*
 * Does what an earlier process left: before anything is accepted.  The log
 * may refuse now (its disk is full); then that is tried again in the
 * background, as long as it takes.  MN_ESYS: no thread; others: the rows
 * cannot be read.
 */
MN_MUSTCHECK enum mn_err mn_log_todo_start(const struct mn_log_todo_config *config,
                                           struct mn_log_todo **ret);
/* Before the stores are closed, and after their last user. NULL is a no-op. */
void mn_log_todo_stop(struct mn_log_todo *todo);

void mn_log_todo_lock(struct mn_log_todo *todo, int64_t group);
void mn_log_todo_unlock(struct mn_log_todo *todo, int64_t group);
/* Adds one to a transaction, which gets the error. CHAT: users in either order. */
void mn_log_todo_add(struct mn_log_todo *todo, struct mn_sql_tx *tx, enum mn_todo_kind kind,
                     int64_t a, int64_t b, int64_t now_ms);
/*
 * After the commit: has the log do all that is there for this group, and
 * waits for it.  On failure what is committed stays, and is done later.
 */
MN_MUSTCHECK enum mn_err mn_log_todo_do(struct mn_log_todo *todo, int64_t group);
/*
 * Something that is to be told when what is left of a group is done: after
 * mn_log_todo_do() has failed behind a commit that stands.  The first member
 * of what mn_alloc() gave, freed after tell() or unread: at the stop, and
 * when very many wait, for it is about what can be asked for over HTTP.
 */
struct mn_log_todo_news {
    struct mn_log_todo_news *next; /* private */
    int64_t group;                 /* or the lower user of a CHAT */
    /* With the group's lock held, on whichever thread has done what was left. */
    void (*tell)(struct mn_log_todo_news *news);
};
/* With the group's lock or without; told in the order in which they came. */
void mn_log_todo_then(struct mn_log_todo *todo, struct mn_log_todo_news *take_news);
/* mn_log_todo_do() for a chat of two; the chat's id. */
MN_MUSTCHECK enum mn_err mn_log_todo_do_chat(struct mn_log_todo *todo, int64_t a, int64_t b,
                                             int64_t *ret_chat);

#endif
