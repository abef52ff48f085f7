/* SPDX-License-Identifier: Apache-2.0 */
/* The message log, played: see loopback.h. */
#include <stdio.h>

#include "base/mem.h"
#include "unit/gate/loopback.h"

struct mn_op *mn_op_new_append(struct mn_str client_id, struct mn_str msg_type, struct mn_str body,
                               struct mn_str mentions)
{
    const struct mn_str texts[] = {client_id, msg_type, body, mentions};
    size_t n = client_id.n + msg_type.n + body.n + mentions.n;
    struct mn_op *op = mn_try_alloc(sizeof(*op) + n);
    if (!op)
        return NULL;
    *op = (struct mn_op){.kind = MN_OP_APPEND,
                         .bytes = (uint32_t)(sizeof(*op) + n),
                         .client_id_len = (uint16_t)client_id.n,
                         .msg_type_len = (uint16_t)msg_type.n,
                         .has_msg_type = msg_type.p != NULL,
                         .mention_count = (uint16_t)mn_uids_count(mentions),
                         .body_len = (uint32_t)body.n};
    atomic_init(&op->refs, 1);
    char *p = op->text;
    for (size_t i = 0; i < MN_ARRAY_LEN(texts); i++) {
        if (texts[i].n > 0)
            memcpy(p, texts[i].p, texts[i].n);
        p += texts[i].n;
    }
    return op;
}

struct mn_op *mn_op_new(enum mn_op_kind kind, struct mn_str client_id, struct mn_str msg_type,
                        struct mn_str body)
{
    struct mn_op *op = mn_op_new_append(client_id, msg_type, body, MN_STR_NONE);
    if (op)
        op->kind = (uint8_t)kind;
    return op;
}

void mn_op_unref(struct mn_op *op)
{
    if (atomic_fetch_sub(&op->refs, 1) == 1)
        mn_free(op);
}

bool mn_msglog_reserve(struct mn_msglog *log, uint32_t bytes)
{
    assert_true(bytes > 0);
    if (!log->is_full)
        log->reserved++;
    return !log->is_full;
}

bool mn_msglog_is_writable(struct mn_msglog *log) { return !log->is_full; }

void mn_msglog_submit(struct mn_msglog *log, struct mn_op *first)
{
    for (struct mn_op *op = first, *next; op; op = next) {
        next = op->next;
        op->next = NULL;
        assert_true(log->reserved > 0);
        log->reserved--;
        if (log->last)
            log->last->next = op;
        else
            log->first = op;
        log->last = op;
        log->waiting++;
    }
}

/* ---- the writer ---- */

static struct lb_msg *find_client_id(const struct mn_op *op)
{
    for (unsigned i = 0; i < lb->msglog.msg_count; i++) {
        struct lb_msg *at = &lb->msglog.msgs[i];
        if (at->msg.from == op->from && at->msg.to == op->to &&
            (op->key.kind == MN_CHAT_PAIR || at->msg.at.chat == op->key.a) &&
            mn_str_eq(at->msg.client_id, mn_op_client_id(op)))
            return at;
    }
    return NULL;
}

int64_t lb_chat_of(int64_t a, int64_t b) { return a < b ? a * 100000 + b : b * 100000 + a; }

