/* SPDX-License-Identifier: Apache-2.0 */
/*
 * im.auth.require-known-user and im.chat.require-friendship for recipients
 * (W-3.5.7, W-3.5.13): a message to a user who does not exist is answered with
 * user_not_found, one to a user who is no friend with not_friend.  Each loop
 * remembers users that it has seen to exist, and friends; others are asked
 * for on a worker, while what waits for its turn behind the message waits.
 */
#include "gate/recipient.h"

#include "base/map.h"
#include "base/mem.h"
#include "gate/errand.h"
#include "gate/frame/requests.h"

struct lookup {
    struct mn_errand errand;  /* first */
    struct mn_serial *serial; /* one reference: the message goes on although its sender went */
    uint32_t ticket;
    int64_t from, to;
    int64_t id;                         /* the message's, for the error */
    bool must_be_known, must_be_friend; /* what is asked */
    bool is_known, is_friend;           /* the answers; true when they were not asked */
    enum mn_err err;
};

/* ---- what a loop remembers ---- */

static int64_t *known_slot(struct mn_gate_loop *gl, int64_t uid)
{
    return &gl->known[mn_hash_u64((uint64_t)uid) % MN_ARRAY_LEN(gl->known)];
}

static size_t friends_slot(const struct mn_gate_loop *gl, struct mn_chat_key pair)
{
    uint64_t hash = mn_hash_u64(mn_hash_u64((uint64_t)pair.a) ^ (uint64_t)pair.b);
    return hash % MN_ARRAY_LEN(gl->friends);
}

static bool are_friends(const struct mn_gate_loop *gl, struct mn_chat_key pair)
{
    size_t i = friends_slot(gl, pair);
    return gl->friends[i].low == pair.a && gl->friends[i].high == pair.b;
}

static void remember(struct mn_gate_loop *gl, const struct lookup *lookup)
{
    struct mn_chat_key pair = mn_chat_pair(lookup->from, lookup->to);
    size_t i = friends_slot(gl, pair);
    if (lookup->must_be_known && lookup->is_known)
        *known_slot(gl, lookup->to) = lookup->to;
    if (lookup->must_be_friend && lookup->is_friend) {
        gl->friends[i].low = pair.a;
        gl->friends[i].high = pair.b;
    }
}

/* ---- the look-up ---- */

static void work(struct mn_errand *errand)
{
    struct lookup *lookup = mn_container_of(errand, struct lookup, errand);
    const struct mn_gate_users *users = &errand->gate->users;
    int64_t sv = 0;
    if (lookup->must_be_known)
        lookup->err = users->session(users->ctx, lookup->to, &sv, &lookup->is_known);
    if (!lookup->err && lookup->must_be_friend)
        lookup->err = users->is_friend(users->ctx, lookup->from, lookup->to, &lookup->is_friend);
}

static void done(struct mn_errand *errand, struct mn_gate_loop *gl, struct mn_conn *conn)
{
    (void)conn; /* it may be gone: the message was accepted */
    struct lookup *lookup = mn_container_of(errand, struct lookup, errand);
    char text[24];
    struct mn_ids ids = {errand->ids.client_msg_id, mn_id_text(text, lookup->id)};
    if (!lookup->err)
        remember(gl, lookup);
    if (lookup->err)
        mn_serial_refuse(lookup->serial, lookup->ticket, mn_reply_make_busy(gl, ids));
    else if (!lookup->is_known)
        mn_serial_refuse(lookup->serial, lookup->ticket,
                         mn_reply_make_error(gl, MN_REASON_USER_NOT_FOUND, ids));
    else if (!lookup->is_friend)
        mn_serial_refuse(lookup->serial, lookup->ticket,
                         mn_reply_make_error(gl, MN_REASON_NOT_FRIEND, ids));
    else
        mn_requests_pass(gl, lookup->serial, lookup->ticket, ids);
    mn_serial_unref(lookup->serial);
}

static bool send_lookup(struct mn_conn *conn, uint32_t ticket, const struct lookup *question,
                        struct mn_str client_msg_id)
{
    struct lookup *lookup = mn_errand_new(sizeof(*lookup),
                                          (struct mn_ids){client_msg_id, MN_STR_NONE});
    if (!lookup)
        return false;
    struct mn_serial *serial = mn_serial_ref(mn_session_of(conn)->serial);
    struct mn_errand errand = lookup->errand;
    *lookup = *question;
    lookup->errand = errand;
    lookup->errand.work = work;
    lookup->errand.done = done;
    lookup->serial = serial;
    lookup->ticket = ticket;
    if (mn_errand_send(conn, &lookup->errand))
        return true;
    mn_serial_unref(serial);
    return false;
}

/* What this loop does not know of the two by itself. */
static struct lookup question_of(struct mn_gate_loop *gl, const struct mn_op *op)
{
    const struct mn_gate_settings *set = mn_gate_settings_of(gl);
    struct lookup question = {.from = op->from, .to = op->to, .id = op->id};
    question.must_be_known = set->require_known_user && *known_slot(gl, op->to) != op->to;
    question.must_be_friend = set->require_friendship && !are_friends(gl, op->key);
    question.is_known = !question.must_be_known;
    question.is_friend = !question.must_be_friend;
    return question;
}

void mn_recipient_check(struct mn_conn *conn, struct mn_op *take_op)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_serial *serial = mn_serial_ref(mn_session_of(conn)->serial);
    struct mn_op *op = mn_op_ref(take_op); /* its text is wanted for the answer */
    char text[24];
    struct mn_ids ids = {mn_op_client_id(op), mn_id_text(text, op->id)};
    const struct lookup question = question_of(gl, op);
    uint32_t ticket = mn_serial_add_waiting(serial, take_op);
    if (question.is_known && question.is_friend)
        mn_requests_pass(gl, serial, ticket, ids);
    else if (!send_lookup(conn, ticket, &question, ids.client_msg_id))
        mn_serial_refuse(serial, ticket, mn_reply_make_busy(gl, ids));
    mn_op_unref(op);
    mn_serial_unref(serial);
}
