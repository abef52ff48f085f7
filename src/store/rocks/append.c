/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What operations do to a batch.  Two passes over the batch's slots:
 *
 *   prepare   looks up everything that has to be read, many keys at once:
 *             chats that are not in the cache, client ids
 *   apply     in the order of submission: duplicates, sequence numbers,
 *             rows into the batch (rows.c), cursors into their table
 *
 * A client id is unique per chat and sender.  Its key holds 64 bits of a
 * keyed hash; a hit counts only when the stored message has that sender and
 * client id, otherwise the next hash value is tried, so that a collision
 * costs a read and never a message.
 *
 * A new chat of two gets an id from the generator of all ids, a group's chat
 * has the group's.  Writer thread only.
 */
#include "base/id.h"
#include "base/map.h"
#include "base/mem.h"
#include "store/rocks/impl.h"

/* ---- prepare ---- */

static bool is_append_valid(const struct mn_rlog *log, const struct mn_op *op)
{
    /* An id at or below the floor is in use: storing it again would overwrite a message. */
    return op->id > log->floor_id && op->client_id_len > 0 && op->client_id_len <= MN_CLIENT_ID_MAX;
}

static bool is_addressed(const struct mn_op *op)
{
    return op->reply_to != 0 || op->reply_author != 0 || op->mention_count > 0;
}

/* A pair's key must be that of the two, or their messages would be in another one's chat. */
static bool is_key_valid(const struct mn_op *op)
{
    if (op->from <= 0)
        return false;
    if (op->key.kind == MN_CHAT_GROUP)
        return op->key.a > 0 && op->key.b == 0 && op->to == 0;
    struct mn_chat_key pair = mn_chat_pair(op->from, op->to);
    return op->key.kind == MN_CHAT_PAIR && !is_addressed(op) && pair.a > 0 && pair.a < pair.b &&
           op->key.a == pair.a && op->key.b == pair.b;
}

static bool is_valid(const struct mn_rlog *log, const struct mn_op *op)
{
    switch ((enum mn_op_kind)op->kind) {
    case MN_OP_APPEND:
        return is_append_valid(log, op) && is_key_valid(op);
    case MN_OP_CURSOR:
        return is_key_valid(op);
    case MN_OP_CHAT:
        return is_key_valid(op) && op->key.kind == MN_CHAT_PAIR;
    case MN_OP_JOIN:
    case MN_OP_LEAVE:
        return is_key_valid(op) && op->key.kind == MN_CHAT_GROUP;
    case MN_OP_REVOKE:
    case MN_OP_LEARNT:
        return op->id > 0 && op->from > 0;
    case MN_OP_BARRIER:
        return true;
    }
    return false;
}

static void locate(struct mn_writer *w, struct mn_op_slot *slot)
{
    struct mn_op *op = slot->op;
    op->result = MN_OK;
    op->duplicate = op->advanced = false;
    if (!is_valid(w->log, op)) {
        op->result = MN_EINVAL;
        return;
    }
    if (op->kind == MN_OP_BARRIER)
        return;
    /* A cursor moves in memory only, for the time being. */
    if (op->kind != MN_OP_CURSOR && w->cause) {
        op->result = w->cause;
        return;
    }
    if (op->kind == MN_OP_REVOKE || op->kind == MN_OP_LEARNT)
        return;
    slot->chat = mn_chats_find(&w->chats, op->key);
    if (!slot->chat)
        op->result = MN_EBUSY;
}

/* What the last message's row tells of the chat. */
static void note_head(struct mn_chat *chat, const struct mn_row_seq *row)
{
    chat->low_count = row->low_count;
    chat->last_ms = row->created_ms;
    chat->last_of[0] = chat->last_of[1] = 0;
    if (chat->last_seq > 0 && row->sender == 0)
        chat->last_of[row->from_high ? 1 : 0] = chat->last_seq;
}

static enum mn_err load_head(struct mn_rocks_iter *heads, struct mn_chat *chat)
{
    struct mn_row_seq row;
    enum mn_err err = mn_rlog_head(heads, chat->id, &chat->last_seq, &row);
    if (!err)
        note_head(chat, &row);
    return err;
}

