/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_VERIFY_HTTP_WALK_H
#define MN_TOOL_VERIFY_HTTP_WALK_H

#include <jansson.h>

#include "base/map.h"
#include "tool/kit/http_client.h"
#include "tool/verify/lines.h"
#include "tool/verify/verify.h"

/* What http.c and http_group.c share: a walk through the conversations of a ledger.  Main thread. */
#define VERIFY_PATH 200

struct verify_walk {
    struct verify_report *report;
    const struct mn_jwt_key *key;
    struct http_client http;
    struct verify_lines ledger;
    bool dead; /* the server went away: no more requests */
    /* the token at hand */
    int64_t token_user;
    uint64_t token_until_ms;
    char token[MN_JWT_MAX];
    /* the conversation at hand */
    int64_t low, high; /* as in its lines */
    int64_t group;     /* 0: of two */
    int64_t as;        /* who reads it */
    char name[VERIFY_CHAT_NAME];
    size_t next, end; /* its lines */
    int64_t chat, seq;
    int64_t others;            /* messages that `as` did not write */
    int64_t head_seq, head_id; /* announced before the walk; 0: none */
    int64_t cursor;            /* the greatest one, announced before the walk */
    struct {
        int64_t unread, mentions, last_seq;
    } row; /* of a group, in the list of `as`, before the walk */
    struct mn_map client_ids;
};

/* http.c: `data` of the answer; NULL when there is none, and `why` says what was the matter. */
json_t *verify_get(struct verify_walk *walk, int64_t user, const char *path, struct mn_buf *why);
/* An id is a string, a number a number; 0 for anything else. */
int64_t verify_number(const json_t *object, const char *key);

/* http_group.c: the head and the row in a list, as of now; false when they cannot be read. */
bool verify_group_head(struct verify_walk *walk, struct mn_buf *why);
/* Members, and whether what was announced fits what was read. */
void verify_group_end(struct verify_walk *walk);

#endif
