/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_STORE_MSGLOG_SUPPORT_H
#define TESTS_UNIT_STORE_MSGLOG_SUPPORT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/log/impl.h"
#include "store/rocks/impl.h"
#include "support/pace.h"

/*
 * A message log in a directory of its own, and what came back from it.  Any
 * thread may submit; results are waited for with ts_wait().
 */
struct ts_log {
    char dir[64];
    struct mn_msglog_config config;
    struct mn_metrics *metrics;
    struct mn_msglog *log;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t handed_back; /* operations, since ts_log_init */
    uint64_t batches;
    pthread_t by;      /* the thread of the last batch */
    bool blocked;      /* on_commit waits while it is set: keeps the writer busy */
    uint64_t blocking; /* callbacks that waited or wait */
    uint64_t submitted;
    uint64_t whos[4096]; /* of the first operations handed back, in that order */
};

/* What its driver has. */
static inline struct mn_rlog *ts_rlog(const struct ts_log *t) { return t->log->store; }

/* A new directory under $TMPDIR and a configuration with small caches; does not open. */
void ts_log_prepare(struct ts_log *t);
/* The same, and opens. Fails the test when it cannot. */
void ts_log_init(struct ts_log *t);
/* Closes and removes the directory. */
void ts_log_deinit(struct ts_log *t);
void ts_log_open(struct ts_log *t);
void ts_log_close(struct ts_log *t);
/* Opens and expects an error whose text contains `part`. */
void ts_log_open_fails(struct ts_log *t, enum mn_err err, const char *part);

/* Unique and increasing within the process; any thread. */
int64_t ts_id(void);
struct mn_idgen *ts_idgen(void);
struct mn_op *ts_append_op(int64_t from, int64_t to, const char *client_id, const char *body);
struct mn_op *ts_cursor_op(enum mn_cursor_kind kind, int64_t from, int64_t to, int64_t chat,
                           int64_t seq);
/* It changes nothing, and comes back in its turn. */
struct mn_op *ts_idle_op(void);
/* Reserves and queues a chain, keeping a reference of each for the caller. */
void ts_submit(struct ts_log *t, struct mn_op *first);
/* Until everything submitted came back. */
void ts_wait(struct ts_log *t);
/* Submits one and waits; the caller unrefs. */
struct mn_op *ts_do(struct ts_log *t, struct mn_op *op);
/* The same for an append that must be stored (or be a duplicate); returns its seq and id. */
int64_t ts_append(struct ts_log *t, int64_t from, int64_t to, const char *client_id,
                  const char *body, int64_t *ret_id);
/* Moves a cursor; whether it advanced. */
bool ts_move(struct ts_log *t, enum mn_cursor_kind kind, int64_t from, int64_t to, int64_t chat,
             int64_t seq);
/* The one big directory entry of a name's ending, e.g. ".log", into `path`; fails when there is none. */
void ts_find_file(struct ts_log *t, const char *suffix, char *path, size_t size);

/* Conditions that the writer brings about by itself: at most a minute. */
#define TS_WAIT_UNTIL(cond)                                                                        \
    do {                                                                                           \
        uint64_t end_ms = mn_mono_ms() + 60000;                                                    \
        while (!(cond) && mn_mono_ms() < end_ms)                                                   \
            pace_us(1000);                                                                         \
        assert_true(cond);                                                                         \
    } while (0)

/* The database below a message log that is closed. */
struct mn_rocks *ts_rocks_open(const char *dir);
/* Takes a closed log back to format 1: no lists, pairs that do not know of any. False: it is empty. */
bool ts_make_format_1(const char *dir);

/* Makes the writer stand still in on_commit, and lets it go. */
void ts_block(struct ts_log *t);
void ts_unblock(struct ts_log *t);

/*
 * Runs this very program again with these arguments (store_main.c knows
 * them), as RocksDB's threads do not survive a fork.  The child's process
 * id; with `ret_out` its standard output arrives there.
 */
pid_t ts_spawn(const char *const *args, int *ret_out);

#endif