static enum mn_err load_chat(struct mn_rocks_iter *heads, struct mn_str pair, struct mn_chat *chat)
{
    struct mn_row_pair row;
    enum mn_err err = mn_row_pair_parse(pair, &row);
    chat->id = err ? 0 : row.chat;
    if (!err)
        err = load_head(heads, chat);
    /* The pair's row came with its first message, or was made without one. */
    return !err && chat->last_seq == 0 && !row.is_bare ? MN_ECORRUPT : err;
}

/* A group is there without a row of its own. */
static void load_group(struct mn_writer *w, struct mn_chat *chat)
{
    mn_metric_inc(w->log->shard, MN_M_CACHE_MISSES);
    chat->id = chat->key.a;
    chat->load_err = MN_EIO;
    if (w->log->db) {
        struct mn_rocks_iter *heads = mn_rlog_heads(w->log->db);
        chat->load_err = load_head(heads, chat);
        mn_rocks_iter_free(heads);
    }
    chat->loaded = chat->load_err == MN_OK;
}

/* Chats that the cache did not have; those that cannot be read stay unloaded. */
static void load_chats(struct mn_writer *w, struct mn_chat **chats, size_t count)
{
    struct mn_rocks *db = w->log->db;
    char keys[MN_ROCKS_MANY][MN_KEY_CHAT_BYTES];
    struct mn_str strs[MN_ROCKS_MANY] = {{NULL, 0}};
    struct mn_rocks_value values[MN_ROCKS_MANY];
    for (size_t i = 0; i < count; i++) {
        mn_key_pair(keys[i], chats[i]->key.a, chats[i]->key.b);
        strs[i] = mn_str_make(keys[i], MN_KEY_CHAT_BYTES);
    }
    mn_metric_add(w->log->shard, MN_M_CACHE_MISSES, (int64_t)count);
    enum mn_err err = db ? mn_rocks_get_many(db, MN_CF_CHAT, count, strs, values) : MN_EIO;
    struct mn_rocks_iter *heads = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!err && mn_rocks_has(&values[i])) {
            if (!heads)
                heads = mn_rlog_heads(db);
            chats[i]->load_err = load_chat(heads, values[i].s, chats[i]);
            mn_rocks_release(&values[i]);
        } else {
            chats[i]->load_err = err;
        }
        chats[i]->loaded = chats[i]->load_err == MN_OK;
    }
    mn_rocks_iter_free(heads);
}

static void load_missing(struct mn_writer *w)
{
    struct mn_chat *chats[MN_ROCKS_MANY];
    size_t count = 0;
    for (size_t i = 0; i < w->count; i++) {
        struct mn_chat *chat = w->slots[i].chat;
        if (!chat || chat->loaded)
            continue;
        if (chat->key.kind == MN_CHAT_GROUP) {
            load_group(w, chat);
            continue;
        }
        chat->loaded = true; /* so that it is collected once; load_chats() has the last word */
        chats[count++] = chat;
        if (count == MN_ROCKS_MANY) {
            load_chats(w, chats, count);
            count = 0;
        }
    }
    if (count > 0)
        load_chats(w, chats, count);
}

static uint64_t client_hash(const struct mn_rlog *log, const struct mn_op *op)
{
    return mn_client_hash(log->hash_key, op->from, mn_op_client_id(op)) & log->hash_mask;
}

static void find_clients(struct mn_writer *w, struct mn_op_slot **slots, size_t count)
{
    char keys[MN_ROCKS_MANY][MN_KEY_CLIENT_BYTES];
    struct mn_str strs[MN_ROCKS_MANY] = {{NULL, 0}};
    struct mn_rocks_value values[MN_ROCKS_MANY];
    for (size_t i = 0; i < count; i++) {
        mn_key_client(keys[i], slots[i]->chat->id, slots[i]->hash);
        strs[i] = mn_str_make(keys[i], MN_KEY_CLIENT_BYTES);
    }
    enum mn_err err = mn_rocks_get_many(w->log->db, MN_CF_INDEX, count, strs, values);
    for (size_t i = 0; i < count; i++) {
        if (err)
            slots[i]->op->result = err;
        else
            slots[i]->found = values[i];
    }
}

