/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_SMOKE_SMOKE_H
#define MN_TOOL_SMOKE_SMOKE_H

#include <jansson.h>

#include "proto/envelope.h"
#include "proto/jwt.h"
#include "tool/kit/http_client.h"
#include "tool/kit/opts.h"
#include "tool/kit/outputs.h"
#include "tool/kit/spawn.h"
#include "tool/kit/ws_client.h"

/*
 * `minim smoke`: scenarios (one file each) made of steps.  A step says what
 * it expected and what came; the first one that fails ends its scenario.
 * Users are fresh in every run.  Main thread.
 */
#define SMOKE_CLIENTS_MAX 8
/* Users of one scenario. */
#define SMOKE_USERS_MAX 16

/* --login: a user and his token. */
struct smoke_user {
    int64_t uid;
    char token[MN_JWT_MAX];
};

struct smoke {
    struct opts opts;
    struct outputs outputs;
    struct spawn spawn;
    struct url ws[OPTS_LIST_MAX];
    size_t ws_count;
    struct http_client http;
    bool has_http;
    struct mn_jwt_key key;
    int64_t next_uid;
    uint64_t timeout_ms;
    /* the scenario at hand */
    struct ws_client client[SMOKE_CLIENTS_MAX];
    size_t client_count;
    struct smoke_user user[SMOKE_USERS_MAX];
    size_t user_count;
    bool signs; /* tokens are signed here, without a login */
    json_t *steps;
    bool failed;
    bool verbose;         /* a line a step, for a person */
    bool progress;        /* standard error is a terminal: long waits are shown there */
    const char *scenario; /* its name */
    bool interrupted;     /* by a signal: what did not come is nobody's fault */
};

struct smoke_scenario {
    const char *name;
    const char *alias; /* another accepted name, or NULL */
    void (*run)(struct smoke *s);
    bool needs_http;
    bool needs_secret; /* makes tokens that no login gives */
    bool needs_nodes;  /* two --ws, which may be one server's */
    const char *help;
};

void smoke_basic(struct smoke *s);
void smoke_idempotency(struct smoke *s);
void smoke_offline(struct smoke *s);
void smoke_resend(struct smoke *s);
void smoke_auth(struct smoke *s);
void smoke_session(struct smoke *s);
void smoke_protocol(struct smoke *s);
void smoke_moments(struct smoke *s);
void smoke_friend(struct smoke *s);
void smoke_group(struct smoke *s);
void smoke_revoke(struct smoke *s);
void smoke_call(struct smoke *s);
void smoke_cluster(struct smoke *s);

/* step.c: what scenarios are made of.  All return false when the step failed. */

/* Whether Ctrl-C or SIGTERM came: the run is to end. */
bool smoke_is_interrupted(void);
/* Enters a step.  One that was interrupted is none, and no failure of the server. */
bool smoke_step(struct smoke *s, bool ok, const char *name, const char *expected,
                struct mn_str got);
/* A user nobody has used; with --login he logs in, and 0 (a failed step) says that he could not. */
int64_t smoke_uid(struct smoke *s);
/* A token of the user (with --login: that of his login) that expires in `ttl_s`, NUL-terminated in `out` (MN_JWT_MAX bytes). */
bool smoke_token(struct smoke *s, int64_t uid, int64_t ttl_s, char *out);
/* A new connection, closed at the end of the scenario; NULL (a failed step) if there is none. */
struct ws_client *smoke_connect(struct smoke *s, const char *name);
/* The same, authenticated. */
struct ws_client *smoke_login(struct smoke *s, const char *name, int64_t uid);
/* The same on the node of the `node`th --ws, from 0. */
struct ws_client *smoke_login_at(struct smoke *s, const char *name, int64_t uid, size_t node);
/* Closes it now. */
void smoke_hang_up(struct smoke *s, struct ws_client *c);
/* printf-like text frame; false (no step) when the connection is gone. */
bool smoke_send(struct ws_client *c, const char *fmt, ...) MN_PRINTF(2, 3);

/* What a frame must be; absent members are not looked at. */
struct smoke_want {
    enum mn_type type;
    const char *ack_type;
    const char *client_id;
    const char *server_id;
    const char *reason;
    const char *body;
    int64_t from;
    int64_t to;
    int64_t msg_seq;
    int64_t call_id;
    const char *call_reason;
    bool important; /* it addresses who gets it */
    bool has_ids;   /* a decimal serverMsgId and a positive msgSeq, whatever they are */
};

/* What is remembered of a frame that came. */
struct smoke_got {
    char server_id[64];
    int64_t msg_seq;
    int64_t call_id;
    int64_t ts;
};

/*
 * Reads until a frame of the wanted type (and ackType) comes, leaving out
 * others, and checks the rest of it.  `ret` may be NULL.
 */
bool smoke_expect(struct smoke *s, struct ws_client *c, const char *name,
                  const struct smoke_want *want, struct smoke_got *ret);
/* The same with a limit of its own. */
bool smoke_expect_in(struct smoke *s, struct ws_client *c, const char *name,
                     const struct smoke_want *want, uint64_t timeout_ms, struct smoke_got *ret);
/* The connection must end: with a close frame of this code, or (0) in any way. */
bool smoke_expect_close(struct smoke *s, struct ws_client *c, const char *name, unsigned code);
/* Nothing of this type is to be in front of the answer to a PING. */
bool smoke_expect_none(struct smoke *s, struct ws_client *c, const char *name, enum mn_type type);

/* http.c: the same over HTTP. */

/* What must come: the HTTP status, and this text in the answer, which stays in s->http.body. */
bool smoke_ask(struct smoke *s, const char *name, const char *token,
               const struct http_client_request *what, int want_status, const char *want_text);
/* As the user `uid`. */
bool smoke_post(struct smoke *s, const char *name, int64_t uid, const char *path, const char *body,
                int want_status, const char *want_text);
/* Status 200. */
bool smoke_get(struct smoke *s, const char *name, int64_t uid, const char *path,
               const char *want_text);
/* The id that the last answer has under `key`. */
bool smoke_id_of(struct smoke *s, const char *key, char id[24]);

/* friend.c, group.c: what other scenarios begin with. */

/* Two users with connections become friends. */
bool smoke_befriend(struct smoke *s, struct ws_client *a, int64_t a_uid, int64_t b_uid);
/* A makes a group, B joins it, and each hears the other. */
bool smoke_talk_in_group(struct smoke *s, struct ws_client *a, int64_t a_uid, struct ws_client *b,
                         int64_t b_uid);

#endif
