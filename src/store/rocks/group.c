/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operation on a group does to a batch: the counts of the sender and
 * of whom a message addresses, cursors of many members, joining and leaving;
 * and the revoking of a stored message, of whatever chat.
 *
 * A member's row is not kept in the writer's memory, as that of a pair is:
 * a group has as many as it has members.  Writer thread only.
 */
#include "base/mem.h"
#include "store/rocks/impl.h"

/* ---- counts ---- */

static enum mn_err load_count(struct mn_writer *w, struct mn_rocks_iter **counts,
                              enum mn_count_kind kind, int64_t group, int64_t user)
{
    int64_t count = 0;
    if (mn_counts_get(&w->counts, kind, group, user, &count))
        return MN_OK;
    if (!*counts)
        *counts = mn_rlog_counts(w->log->db);
    enum mn_err err = mn_rlog_count_up_to(*counts,
                                          kind == MN_COUNT_OWN ? MN_KEY_OWN : MN_KEY_MENTION, group,
                                          user, INT64_MAX, &count);
    if (!err)
        mn_counts_put(&w->counts, kind, group, user, count);
    return err;
}

enum mn_err mn_writer_load_counts(struct mn_writer *w, const struct mn_op_slot *slot)
{
    const struct mn_op *op = slot->op;
    struct mn_rocks_iter *counts = NULL;
    int64_t user = 0;
    enum mn_err err = load_count(w, &counts, MN_COUNT_OWN, op->key.a, op->from);
    for (size_t i = 0;
         !err && (user = mn_row_addressed(op->reply_author, mn_op_mentions(op), i)) != 0; i++)
        err = load_count(w, &counts, MN_COUNT_MENTIONS, op->key.a, user);
    mn_rocks_iter_free(counts);
    return err;
}

static int64_t count_one(struct mn_writer *w, enum mn_count_kind kind, const struct mn_op *op,
                         int64_t user)
{
    char key[MN_KEY_OWN_BYTES], value[MN_ROW_OWN_MAX];
    int64_t count = 0;
    MN_BUG_ON(!mn_counts_get(&w->counts, kind, op->key.a, user, &count));
    mn_counts_put(&w->counts, kind, op->key.a, user, ++count);
    mn_key_counted(key, kind == MN_COUNT_OWN ? MN_KEY_OWN : MN_KEY_MENTION, op->key.a, user,
                   op->at.seq);
    mn_writer_put_chat_row(w, key, sizeof(key), mn_str_make(value, mn_row_own_print(value, count)));
    return count;
}

void mn_writer_put_counts(struct mn_writer *w, struct mn_op_slot *slot)
{
    const struct mn_op *op = slot->op;
    int64_t user = 0;
    slot->count = count_one(w, MN_COUNT_OWN, op, op->from);
    for (size_t i = 0; (user = mn_row_addressed(op->reply_author, mn_op_mentions(op), i)) != 0; i++)
        count_one(w, MN_COUNT_MENTIONS, op, user);
}

/* A revoked message is no mention any more. */
static void uncount_mentions(struct mn_writer *w, const struct mn_row_msg *msg)
{
    char key[MN_KEY_OWN_BYTES];
    int64_t user = 0;
    for (size_t i = 0; (user = mn_row_addressed(msg->reply_author, msg->mentions, i)) != 0; i++) {
        mn_key_counted(key, MN_KEY_UNMENTION, msg->chat, user, msg->seq);
        mn_writer_put_chat_row(w, key, sizeof(key), MN_ROW_EMPTY);
    }
}

/* ---- members and revoking ---- */

void mn_writer_group_cursor(struct mn_writer *w, struct mn_op_slot *slot)
{
    struct mn_op *op = slot->op;
    struct mn_membership row;
    enum mn_err err = mn_rlog_member(w->log, op->from, op->at.chat, &row);
    if (err == MN_OK)
        mn_writer_move(w, op, &row);
    else if (err != MN_ENOTFOUND) /* not a member: nothing to move (W-8.4) */
        op->result = err;
}

void mn_writer_member(struct mn_writer *w, struct mn_op_slot *slot)
{
    struct mn_op *op = slot->op;
    int64_t group = op->key.a;
    struct mn_membership row;
    enum mn_err err = mn_rlog_member(w->log, op->from, group, &row);
    bool is_member = err == MN_OK;
    if (err && err != MN_ENOTFOUND) {
        op->result = err;
        return;
    }
    op->advanced = is_member != (op->kind == MN_OP_JOIN);
    if (!op->advanced)
        return;
    slot->is_put = true;
    if (op->kind == MN_OP_LEAVE) {
        mn_writer_delete_member(w, op->from, group);
        mn_writer_put_waiting(w, op->from, group, false);
        return;
    }
    int64_t last = slot->chat->last_seq;
    row = (struct mn_membership){.joined_seq = last,
                                 .created_ms = op->unix_ms,
                                 .delivered = last,
                                 .read = last,
                                 .has_delivered = true,
                                 .has_read = true};
    mn_writer_put_member(w, op->from, group, &row);
    mn_writer_put_waiting(w, op->from, group, true);
}

void mn_writer_revoke(struct mn_writer *w, struct mn_op_slot *slot)
{
    struct mn_op *op = slot->op;
    char key[MN_KEY_MSG_BYTES];
    struct mn_rocks_value value;
    struct mn_row_msg msg;
    mn_key_msg(key, op->id);
    op->result = mn_rocks_get(w->log->db, MN_CF_MSG, mn_str_make(key, sizeof(key)), &value);
    if (op->result)
        return;
    op->result = mn_row_msg_parse(value.s, &msg);
    if (op->result == MN_OK && msg.from != op->from)
        op->result = MN_EPERM;
    if (op->result == MN_OK && msg.created_ms < op->oldest_ms)
        op->result = MN_EEXPIRED;
    if (op->result == MN_OK) {
        op->to = msg.to;
        op->key = msg.group ? mn_chat_group(msg.chat) : mn_chat_pair(msg.from, msg.to);
        op->at = (struct mn_place){msg.chat, msg.seq};
        op->advanced = !msg.revoked;
        msg.revoked = true;
        msg.updated_ms = op->unix_ms;
        if (op->advanced)
            op->result = mn_writer_put_revoked(w, op);
        if (op->advanced && op->result == MN_OK) {
            mn_writer_put_row(w, op->id, &msg);
            uncount_mentions(w, &msg);
            slot->is_put = true;
        }
    }
    mn_rocks_release(&value);
}
