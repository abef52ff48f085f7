/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of messages to groups: see message.h. */
#include "im/group/message.h"

#include "base/num.h"

/* A number of 64 bits with its sign, and blanks around it. */
enum { MENTION_TEXT_MAX = 64 };

/* W-3.6.1 to W-3.6.4. */
static enum mn_reason check(const struct mn_envelope *env)
{
    if (mn_str_is_blank(env->client_msg_id))
        return MN_REASON_MISSING_MSG_ID;
    if (!(env->has & MN_HAS_GROUP_ID) || env->group_id <= 0)
        return MN_REASON_MISSING_GROUP_ID;
    return mn_message_check_body(env->body);
}

/*
 * The users that a list names, by their form only; entries that are no user
 * are passed over (W-9.3).  False: too many.
 */
static bool parse_mentions(struct mn_str list, int64_t from, char uids[], size_t *ret_count)
{
    size_t pos = 0, entries = 0;
    char scratch[MENTION_TEXT_MAX];
    struct mn_str text;
    *ret_count = 0;
    while (mn_mentions_next(list, &pos, scratch, sizeof(scratch), &text)) {
        int64_t uid = 0;
        if (++entries > MN_MENTIONS_MAX)
            return false;
        if (mn_parse_i64(mn_str_trim(text), 1, INT64_MAX, &uid) == MN_OK && uid != from)
            mn_uids_set(uids, (*ret_count)++, uid);
    }
    return true;
}

void mn_group_message(const struct mn_message_rules *rules, int64_t from,
                      const struct mn_envelope *env, int64_t unix_ms, struct mn_message *ret)
{
    char uids[MN_MENTIONS_MAX * MN_UID_BYTES];
    size_t count = 0;
    struct mn_str body;
    *ret = (struct mn_message){.reason = check(env)};
    if (!ret->reason && !parse_mentions(env->mentions, from, uids, &count))
        ret->reason = MN_REASON_TOO_MANY_MENTIONS;
    if (ret->reason)
        return;
    int64_t id = mn_idgen_next(rules->idgen);
    ret->id = id > 0 ? id : 0;
    ret->reason = MN_REASON_SERVER_BUSY;
    if (ret->id == 0 || !mn_message_filter_body(rules, env->body, &body, &ret->filtered))
        return;
    ret->op = mn_op_new_append(env->client_msg_id, env->msg_type, body,
                               mn_str_make(uids, count * MN_UID_BYTES));
    if (!ret->op)
        return;
    ret->op->from = from;
    ret->op->key = mn_chat_group(env->group_id);
    ret->op->id = ret->id;
    ret->op->unix_ms = unix_ms;
    if (mn_parse_i64(env->reply_to, 1, INT64_MAX, &ret->op->reply_to))
        ret->op->reply_to = 0; /* every stored id is the decimal text of its number (W-13) */
    ret->reason = mn_message_check_labels(env);
}

/* Members, each once; the others are passed over. */
static void keep_members(struct mn_op *op, const struct mn_roster *roster)
{
    char *uids = op->text + op->client_id_len + op->msg_type_len + op->body_len;
    size_t kept = 0;
    for (size_t i = 0; i < op->mention_count; i++) {
        int64_t uid = mn_uids_get(mn_op_mentions(op), i);
        if (mn_roster_member(roster, uid) &&
            !mn_uids_have(mn_str_make(uids, kept * MN_UID_BYTES), uid))
            mn_uids_set(uids, kept++, uid);
    }
    op->mention_count = (uint16_t)kept;
}

enum mn_reason mn_group_admit(struct mn_op *op, const struct mn_roster *roster,
                              const struct mn_msg_ref *answered)
{
    const struct mn_roster_member *me = mn_roster_member(roster, op->from);
    if (!me)
        return MN_REASON_NOT_GROUP_MEMBER;
    if ((int64_t)me->mute_until_ms > op->unix_ms)
        return MN_REASON_GROUP_SPEAK_MUTED;
    keep_members(op, roster);
    bool is_here = answered && answered->kind == MN_CHAT_GROUP && answered->at.chat == op->key.a;
    op->reply_to = is_here ? answered->id : 0;
    op->reply_author = is_here && answered->from != op->from &&
                               mn_roster_member(roster, answered->from)
                           ? answered->from
                           : 0;
    return MN_REASON_NONE;
}