/* Client ids in chats that have messages; in the others there is nothing to find. */
static void find_all_clients(struct mn_writer *w)
{
    struct mn_op_slot *slots[MN_ROCKS_MANY];
    size_t count = 0;
    for (size_t i = 0; i < w->count; i++) {
        struct mn_op_slot *slot = &w->slots[i];
        if (!slot->chat)
            continue;
        if (!slot->chat->loaded) {
            slot->op->result = slot->chat->load_err;
            slot->chat = NULL;
            continue;
        }
        slot->chat->stored_seq = slot->chat->last_seq;
        if (slot->op->kind != MN_OP_APPEND)
            continue;
        slot->hash = client_hash(w->log, slot->op);
        if (slot->chat->stored_seq == 0)
            continue;
        slots[count++] = slot;
        if (count == MN_ROCKS_MANY) {
            find_clients(w, slots, count);
            count = 0;
        }
    }
    if (count > 0)
        find_clients(w, slots, count);
}

void mn_writer_prepare(struct mn_writer *w)
{
    for (size_t i = 0; i < w->count; i++)
        locate(w, &w->slots[i]);
    load_missing(w);
    find_all_clients(w);
}

/* ---- apply: appends ---- */

static uint32_t *map_bucket(struct mn_writer *w, const struct mn_chat *chat, uint64_t hash)
{
    return &w->map[mn_hash_u64((uint64_t)chat->key.a ^ hash) & w->map_mask];
}

static bool is_same_message(const struct mn_op *a, const struct mn_op *b)
{
    return a->from == b->from && mn_str_eq(mn_op_client_id(a), mn_op_client_id(b));
}

/* What the batch has under (chat, hash): index + 1, or 0. */
static uint32_t map_find(struct mn_writer *w, const struct mn_chat *chat, uint64_t hash)
{
    uint32_t i = *map_bucket(w, chat, hash);
    while (i != 0 && (w->slots[i - 1].chat != chat || w->slots[i - 1].hash != hash))
        i = w->slots[i - 1].map_next;
    return i;
}

static void map_add(struct mn_writer *w, struct mn_op_slot *slot)
{
    uint32_t *bucket = map_bucket(w, slot->chat, slot->hash);
    slot->map_next = *bucket;
    *bucket = (uint32_t)(slot - w->slots) + 1;
}

/* The message that a client id's row leads to, if it is this one; MN_ENOTFOUND: another. */
static enum mn_err check_found(struct mn_writer *w, struct mn_op *op, int64_t chat,
                               struct mn_str client_row)
{
    struct mn_rocks *db = w->log->db;
    int64_t seq = 0;
    struct mn_row_seq place;
    struct mn_row_msg msg;
    char key[MN_KEY_MSG_BYTES];
    struct mn_rocks_value value;
    enum mn_err err = mn_row_client_parse(client_row, &seq);
    if (!err)
        err = mn_rlog_get_seq(db, chat, seq, &place);
    if (err)
        return err == MN_ENOTFOUND ? MN_ECORRUPT : err;
    mn_key_msg(key, place.id);
    err = mn_rocks_get(db, MN_CF_MSG, mn_str_make(key, sizeof(key)), &value);
    if (err)
        return err == MN_ENOTFOUND ? MN_ECORRUPT : err;
    err = mn_row_msg_parse(value.s, &msg);
    if (!err && (msg.from != op->from || !mn_str_eq(msg.client_id, mn_op_client_id(op))))
        err = MN_ENOTFOUND;
    mn_rocks_release(&value);
    if (err)
        return err;
    op->duplicate = true;
    op->id = place.id;
    op->at.chat = chat;
    op->at.seq = seq;
    return MN_OK;
}

/* Whether it is in the batch at hand, as slot->twin; *ret_taken: it or another has slot->hash. */
static bool in_batch(struct mn_writer *w, struct mn_op_slot *slot, bool *ret_taken)
{
    uint32_t twin = map_find(w, slot->chat, slot->hash);
    *ret_taken = twin != 0;
    if (twin == 0 || !is_same_message(w->slots[twin - 1].op, slot->op))
        return false;
    slot->twin = twin;
    return true;
}

/* Whether it is stored under slot->hash, by its row that was looked up for all of the batch. */
static enum mn_err in_found(struct mn_writer *w, struct mn_op_slot *slot, bool *ret_taken)
{
    *ret_taken = mn_rocks_has(&slot->found);
    return *ret_taken ? check_found(w, slot->op, slot->chat->id, slot->found.s) : MN_ENOTFOUND;
}

