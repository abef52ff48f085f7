/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of messages: see message.h. */
#include "im/message.h"

#include "base/num.h"
#include "base/utf8.h"

enum {
    CLIENT_ID_MAX_UTF16 =
        64, /* the original's column; longer is internal_error there too (W-3.5.6) */
    MSG_TYPE_MAX_UTF16 = 64
};

/* "has been revoked", the literal that clients know */
#define REVOKED_TEXT MN_STR("\xe5\xb7\xb2\xe6\x92\xa4\xe5\x9b\x9e")

/* A text has at most as many UTF-16 units as bytes: most need no count. */
static bool is_longer(struct mn_str text, size_t utf16)
{
    return text.n > utf16 && mn_utf8_utf16_len(text) > utf16;
}

enum mn_reason mn_message_check_body(struct mn_str body)
{
    if (mn_str_is_blank(body))
        return MN_REASON_MISSING_BODY;
    return is_longer(body, MN_MESSAGE_BODY_MAX) ? MN_REASON_BODY_TOO_LONG : MN_REASON_NONE;
}

enum mn_reason mn_message_check_labels(const struct mn_envelope *env)
{
    if (is_longer(env->client_msg_id, CLIENT_ID_MAX_UTF16) ||
        is_longer(env->msg_type, MSG_TYPE_MAX_UTF16))
        return MN_REASON_INTERNAL_ERROR;
    /* The key of a message: two ids must not become one, nor the second be lost as a duplicate. */
    if (env->has & MN_HAS_LOSSY_CLIENT_ID)
        return MN_REASON_INTERNAL_ERROR;
    return MN_REASON_NONE;
}

/* W-3.5.1 to W-3.5.6. */
static enum mn_reason check_single(int64_t from, const struct mn_envelope *env)
{
    if (mn_str_is_blank(env->client_msg_id))
        return MN_REASON_MISSING_MSG_ID;
    if (!(env->has & MN_HAS_TO))
        return MN_REASON_MISSING_TO;
    enum mn_reason reason = mn_message_check_body(env->body);
    if (reason)
        return reason;
    if (env->to == from)
        return MN_REASON_CANNOT_SEND_TO_SELF;
    return env->to <= 0 ? MN_REASON_INTERNAL_ERROR : mn_message_check_labels(env);
}

bool mn_message_filter_body(const struct mn_message_rules *rules, struct mn_str body,
                            struct mn_str *ret, bool *ret_changed)
{
    *ret = body;
    if (!rules->filter)
        return true;
    mn_buf_reset(rules->scratch);
    if (mn_filter_apply(rules->filter, body, rules->scratch, ret_changed))
        return false;
    if (*ret_changed)
        *ret = mn_buf_str(rules->scratch);
    return true;
}

void mn_message_single(const struct mn_message_rules *rules, int64_t from,
                       const struct mn_envelope *env, int64_t unix_ms, struct mn_message *ret)
{
    struct mn_str body;
    *ret = (struct mn_message){.reason = check_single(from, env)};
    if (ret->reason != MN_REASON_NONE && ret->reason != MN_REASON_INTERNAL_ERROR)
        return;
    int64_t id = mn_idgen_next(rules->idgen);
    ret->id = id > 0 ? id : 0; /* the clock is outside the range of ids: nothing is stored (W-13) */
    if (ret->reason != MN_REASON_NONE)
        return;
    ret->reason = MN_REASON_SERVER_BUSY;
    if (ret->id == 0 || !mn_message_filter_body(rules, env->body, &body, &ret->filtered))
        return;
    ret->op = mn_op_new(MN_OP_APPEND, env->client_msg_id, env->msg_type, body);
    if (!ret->op)
        return;
    mn_op_set_pair(ret->op, from, env->to);
    ret->op->id = ret->id;
    ret->op->unix_ms = unix_ms;
    ret->reason = MN_REASON_NONE;
}

/* W-3.9.1, W-3.9.2. */
static enum mn_reason check_revoke(const struct mn_envelope *env, int64_t *ret_id)
{
    if (mn_str_is_blank(env->server_msg_id))
        return MN_REASON_MISSING_SERVER_MSG_ID;
    if (mn_parse_i64(mn_str_trim(env->server_msg_id), 1, INT64_MAX, ret_id))
        return MN_REASON_BAD_SERVER_MSG_ID;
    return MN_REASON_NONE;
}

void mn_message_revoke(int64_t from, const struct mn_envelope *env, int64_t unix_ms,
                       int64_t window_ms, struct mn_message *ret)
{
    int64_t id = 0;
    *ret = (struct mn_message){.reason = check_revoke(env, &id)};
    if (ret->reason != MN_REASON_NONE)
        return;
    ret->op = mn_op_new(MN_OP_REVOKE, env->client_msg_id, MN_STR_NONE, env->server_msg_id);
    if (!ret->op) {
        ret->reason = MN_REASON_SERVER_BUSY;
        return;
    }
    ret->op->from = from;
    ret->op->id = id;
    ret->op->unix_ms = unix_ms;
    ret->op->oldest_ms = unix_ms - window_ms;
}

struct mn_str mn_message_text(const struct mn_msg *msg)
{
    return msg->status == MN_MSG_REVOKED ? REVOKED_TEXT : msg->body;
}
