/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operation on a group does to a batch: the count of the sender's
 * messages, cursors of many members, joining and leaving; and the revoking
 * of a stored message, of whatever chat.
 *
 * A member's row is not kept in the writer's memory, as that of a pair is:
 * a group has as many as it has members.  Writer thread only.
 */
#include "base/mem.h"
#include "store/rocks/impl.h"

enum mn_err mn_writer_own_count(struct mn_writer *w, const struct mn_op_slot *slot, int64_t *ret)
{
    const struct mn_op *op = slot->op;
    for (uint32_t i = slot->chat->last_slot; i != 0; i = w->slots[i - 1].chat_prev) {
        const struct mn_op_slot *before = &w->slots[i - 1];
        if (before->op->from == op->from) {
            *ret = before->count;
            return MN_OK;
        }
    }
    return mn_msglog_own_count(w->log->db, slot->chat->id, op->from, INT64_MAX, ret);
}

void mn_writer_group_cursor(struct mn_writer *w, struct mn_op_slot *slot)
{
    struct mn_op *op = slot->op;
    struct mn_row_member row;
    enum mn_err err = mn_msglog_member(w->log, op->from, op->at.chat, &row);
    if (err == MN_OK)
        mn_writer_move(w, op, &row);
    else if (err != MN_ENOTFOUND) /* not a member: nothing to move (W-8.4) */
        op->result = err;
}

void mn_writer_member(struct mn_writer *w, struct mn_op_slot *slot)
{
    struct mn_op *op = slot->op;
    int64_t group = op->key.a;
    struct mn_row_member row;
    enum mn_err err = mn_msglog_member(w->log, op->from, group, &row);
    bool is_member = err == MN_OK;
    if (err && err != MN_ENOTFOUND) {
        op->result = err;
        return;
    }
    op->advanced = is_member != (op->kind == MN_OP_JOIN);
    if (!op->advanced)
        return;
    if (op->kind == MN_OP_LEAVE) {
        mn_writer_delete_member(w, op->from, group);
        mn_writer_put_waiting(w, op->from, group, false);
        return;
    }
    int64_t last = slot->chat->last_seq;
    row = (struct mn_row_member){.joined_seq = last,
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
    if (op->result == MN_OK) {
        op->to = msg.to;
        op->key = msg.group ? mn_chat_group(msg.chat) : mn_chat_pair(msg.from, msg.to);
        op->at = (struct mn_place){msg.chat, msg.seq};
        op->advanced = !msg.revoked;
        msg.revoked = true;
        msg.updated_ms = op->unix_ms;
        if (op->advanced)
            mn_writer_put_row(w, op->id, &msg);
    }
    mn_rocks_release(&value);
}
