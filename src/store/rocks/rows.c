/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a batch.  Those of `index` land at scattered places of its
 * memtable, and what they cost there is the way to each place: they are kept
 * back until all appends are known, and put in the order of their keys, so
 * that each is found from the one before (options.c,
 * docs/decisions/0008-rows-in-order.md).  All others are put at once.
 *
 * Writer thread only.
 */
#include "base/mem.h"
#include "store/rocks/impl.h"

#define CLIENT_ROW (UINT64_C(1) << 63) /* in the second half of a key; see mn_key_client() */

static void put(struct mn_writer *w, enum mn_cf cf, const char *key, size_t key_len,
                const char *value, size_t value_len)
{
    mn_rocks_batch_put(w->log->db, w->batch, cf, mn_str_make(key, key_len),
                       mn_str_make(value, value_len));
}

void mn_writer_put_member(struct mn_writer *w, int64_t user, int64_t chat,
                          const struct mn_membership *row)
{
    char key[MN_KEY_CHAT_BYTES];
    char value[MN_ROW_MEMBER_MAX];
    mn_key_member(key, user, chat);
    put(w, MN_CF_CHAT, key, sizeof(key), value, mn_row_member_print(value, row));
}

void mn_writer_delete_member(struct mn_writer *w, int64_t user, int64_t chat)
{
    char key[MN_KEY_CHAT_BYTES];
    mn_key_member(key, user, chat);
    mn_rocks_batch_delete(w->log->db, w->batch, MN_CF_CHAT, mn_str_make(key, sizeof(key)));
    mn_cursors_drop(&w->log->cursors, user, chat);
}

void mn_writer_put_waiting(struct mn_writer *w, int64_t user, int64_t chat, bool is_waiting)
{
    char key[MN_KEY_CHAT_BYTES];
    mn_key_waiting(key, user, chat);
    if (is_waiting)
        put(w, MN_CF_CHAT, key, sizeof(key), MN_ROW_EMPTY.p, MN_ROW_EMPTY.n);
    else
        mn_rocks_batch_delete(w->log->db, w->batch, MN_CF_CHAT, mn_str_make(key, sizeof(key)));
}

/* The chat's id and its place in the lists are found again by these, not by a message. */
static void put_bare(struct mn_writer *w, const struct mn_chat *chat)
{
    char key[MN_KEY_CHAT_BYTES];
    mn_key_unlisted(key, chat->key.a, chat->key.b);
    put(w, MN_CF_CHAT, key, sizeof(key), MN_ROW_EMPTY.p, MN_ROW_EMPTY.n);
    mn_rlog_put_bare_id(w->log->db, w->batch, chat->id);
}

void mn_writer_put_chat(struct mn_writer *w, struct mn_chat *chat, int64_t unix_ms, bool is_bare)
{
    char key[MN_KEY_CHAT_BYTES];
    char value[MN_ROW_PAIR_MAX];
    mn_key_pair(key, chat->key.a, chat->key.b);
    put(w, MN_CF_CHAT, key, sizeof(key), value,
        mn_row_pair_print(value, &(struct mn_row_pair){.chat = chat->id, .is_bare = is_bare}));
    if (is_bare)
        put_bare(w, chat);
    chat->member[0] = (struct mn_membership){.peer = chat->key.b, .created_ms = unix_ms};
    chat->member[1] = (struct mn_membership){.peer = chat->key.a, .created_ms = unix_ms};
    chat->has_member[0] = chat->has_member[1] = true;
    mn_writer_put_member(w, chat->key.a, chat->id, &chat->member[0]);
    mn_writer_put_member(w, chat->key.b, chat->id, &chat->member[1]);
}

static void note_index(struct mn_writer *w, const struct mn_op_slot *slot, uint64_t second)
{
    w->index[w->index_count++] = (struct mn_index_key){
        .chat = (uint64_t)slot->op->at.chat, .second = second, .slot = (uint32_t)(slot - w->slots)};
}

