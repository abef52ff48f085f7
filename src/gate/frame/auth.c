/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AUTH, REAUTH, PING and PONG (W-3.1 to W-3.3, W-4).
 *
 * AUTH and REAUTH check the signature on the loop, and the session version
 * on a worker; meanwhile the connection's input is held, so what a client
 * pipelines behind AUTH is judged after it.
 *
 * A version raised meanwhile is not missed: the raise bumps an epoch before
 * it looks for a live session, and a check that sees another epoch after it
 * has made the session findable is done again.
 */
#include "base/mem.h"
#include "gate/errand.h"
#include "gate/frame/frame.h"
#include "gate/members.h"
#include "gate/push.h"
#include "gate/resend.h"

/* ---- the check on a worker ---- */

enum check_kind { CHECK_AUTH, CHECK_REAUTH, CHECK_AGAIN };

struct check {
    struct mn_errand errand; /* first */
    enum check_kind kind;
    struct mn_jwt_claims claims;
    uint64_t epoch; /* before the version was read */
    enum mn_err err;
    int64_t sv;
    bool known;
};

static void work(struct mn_errand *errand)
{
    struct check *check = mn_container_of(errand, struct check, errand);
    const struct mn_gate_users *users = &errand->gate->users;
    check->epoch = atomic_load(&errand->gate->bump_epoch);
    check->err = users->session(users->ctx, check->claims.uid, &check->sv, &check->known);
}

static void done(struct mn_errand *errand, struct mn_gate_loop *gl, struct mn_conn *conn);

static bool start_check(struct mn_conn *conn, enum check_kind kind,
                        const struct mn_jwt_claims *claims, struct mn_ids ids)
{
    struct check *check = mn_errand_new(sizeof(*check), ids);
    if (!check)
        return false;
    check->errand.work = work;
    check->errand.done = done;
    check->kind = kind;
    check->claims = *claims;
    return mn_errand_send(conn, &check->errand);
}

/* ---- frames ---- */

static void send_auth_ok(struct mn_conn *conn)
{
    mn_reply_send(conn, &(struct mn_envelope){.type = MN_TYPE_AUTH_OK,
                                              .has = MN_HAS_FROM,
                                              .from = mn_session_of(conn)->uid});
}

void mn_frame_ping(struct mn_conn *conn, const struct mn_envelope *env)
{
    (void)env;
    struct mn_session *session = mn_session_of(conn);
    enum mn_reason verdict = session->state == MN_SESSION_LIVE ? mn_session_verdict(conn)
                                                               : MN_REASON_UNAUTHORIZED;
    if (verdict != MN_REASON_NONE)
        mn_reply_error_close(conn, verdict, MN_IDS_NONE);
    else
        mn_reply_send(conn, &(struct mn_envelope){.type = MN_TYPE_PONG});
}

/* A PONG needs no answer; that it came has already reset the reader's idle time. */
void mn_frame_pong(struct mn_conn *conn, const struct mn_envelope *env)
{
    (void)conn;
    (void)env;
}

bool mn_frame_pong_is_asked(struct mn_conn *conn, const struct mn_envelope *env)
{
    (void)env;
    return mn_asked_take(&mn_session_of(conn)->asked, MN_ASKED_PONG, 0);
}

/* Ahead of the expiry of the token that the session has. */
bool mn_frame_reauth_is_asked(struct mn_conn *conn, const struct mn_envelope *env)
{
    (void)env;
    return mn_session_verdict(conn) == MN_REASON_NONE &&
           mn_asked_take(&mn_session_of(conn)->asked, MN_ASKED_REAUTH, 0);
}

/* Token of AUTH or REAUTH; false when it was refused and the connection closed. */
static bool read_token(struct mn_conn *conn, const struct mn_envelope *env,
                       struct mn_jwt_claims *ret)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    if (mn_str_is_blank(env->token)) {
        mn_reply_auth_fail(conn, MN_REASON_MISSING_TOKEN);
        return false;
    }
    if (mn_jwt_verify(&gl->gate->config.jwt, env->token, mn_loop_unix_ms(gl->loop), ret, NULL)) {
        mn_reply_auth_fail(conn, MN_REASON_INVALID_TOKEN);
        return false;
    }
    return true;
}