/* The same with a look of its own. */
static enum mn_err in_store(struct mn_writer *w, struct mn_op_slot *slot, bool *ret_taken)
{
    char key[MN_KEY_CLIENT_BYTES];
    struct mn_rocks_value value;
    if (slot->chat->stored_seq == 0)
        return MN_ENOTFOUND;
    mn_key_client(key, slot->chat->id, slot->hash);
    enum mn_err err = mn_rocks_get(w->log->db, MN_CF_INDEX, mn_str_make(key, sizeof(key)), &value);
    *ret_taken = err == MN_OK;
    if (err)
        return err;
    err = check_found(w, slot->op, slot->chat->id, value.s);
    mn_rocks_release(&value);
    return err;
}

/*
 * Whether this message is there already, in the store or in the batch.
 * MN_OK: it is, and the operation has its answer, or slot->twin leads to it.
 * MN_ENOTFOUND: it is new, and slot->hash is free for it.
 */
static enum mn_err find_first(struct mn_writer *w, struct mn_op_slot *slot)
{
    bool taken = false;
    if (in_batch(w, slot, &taken))
        return MN_OK;
    enum mn_err err = taken ? MN_ENOTFOUND : in_found(w, slot, &taken);
    while (err == MN_ENOTFOUND && taken) {
        slot->hash++;
        if (in_batch(w, slot, &taken))
            return MN_OK;
        if (!taken)
            err = in_store(w, slot, &taken);
    }
    return err;
}

/* MN_EBUSY: no id can be given now. */
static enum mn_err make_chat(struct mn_writer *w, struct mn_op_slot *slot, bool is_bare)
{
    int64_t id = mn_idgen_next(w->log->config->idgen);
    if (id <= 0)
        return MN_EBUSY;
    slot->chat->id = id;
    slot->is_created = true;
    mn_writer_put_chat(w, slot->chat, slot->op->unix_ms, is_bare);
    return MN_OK;
}

/* What must be there before the message: the chat, and the count for its row. */
static enum mn_err begin_append(struct mn_writer *w, struct mn_op_slot *slot)
{
    struct mn_chat *chat = slot->chat;
    if (chat->key.kind == MN_CHAT_GROUP)
        return mn_writer_load_counts(w, slot);
    enum mn_err err = chat->id == 0 ? make_chat(w, slot, false) : MN_OK;
    if (err)
        return err;
    if (slot->op->from == chat->key.a)
        chat->low_count++;
    slot->count = chat->low_count;
    chat->last_of[slot->op->from == chat->key.a ? 0 : 1] = chat->last_seq + 1;
    return MN_OK;
}

static void apply_append(struct mn_writer *w, struct mn_op_slot *slot)
{
    struct mn_op *op = slot->op;
    struct mn_chat *chat = slot->chat;
    enum mn_err err = find_first(w, slot);
    if (err != MN_ENOTFOUND) {
        op->result = err;
        return;
    }
    op->result = begin_append(w, slot);
    if (op->result)
        return;
    chat->last_seq++;
    op->at = (struct mn_place){chat->id, chat->last_seq};
    slot->is_new = true;
    chat->last_ms = op->unix_ms;
    if (chat->key.kind == MN_CHAT_GROUP)
        mn_writer_put_counts(w, slot);
    mn_writer_put_message(w, slot);
    map_add(w, slot);
}

/* ---- apply: a chat without a message ---- */

static void apply_chat(struct mn_writer *w, struct mn_op_slot *slot)
{
    struct mn_op *op = slot->op;
    if (slot->chat->id == 0) {
        op->result = make_chat(w, slot, true);
        if (op->result)
            return;
        op->advanced = true;
    }
    slot->is_put = true; /* perhaps by another operation of this batch, which may fail yet */
    op->at = (struct mn_place){slot->chat->id, slot->chat->last_seq};
}

/* ---- apply: cursors ---- */

static bool move(int64_t *cursor, bool *has, int64_t seq)
{
    if (*has && *cursor >= seq)
        return false;
    *cursor = seq;
    *has = true;
    return true;
}

