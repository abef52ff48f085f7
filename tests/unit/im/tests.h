/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_UNIT_IM_TESTS_H
#define MN_TESTS_UNIT_IM_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/log/msglog.h"

/* For a message log of a test, without its directory and with small caches; not synced. */
static inline struct mn_msglog_config small_log(struct mn_idgen *ids,
                                                void (*on_commit)(void *, struct mn_op **, size_t),
                                                void *ctx)
{
    return (struct mn_msglog_config){.queue_ops = 64,
                                     .queue_bytes = 1 << 20,
                                     .batch_ops = 64,
                                     .cursor_flush_ms = 1000,
                                     .cache_bytes = 1 << 20,
                                     .memtable_bytes = 1 << 20,
                                     .chat_cache = 1024,
                                     .recent_cache = 1024,
                                     .idgen = ids,
                                     .on_commit = on_commit,
                                     .ctx = ctx};
}

/* Group runners of the im layer: each returns the number of failed tests. */
int test_im_account(void);
int test_im_account_key(void);
int test_im_call(void);
int test_im_call_orders(void);
int test_im_call_rules(void);
int test_im_conversation(void);
int test_im_filter(void);
int test_im_groups(void);
int test_im_log_todo(void);
int test_im_log_wait(void);
int test_im_message(void);
int test_im_password(void);
int test_im_ratelimit(void);
int test_im_turn(void);
int test_im_roster(void);
int test_im_visible(void);

#endif