void mn_writer_put_chat_row(struct mn_writer *w, const char *key, size_t key_len,
                            struct mn_str value)
{
    put(w, MN_CF_CHAT, key, key_len, value.p, value.n);
}

void mn_writer_put_row(struct mn_writer *w, int64_t id, const struct mn_row_msg *row)
{
    char key[MN_KEY_MSG_BYTES];
    char head[MN_ROW_MSG_HEAD_MAX];
    const struct mn_str parts[] = {mn_str_make(head, mn_row_msg_head(head, row)), row->client_id,
                                   row->body, row->mentions};
    mn_key_msg(key, id);
    mn_rocks_batch_put_parts(w->log->db, w->batch, MN_CF_MSG, mn_str_make(key, sizeof(key)), parts,
                             MN_ARRAY_LEN(parts));
}

void mn_writer_put_message(struct mn_writer *w, const struct mn_op_slot *slot)
{
    const struct mn_op *op = slot->op;
    const struct mn_row_msg msg = {.group = op->key.kind == MN_CHAT_GROUP,
                                   .chat = op->at.chat,
                                   .seq = op->at.seq,
                                   .from = op->from,
                                   .to = op->to,
                                   .created_ms = op->unix_ms,
                                   .updated_ms = op->unix_ms,
                                   .reply_to = op->reply_to,
                                   .reply_author = op->reply_author,
                                   .client_id = mn_op_client_id(op),
                                   .body = mn_op_body(op),
                                   .mentions = mn_op_mentions(op)};
    mn_writer_put_row(w, op->id, &msg);
    note_index(w, slot, (uint64_t)op->at.seq);
    note_index(w, slot, slot->hash | CLIENT_ROW);
}

static int compare_index(const void *a, const void *b)
{
    const struct mn_index_key *x = a, *y = b;
    if (x->chat != y->chat)
        return x->chat < y->chat ? -1 : 1;
    return x->second < y->second ? -1 : x->second > y->second;
}

static void put_seq(struct mn_writer *w, const struct mn_op_slot *slot)
{
    const struct mn_op *op = slot->op;
    char key[MN_KEY_SEQ_BYTES];
    char value[MN_ROW_SEQ_MAX];
    struct mn_row_seq place = {.id = op->id, .created_ms = op->unix_ms};
    if (op->key.kind == MN_CHAT_GROUP) {
        place.sender = op->from;
        place.own_count = slot->count;
    } else {
        place.from_high = op->from > op->to;
        place.low_count = slot->count;
    }
    mn_key_seq(key, op->at.chat, op->at.seq);
    put(w, MN_CF_INDEX, key, sizeof(key), value, mn_row_seq_print(value, &place));
}

static void put_client(struct mn_writer *w, const struct mn_op_slot *slot)
{
    char key[MN_KEY_CLIENT_BYTES];
    char value[MN_ROW_CLIENT_MAX];
    mn_key_client(key, slot->op->at.chat, slot->hash);
    put(w, MN_CF_INDEX, key, sizeof(key), value, mn_row_client_print(value, slot->op->at.seq));
}

void mn_writer_put_index(struct mn_writer *w)
{
    qsort(w->index, w->index_count, sizeof(*w->index), compare_index);
    for (size_t i = 0; i < w->index_count; i++) {
        const struct mn_op_slot *slot = &w->slots[w->index[i].slot];
        if (w->index[i].second & CLIENT_ROW)
            put_client(w, slot);
        else
            put_seq(w, slot);
    }
    w->index_count = 0;
}

void mn_writer_put_cursors(struct mn_writer *w)
{
    size_t pos = 0;
    for (const struct mn_cursor_slot *slot = mn_cursors_next(&w->log->cursors, &pos); slot;
         slot = mn_cursors_next(&w->log->cursors, &pos))
        mn_writer_put_member(w, slot->user, slot->chat, &slot->row);
}