static void append(struct mn_op *op)
{
    struct mn_msglog *log = &lb->msglog;
    struct lb_msg *first = find_client_id(op);
    if (first) {
        op->duplicate = true;
        op->id = first->msg.id;
        op->at = first->msg.at;
        return;
    }
    bool is_group = op->key.kind == MN_CHAT_GROUP;
    op->at = (struct mn_place){is_group ? op->key.a : lb_chat_of(op->from, op->to), 1};
    for (unsigned i = 0; i < log->msg_count; i++)
        op->at.seq += log->msgs[i].msg.at.chat == op->at.chat;
    assert_in_range(log->msg_count, 0, LB_MSGS - 1);
    struct lb_msg *m = &log->msgs[log->msg_count++];
    struct mn_str id = mn_op_client_id(op), body = mn_op_body(op), mentions = mn_op_mentions(op);
    assert_true(id.n < sizeof(m->client_id) && body.n < sizeof(m->body));
    assert_true(mentions.n < sizeof(m->mentions));
    memcpy(m->mentions, mentions.p, mentions.n);
    memcpy(m->client_id, id.p, id.n);
    memcpy(m->body, body.p, body.n);
    m->msg = (struct mn_msg){.id = op->id,
                             .at = op->at,
                             .kind = op->key.kind,
                             .from = op->from,
                             .to = op->to,
                             .created_ms = op->unix_ms,
                             .updated_ms = op->unix_ms,
                             .status = MN_MSG_SAVED,
                             .reply_to = op->reply_to,
                             .reply_author = op->reply_author,
                             .mentions = mn_str_make(m->mentions, mentions.n),
                             .client_id = mn_str_make(m->client_id, id.n),
                             .body = mn_str_make(m->body, body.n)};
}

static int64_t *cursor_of(int64_t user, int64_t chat, bool read)
{
    struct mn_msglog *log = &lb->msglog;
    for (unsigned i = 0; i < log->cursor_count; i++)
        if (log->cursors[i].user == user && log->cursors[i].chat == chat)
            return read ? &log->cursors[i].read : &log->cursors[i].delivered;
    assert_in_range(log->cursor_count, 0, MN_ARRAY_LEN(log->cursors) - 1);
    log->cursors[log->cursor_count].user = user;
    log->cursors[log->cursor_count].chat = chat;
    return read ? &log->cursors[log->cursor_count++].read
                : &log->cursors[log->cursor_count++].delivered;
}

int64_t lb_delivered(int64_t user, int64_t chat) { return *cursor_of(user, chat, false); }

static void move_cursor(struct mn_op *op)
{
    int64_t *delivered = cursor_of(op->from, op->at.chat, false);
    int64_t *read = cursor_of(op->from, op->at.chat, true);
    int64_t *cursor = op->cursor == MN_CURSOR_READ ? read : delivered;
    op->advanced = *cursor < op->at.seq;
    if (op->advanced)
        *cursor = op->at.seq;
    if (*delivered < op->at.seq)
        *delivered = op->at.seq;
}

static void revoke(struct mn_op *op)
{
    struct mn_msglog *log = &lb->msglog;
    op->result = MN_ENOTFOUND;
    for (unsigned i = 0; i < log->msg_count; i++) {
        struct mn_msg *m = &log->msgs[i].msg;
        if (m->id != op->id)
            continue;
        op->result = m->from != op->from             ? MN_EPERM
                     : m->created_ms < op->oldest_ms ? MN_EEXPIRED
                                                     : MN_OK;
        if (op->result)
            return;
        op->to = m->to;
        op->at = m->at;
        op->key = mn_chat_pair(m->from, m->to);
        op->advanced = m->status != MN_MSG_REVOKED;
        m->status = MN_MSG_REVOKED;
        assert_in_range(log->revocation_count, 0, MN_ARRAY_LEN(log->revocations) - 1);
        op->number = op->advanced ? 1000 + log->revocation_count : 0;
        if (op->advanced)
            log->revocations[log->revocation_count++] = (struct mn_revocation){
                op->number, op->id, op->at, MN_CHAT_PAIR, op->from, op->to, op->unix_ms};
    }
}

static int64_t *learnt_of(int64_t user) { return &lb->msglog.learnt[user % 64]; }

enum mn_err mn_msglog_revocations(struct mn_msglog *log, int64_t user, int64_t after,
                                  unsigned limit, struct mn_revocation *ret, unsigned *ret_count)
{
    *ret_count = 0;
    if (*learnt_of(user) > after)
        after = *learnt_of(user);
    for (unsigned i = 0; i < log->revocation_count && *ret_count < limit; i++)
        if (log->revocations[i].to == user && log->revocations[i].number > after)
            ret[(*ret_count)++] = log->revocations[i];
    return MN_OK;
}

void lb_commit(unsigned count)
{
    lb_store(count);
    lb_tell();
}