void mn_writer_move(struct mn_writer *w, struct mn_op *op, struct mn_membership *row)
{
    bool moved = move(&row->delivered, &row->has_delivered, op->at.seq);
    bool advanced = moved;
    if (op->cursor == MN_CURSOR_READ) {
        advanced = move(&row->read, &row->has_read, op->at.seq);
        moved |= advanced;
    }
    if (moved && !mn_cursors_put(&w->log->cursors, op->from, op->at.chat, row)) {
        op->result = MN_EBUSY;
        return;
    }
    op->advanced = advanced;
    if (advanced)
        mn_metric_inc(w->log->shard, MN_M_CURSOR_MOVES);
}

/* Whether the user of this side has everything of the other one's up to `seq`. */
static bool has_caught_up(struct mn_writer *w, struct mn_chat *chat, int side, int64_t seq)
{
    struct mn_row_seq row;
    int peer = 1 - side;
    if (chat->last_of[peer] > 0)
        return seq >= chat->last_of[peer];
    /* The last message is his own; which one was the peer's last is not known without a look. */
    if (mn_rlog_get_seq(w->log->db, chat->id, seq, &row))
        return false;
    bool is_high = peer == 1;
    int64_t all = is_high ? chat->last_seq - chat->low_count : chat->low_count;
    int64_t seen = is_high ? seq - row.low_count : row.low_count;
    return seen == all;
}

bool mn_writer_has_cursor(const struct mn_writer *w, const struct mn_op *op)
{
    if (!is_key_valid(op) || op->key.kind != MN_CHAT_PAIR)
        return false;
    const struct mn_chat *chat = mn_chats_peek(&w->chats, op->key);
    int side = op->from == op->key.a ? 0 : 1;
    return chat && chat->has_member[side] && chat->last_of[1 - side] > 0; /* has_caught_up() */
}

static void apply_cursor(struct mn_writer *w, struct mn_op_slot *slot)
{
    struct mn_op *op = slot->op;
    struct mn_chat *chat = slot->chat;
    /* stored_seq: nobody can have seen a message of this very batch. */
    if (chat->id == 0 || chat->id != op->at.chat || op->at.seq < 1 ||
        op->at.seq > chat->stored_seq) {
        op->result = MN_EINVAL;
        return;
    }
    if (chat->key.kind == MN_CHAT_GROUP) {
        mn_writer_group_cursor(w, slot);
        return;
    }
    int side = op->from == chat->key.a ? 0 : 1;
    if (!chat->has_member[side]) {
        op->result = mn_rlog_member(w->log, op->from, chat->id, &chat->member[side]);
        if (op->result)
            return;
        chat->has_member[side] = true;
    }
    struct mn_membership row = chat->member[side];
    int64_t delivered = row.delivered;
    mn_writer_move(w, op, &row);
    if (op->result)
        return;
    chat->member[side] = row;
    if (row.delivered > delivered)
        slot->caught_up = has_caught_up(w, chat, side, row.delivered);
}

static void apply(struct mn_writer *w, struct mn_op_slot *slot)
{
    switch ((enum mn_op_kind)slot->op->kind) {
    case MN_OP_APPEND:
        apply_append(w, slot);
        break;
    case MN_OP_CURSOR:
        apply_cursor(w, slot);
        break;
    case MN_OP_CHAT:
        apply_chat(w, slot);
        break;
    case MN_OP_REVOKE:
        mn_writer_revoke(w, slot);
        break;
    case MN_OP_LEARNT:
        mn_writer_learnt(w, slot);
        break;
    case MN_OP_JOIN:
    case MN_OP_LEAVE:
        mn_writer_member(w, slot);
        break;
    case MN_OP_BARRIER:
        break;
    }
}

void mn_writer_apply(struct mn_writer *w)
{
    for (size_t i = 0; i < w->count; i++) {
        struct mn_op_slot *slot = &w->slots[i];
        if (slot->op->result == MN_OK)
            apply(w, slot);
        mn_rlog_judge(w->log, slot->op->result, "operation", slot->chat ? slot->chat->id : 0);
    }
    mn_writer_put_index(w);
}

void mn_writer_forget(struct mn_writer *w)
{
    for (size_t i = 0; i < w->count; i++) {
        struct mn_op_slot *slot = &w->slots[i];
        mn_rocks_release(&slot->found);
        /* `chat` may be gone after a failed write: the buckets are found by the operation. */
        if (slot->is_new)
            w->map[mn_hash_u64((uint64_t)slot->op->key.a ^ slot->hash) & w->map_mask] = 0;
    }
}