void mn_frame_auth(struct mn_conn *conn, const struct mn_envelope *env)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    const struct mn_gate_settings *set = mn_gate_settings_of(gl);
    struct mn_jwt_claims claims;

    if (session->state == MN_SESSION_LIVE) {
        send_auth_ok(conn);
        return;
    }
    /* The budget is the process's: each loop has its share, rounded up. */
    if (!mn_bucket_take(&gl->auth_bucket, set->auth_rate / gl->gate->loop_count + !!set->auth_rate,
                        set->auth_burst / gl->gate->loop_count + 1,
                        mn_loop_mono_ms(gl->loop) * 1000)) {
        mn_metric_inc(gl->metrics, MN_M_RATE_LIMITED);
        mn_reply_busy_close(conn, MN_IDS_NONE);
        return;
    }
    if (!read_token(conn, env, &claims))
        return;
    if (claims.uid <= 0) {
        mn_reply_auth_fail(conn, MN_REASON_SESSION_INVALID);
        return;
    }
    if (!start_check(conn, CHECK_AUTH, &claims, MN_IDS_NONE)) {
        mn_reply_busy_close(conn, MN_IDS_NONE);
        return;
    }
    mn_session_set_state(session, MN_SESSION_CHECKING);
    mn_session_hold(conn, MN_HOLD_CHECK);
}

void mn_frame_reauth(struct mn_conn *conn, const struct mn_envelope *env)
{
    struct mn_jwt_claims claims;
    if (!read_token(conn, env, &claims))
        return;
    if (claims.uid != mn_session_of(conn)->uid) {
        mn_reply_error_close(conn, MN_REASON_REAUTH_UID_MISMATCH, MN_IDS_CS(env));
        return;
    }
    if (start_check(conn, CHECK_REAUTH, &claims, MN_IDS_CS(env)))
        mn_session_hold(conn, MN_HOLD_CHECK);
    else
        mn_reply_busy(conn, MN_IDS_CS(env));
}

/* ---- the outcome of a check ---- */

/* The session can be found from here on: look whether its version was raised in between. */
static void check_again_if_raised(struct mn_conn *conn, const struct check *check)
{
    if (atomic_load(&check->errand.gate->bump_epoch) != check->epoch &&
        !start_check(conn, CHECK_AGAIN, &check->claims, MN_IDS_NONE))
        mn_session_close(conn);
}

static void bind_session(struct mn_conn *conn, const struct check *check)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    uint64_t old = 0;
    if (mn_presence_take(gl->gate->config.presence, check->claims.uid, check->errand.conn, &old)) {
        mn_reply_busy_close(conn, MN_IDS_NONE);
        return;
    }
    MN_BUG_ON(session->uid != 0);
    session->uid = check->claims.uid;
    mn_session_set_state(session, MN_SESSION_LIVE);
    mn_members_arrived(gl->members, session->uid, check->errand.conn);
    mn_conn_vouch(conn);
    mn_metric_inc(gl->metrics, MN_M_SESSIONS);
    mn_session_adopt(conn, check->claims.exp_ms, check->claims.sv);
    send_auth_ok(conn);
    if (old && old != check->errand.conn)
        mn_push_kick(gl->gate, old, session->uid);
    check_again_if_raised(conn, check);
    if (mn_gate_settings_of(gl)->resend_after_auth && session->state == MN_SESSION_LIVE) {
        mn_resend_start(conn);
        mn_revoked_start(conn);
    }
    mn_session_release(conn, MN_HOLD_CHECK);
}

static void finish_auth(struct mn_conn *conn, const struct check *check)
{
    bool strict = mn_gate_settings_of(mn_gate_loop_of(conn))->require_known_user;
    if (check->err) {
        mn_reply_busy_close(conn, MN_IDS_NONE);
    } else if (strict && !check->known) {
        mn_reply_auth_fail(conn, MN_REASON_INVALID_TOKEN);
    } else if (check->sv != check->claims.sv) {
        mn_reply_auth_fail(conn, MN_REASON_SESSION_INVALID);
    } else {
        bind_session(conn, check);
    }
}

static void finish_reauth(struct mn_conn *conn, const struct check *check)
{
    if (check->err) {
        mn_reply_busy(conn, check->errand.ids);
    } else if (check->sv != check->claims.sv) {
        mn_reply_error_close(conn, MN_REASON_SESSION_INVALID, check->errand.ids);
        return;
    } else {
        mn_session_adopt(conn, check->claims.exp_ms, check->claims.sv);
        send_auth_ok(conn);
        check_again_if_raised(conn, check);
    }
    mn_session_release(conn, MN_HOLD_CHECK);
}

static void done(struct mn_errand *errand, struct mn_gate_loop *gl, struct mn_conn *conn)
{
    (void)gl;
    const struct check *check = mn_container_of(errand, struct check, errand);
    if (!conn)
        return;
    if (check->kind == CHECK_AUTH)
        finish_auth(conn, check);
    else if (check->kind == CHECK_REAUTH)
        finish_reauth(conn, check);
    else if (!check->err && check->sv != mn_session_of(conn)->sv)
        mn_reply_error_close(conn, MN_REASON_SESSION_INVALID, MN_IDS_NONE);
}
