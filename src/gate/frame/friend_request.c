/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FRIEND_REQUEST: what is wrong with the frame by itself is answered here;
 * the request is made on a worker, beside the order of messages (W-3.10, W-7.1).
 */
#include "base/mem.h"
#include "gate/errand.h"
#include "gate/frame/frame.h"
#include "im/friend/friend.h"

struct asking {
    struct mn_errand errand; /* first */
    struct mn_friend_question question;
    struct mn_friend_asked asked;
    enum mn_err err;
    bool must_be_known, is_known; /* im.auth.require-known-user */
    char text[MN_FRIEND_TEXT_BYTES];
};

/* ---- the worker's part, and its outcome ---- */

static void work(struct mn_errand *errand)
{
    struct asking *asking = mn_container_of(errand, struct asking, errand);
    const struct mn_gate_users *users = &errand->gate->users;
    int64_t sv = 0;
    if (asking->must_be_known)
        asking->err = users->session(users->ctx, asking->question.to, &sv, &asking->is_known);
    if (!asking->err && asking->is_known)
        asking->err = mn_friend_ask(errand->gate->friends, &asking->question, &asking->asked);
}

static void saved(struct mn_conn *conn, const struct asking *asking)
{
    char text[24];
    mn_reply_send(conn, &(struct mn_envelope){
                            .type = MN_TYPE_ACK,
                            .has = MN_HAS_FROM,
                            .client_msg_id = asking->question.client_msg_id,
                            .server_msg_id = mn_id_text(text, asking->asked.id),
                            .from = asking->question.from,
                            .ack_type = MN_STR("saved"),
                            /* What was made of it; the text of a request that was there stays. */
                            .body = asking->asked.is_new ? asking->question.content : MN_STR_NONE,
                        });
}

static void done(struct mn_errand *errand, struct mn_gate_loop *gl, struct mn_conn *conn)
{
    const struct asking *asking = mn_container_of(errand, struct asking, errand);
    (void)gl;
    if (!conn)
        return;
    if (asking->err == MN_EEXIST)
        mn_reply_error(conn, MN_REASON_ALREADY_FRIENDS, errand->ids);
    else if (asking->err)
        mn_reply_busy(conn, errand->ids);
    else if (!asking->is_known)
        mn_reply_error(conn, MN_REASON_USER_NOT_FOUND, errand->ids);
    else
        saved(conn, asking);
}

/* ---- the request ---- */

static struct asking *asking_new(struct mn_conn *conn, const struct mn_envelope *env,
                                 struct mn_str text)
{
    struct asking *asking = mn_errand_new(sizeof(*asking), MN_IDS_C(env));
    if (!asking)
        return NULL;
    if (text.n > 0)
        memcpy(asking->text, text.p, text.n);
    asking->must_be_known = mn_gate_settings_of(mn_gate_loop_of(conn))->require_known_user;
    asking->is_known = !asking->must_be_known;
    asking->errand.work = work;
    asking->errand.done = done;
    asking->question = (struct mn_friend_question){
        .from = mn_session_of(conn)->uid,
        .to = env->to,
        .content = text.p ? mn_str_make(asking->text, text.n) : MN_STR_NONE,
        .client_msg_id = asking->errand.ids.client_msg_id};
    return asking;
}

static void ask(struct mn_conn *conn, const struct mn_envelope *env, struct mn_str text)
{
    struct asking *asking = asking_new(conn, env, text);
    if (!mn_errand_send(conn, asking ? &asking->errand : NULL))
        mn_reply_busy(conn, MN_IDS_C(env));
}

void mn_frame_friend_request(struct mn_conn *conn, const struct mn_envelope *env)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    enum mn_reason reason = mn_friend_check(mn_session_of(conn)->uid, env);
    struct mn_str text;
    if (reason != MN_REASON_NONE) {
        mn_reply_error(conn, reason, MN_IDS_C(env));
        return;
    }
    mn_buf_reset(&gl->filtered);
    enum mn_err err = mn_friend_text(mn_gate_settings_of(gl)->filter, env->body, &gl->filtered,
                                     &text);
    if (err == MN_ELIMIT)
        mn_reply_error(conn, MN_REASON_BODY_TOO_LONG, MN_IDS_C(env));
    else if (err)
        mn_reply_busy(conn, MN_IDS_C(env));
    else
        ask(conn, env, text);
}