void lb_tell(void)
{
    struct mn_msglog *log = &lb->msglog;
    unsigned n = log->untold_count;
    log->untold_count = 0;
    if (n > 0)
        mn_gate_on_commit(lb->gate, log->untold, n);
}

void lb_store(unsigned count)
{
    struct mn_msglog *log = &lb->msglog;
    lb_tell();
    while (log->untold_count < count && log->untold_count < LB_OPS && log->first) {
        struct mn_op *op = log->first;
        log->first = op->next;
        log->last = log->first ? log->last : NULL;
        log->waiting--;
        op->next = NULL;
        op->result = log->fail;
        if (!log->fail && op->kind == MN_OP_APPEND)
            append(op);
        else if (!log->fail && op->kind == MN_OP_CURSOR)
            move_cursor(op);
        else if (!log->fail && op->kind == MN_OP_REVOKE)
            revoke(op);
        else if (!log->fail && op->kind == MN_OP_LEARNT)
            *learnt_of(op->from) = op->id;
        log->untold[log->untold_count++] = op;
    }
}

/* ---- reads ---- */

enum mn_err mn_msglog_pair(struct mn_msglog *log, int64_t a, int64_t b, int64_t *ret_chat)
{
    (void)log, (void)a, (void)b, (void)ret_chat;
    return MN_ENOTFOUND;
}

enum mn_err mn_msglog_find(struct mn_msglog *log, int64_t id, struct mn_msg_ref *ret)
{
    for (unsigned i = 0; i < log->msg_count; i++) {
        const struct mn_msg *m = &log->msgs[i].msg;
        if (m->id != id)
            continue;
        *ret = (struct mn_msg_ref){
            .id = id, .at = m->at, .kind = m->kind, .from = m->from, .to = m->to};
        return MN_OK;
    }
    return MN_ENOTFOUND;
}

bool mn_msglog_recent(struct mn_msglog *log, int64_t id, struct mn_msg_ref *ret)
{
    return !log->forgets && mn_msglog_find(log, id, ret) == MN_OK;
}

/* Whether it is of a group that he is in, from somebody else. */
static bool is_for_member(const struct mn_msg *m, int64_t user)
{
    for (unsigned i = 0; i < lb->member_count; i++)
        if (lb->members[i].group == m->at.chat && lb->members[i].uid == user)
            return m->kind == MN_CHAT_GROUP && m->from != user;
    return false;
}

/* The message behind *pos that is first in order, or NULL. */
static const struct mn_msg *next_behind(struct mn_msglog *log, int64_t user, struct mn_place pos)
{
    const struct mn_msg *best = NULL;
    for (unsigned i = 0; i < log->msg_count; i++) {
        const struct mn_msg *m = &log->msgs[i].msg;
        if ((m->to == user || is_for_member(m, user)) && mn_place_is_behind(m->at, pos) &&
            m->at.seq > lb_delivered(user, m->at.chat) &&
            (!best || mn_place_is_behind(best->at, m->at)))
            best = m;
    }
    return best;
}

enum mn_err mn_msglog_backlog(struct mn_msglog *log, int64_t user, struct mn_place *pos,
                              unsigned limit, size_t bytes, mn_msg_fn fn, void *arg, bool *ret_done)
{
    (void)bytes;
    const struct mn_msg *m;
    *ret_done = false;
    while (limit-- > 0 && (m = next_behind(log, user, *pos)) != NULL) {
        *pos = m->at; /* before the call: the caller must not count on it when it stopped */
        if (!fn(arg, m))
            return MN_OK;
    }
    *ret_done = !next_behind(log, user, *pos);
    return log->backlog_fail;
}

/* What the gate reads of history is single messages. */
enum mn_err mn_msglog_read(struct mn_msglog *log, const struct mn_range *range, mn_msg_fn fn,
                           void *arg)
{
    for (unsigned i = 0; i < log->msg_count; i++) {
        const struct mn_msg *m = &log->msgs[i].msg;
        if (m->at.chat == range->chat && m->at.seq > range->after && m->at.seq < range->before &&
            !fn(arg, m))
            break;
    }
    return MN_OK;
}
