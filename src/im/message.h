/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_MESSAGE_H
#define MN_IM_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"
#include "im/text/filter.h"
#include "proto/envelope.h"
#include "proto/reason.h"
#include "store/log/msglog.h"

/*
 * What a message may be, and what becomes of it: the rules between a client's
 * frame and the message log (W-3.5, W-8.2, W-12).
 */

#define MN_MESSAGE_BODY_MAX 4096 /* UTF-16 units of a body (W-3.5.4) */

struct mn_message_rules {
    const struct mn_filter *filter; /* NULL: none */
    struct mn_buf *scratch;         /* the filter's; holds the changed text until the next call */
    struct mn_idgen *idgen;
};

/* A frame as a message, or the reason why it is none. */
struct mn_message {
    enum mn_reason reason; /* MN_REASON_NONE: it is one */
    struct mn_op *op;      /* an append, to be reserved and submitted; owned by the caller */
    int64_t id;            /* the message's; also of one that could not be stored (3.5); or 0 */
    bool filtered;         /* the filter changed its text */
};

/*
 * SINGLE_CHAT of the user `from`, processed at `unix_ms`.  MN_REASON_SERVER_BUSY
 * when there is no memory, or no id can be given now.  Any thread.
 */
void mn_message_single(const struct mn_message_rules *rules, int64_t from,
                       const struct mn_envelope *env, int64_t unix_ms, struct mn_message *ret);

/*
 * MESSAGE_REVOKE by the user `from` at `unix_ms`, of a message that is at most
 * `window_ms` old (W-3.9): the operation's body is the message's id as the
 * client wrote it.  No id is made.  Any thread.
 */
void mn_message_revoke(int64_t from, const struct mn_envelope *env, int64_t unix_ms,
                       int64_t window_ms, struct mn_message *ret);

/* ---- what all kinds of messages share; any thread ---- */

/* missing_body, body_too_long. */
enum mn_reason mn_message_check_body(struct mn_str body);
/* clientMsgId and msgType: internal_error when they are too long, or an id could be mistaken for another. */
enum mn_reason mn_message_check_labels(const struct mn_envelope *env);
/* False: no memory for the changed text (it must not pass unchanged). */
bool mn_message_filter_body(const struct mn_message_rules *rules, struct mn_str body,
                            struct mn_str *ret, bool *ret_changed);

/* What clients see of a stored message: its body, or the placeholder of a revoked one (8.2). */
struct mn_str mn_message_text(const struct mn_msg *msg);

#endif
