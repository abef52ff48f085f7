/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_UNIT_API_SUPPORT_H
#define MN_TESTS_UNIT_API_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <pthread.h>

#include "api/api.h"
#include "im/account/account.h"
#include "store/log/msglog.h"

/*
 * A whole API without a network: stores in a directory of its own, requests
 * made up by hand and answered on the test's thread by mn_api_handle().
 */
struct ta {
    char dir[64];
    struct mn_db *db;
    struct mn_metrics *metrics;
    struct mn_msglog *msglog;
    struct mn_idgen ids;
    struct mn_jwt_key jwt;
    struct mn_account *account;
    struct mn_conversations conversations;
    struct mn_ops *ops;
    struct mn_log log;
    struct mn_api *api;
    uint64_t waited_ms;    /* how long requests pretend to have waited for a worker */
    unsigned torture;      /* n: the n-th allocation of the next answer fails */
    bool tortured;         /* it did */
    unsigned name_queries; /* for names of groups */
    enum mn_err names_err;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    unsigned committed;
};

/* As of a daemon without any option, but that reads are not limited. */
struct mn_api_options ta_options(void);

/* cmocka fixtures: *state is a struct ta. */
int ta_setup(void **state);
int ta_teardown(void **state);

/* One answer, with its body parsed when it is JSON.  Freed by ta_free(). */
struct ta_reply {
    struct mn_http_response *res;
    unsigned status;
    char *headers; /* all lines */
    char *text;    /* body, NUL-terminated */
    json_t *json;
};

/*
 * Asks; `head` are header lines "Name: value\n...", NULL for none.  A token
 * for `user` is added when it is not 0.
 */
struct ta_reply ta_ask(struct ta *t, const char *method, const char *target, int64_t user,
                       const char *head, const char *body);
void ta_free(struct ta_reply *reply);

/* Asks, checks, frees. */
void ta_expect(struct ta *t, const char *method, const char *target, int64_t user, const char *head,
               const char *body, unsigned status, int code, const char *message);
/* A GET that succeeds; the caller frees the data with json_decref(). */
json_t *ta_get(struct ta *t, const char *target, int64_t user);
/* POST of a JSON body; Content-Type is set. */
struct ta_reply ta_post(struct ta *t, const char *target, int64_t user, const char *body);

/* Stores a message as of `unix_ms` and waits for its commit; returns its msgSeq. */
int64_t ta_message(struct ta *t, int64_t from, int64_t to, const char *text, int64_t unix_ms);
/* Hands the operation to the log and waits for its commit; the caller keeps its reference. */
struct mn_op *ta_do(struct ta *t, struct mn_op *op);

#endif
