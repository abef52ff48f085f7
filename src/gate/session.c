/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session's life: AUTH, REAUTH, PING, timers, session version, kick
 * (ws-protocol.md 3.1 to 3.3, 4, 5, B6, B8).
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
#include "gate/internal.h"

enum {
    BUMP_GRACE_MS = 3000,  /* a replaced session learns it by the kick, if that comes first */
    EXPIRY_EARLY_MS = 250, /* the timer's resolution, so that the close is within the grace */
    LONGEST_TIMER_MS = 3600 * 1000 /* look at the wall clock again then: it may have been set */
};

/* ---- state ---- */

void mn_session_set_state(struct mn_session *session, enum mn_session_state state)
{
    static const unsigned successors[] = {
        [MN_SESSION_NEW] = 1u << MN_SESSION_CHECKING | 1u << MN_SESSION_CLOSED,
        [MN_SESSION_CHECKING] = 1u << MN_SESSION_LIVE | 1u << MN_SESSION_CLOSED,
        [MN_SESSION_LIVE] = 1u << MN_SESSION_CLOSED,
        [MN_SESSION_CLOSED] =
            1u << MN_SESSION_CLOSED, /* decided here, then told by the transport */
    };
    MN_BUG_ON(!(successors[session->state] & 1u << state));
    session->state = state;
}

/* ---- the check on a worker ---- */

enum check_kind { CHECK_AUTH, CHECK_REAUTH, CHECK_AGAIN };

/* Goes to a worker and comes back to the loop; owned by whoever runs it. */
struct check {
    struct mn_job job;
    struct mn_task task;
    struct mn_gate *gate;
    uint64_t conn;
    enum check_kind kind;
    struct mn_jwt_claims claims;
    uint64_t epoch; /* before the version was read */
    enum mn_err err;
    int64_t sv;
    bool known;
    uint32_t client_msg_id_len, server_msg_id_len; /* REAUTH's, for its errors */
    bool has_client_msg_id, has_server_msg_id;
    char ids[];
};

static void on_checked(struct mn_task *task, struct mn_loop *loop);

static void run_check(struct mn_job *job, unsigned worker)
{
    (void)worker;
    struct check *check = mn_container_of(job, struct check, job);
    struct mn_gate *gate = check->gate;
    check->epoch = atomic_load(&gate->bump_epoch);
    check->err = gate->config.session(gate->config.session_ctx, check->claims.uid, &check->sv,
                                      &check->known);
    check->task.run = on_checked;
    mn_loop_post(mn_net_loop_of(gate->net, check->conn), &check->task);
}

static bool start_check(struct mn_conn *conn, enum check_kind kind,
                        const struct mn_jwt_claims *claims, struct mn_echo echo)
{
    struct mn_gate *gate = mn_gate_loop_of(conn)->gate;
    struct check *check = mn_try_alloc(sizeof(*check) + echo.client_msg_id.n +
                                       echo.server_msg_id.n);
    if (!check)
        return false;
    *check = (struct check){
        .job.run = run_check,
        .gate = gate,
        .conn = mn_conn_id(conn),
        .kind = kind,
        .claims = *claims,
        .client_msg_id_len = (uint32_t)echo.client_msg_id.n,
        .server_msg_id_len = (uint32_t)echo.server_msg_id.n,
        .has_client_msg_id = echo.client_msg_id.p != NULL,
        .has_server_msg_id = echo.server_msg_id.p != NULL,
    };
    if (echo.client_msg_id.p)
        memcpy(check->ids, echo.client_msg_id.p, echo.client_msg_id.n);
    if (echo.server_msg_id.p)
        memcpy(check->ids + echo.client_msg_id.n, echo.server_msg_id.p, echo.server_msg_id.n);
    if (mn_pool_submit(gate->pool, &check->job)) {
        mn_free(check);
        return false;
    }
    return true;
}

static struct mn_echo check_echo(const struct check *check)
{
    struct mn_echo echo = MN_ECHO_NONE;
    if (check->has_client_msg_id)
        echo.client_msg_id = mn_str_make(check->ids, check->client_msg_id_len);
    if (check->has_server_msg_id)
        echo.server_msg_id = mn_str_make(check->ids + check->client_msg_id_len,
                                         check->server_msg_id_len);
    return echo;
}

/* ---- kick and session version, between loops ---- */

struct note {
    struct mn_task task;
    uint64_t conn;
    int64_t uid, sv;
};

static void kick(struct mn_conn *conn, int64_t uid)
{
    struct mn_session *session = mn_session_of(conn);
    if (session->state != MN_SESSION_LIVE || session->uid != uid)
        return;
    mn_metric_inc(mn_gate_loop_of(conn)->metrics, MN_M_KICKS);
    mn_reply_error_close(conn, MN_REASON_KICKED, MN_ECHO_NONE);
}

static void run_kick(struct mn_task *task, struct mn_loop *loop)
{
    struct note *note = mn_container_of(task, struct note, task);
    struct mn_conn *conn = mn_loop_find(loop, note->conn);
    if (conn)
        kick(conn, note->uid);
    mn_free(note);
}

static void run_bump(struct mn_task *task, struct mn_loop *loop)
{
    struct note *note = mn_container_of(task, struct note, task);
    struct mn_conn *conn = mn_loop_find(loop, note->conn);
    struct mn_session *session = conn ? mn_session_of(conn) : NULL;
    if (session && session->state == MN_SESSION_LIVE && session->uid == note->uid &&
        session->sv != note->sv && session->bumped_mono_ms == 0) {
        session->bumped_mono_ms = mn_loop_mono_ms(loop);
        mn_session_arm(conn, session->bumped_mono_ms + BUMP_GRACE_MS);
    }
    mn_free(note);
}

static void post_note(struct mn_gate *gate, uint64_t conn, int64_t uid, int64_t sv,
                      void (*run)(struct mn_task *task, struct mn_loop *loop))
{
    struct note *note = mn_new(struct note);
    *note = (struct note){.task.run = run, .conn = conn, .uid = uid, .sv = sv};
    mn_loop_post(mn_net_loop_of(gate->net, conn), &note->task);
}

void mn_gate_on_session_bump(void *arg, int64_t uid, int64_t sv)
{
    struct mn_gate *gate = arg;
    atomic_fetch_add(&gate->bump_epoch, 1);
    uint64_t conn = mn_presence_find(gate->config.presence, uid);
    if (conn)
        post_note(gate, conn, uid, sv, run_bump);
}

/* ---- timers ---- */

void mn_session_arm(struct mn_conn *conn, uint64_t deadline_mono_ms)
{
    struct mn_session *session = mn_session_of(conn);
    if (session->timer_mono_ms != 0 && session->timer_mono_ms <= deadline_mono_ms)
        return;
    session->timer_mono_ms = deadline_mono_ms;
    mn_conn_set_timer(conn, deadline_mono_ms);
}

/* When a live session's token has been expired for long enough to be closed, in monotonic time. */
static uint64_t expiry_mono_ms(struct mn_conn *conn)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    int64_t grace = mn_gate_set(gl)->expiry_grace_ms;
    grace -= grace > EXPIRY_EARLY_MS ? EXPIRY_EARLY_MS : grace;
    int64_t now = mn_loop_unix_ms(gl->loop);
    /* Compared before it is added: a token may carry any `exp`. */
    if (session->exp_unix_ms > now + LONGEST_TIMER_MS)
        return mn_loop_mono_ms(gl->loop) + LONGEST_TIMER_MS;
    int64_t left = session->exp_unix_ms + grace - now;
    return mn_loop_mono_ms(gl->loop) + (uint64_t)(left > 0 ? left : 0);
}

static void live_timer(struct mn_conn *conn, uint64_t now)
{
    struct mn_session *session = mn_session_of(conn);
    if (session->bumped_mono_ms && now >= session->bumped_mono_ms + BUMP_GRACE_MS) {
        mn_reply_error_close(conn, MN_REASON_SESSION_INVALID, MN_ECHO_NONE);
        return;
    }
    if (session->exp_unix_ms) {
        uint64_t expiry = expiry_mono_ms(conn);
        if (expiry <= now) {
            mn_reply_error_close(conn, MN_REASON_TOKEN_EXPIRED, MN_ECHO_NONE);
            return;
        }
        mn_session_arm(conn, expiry);
    }
    if (session->bumped_mono_ms)
        mn_session_arm(conn, session->bumped_mono_ms + BUMP_GRACE_MS);
    uint64_t look = mn_resend_check_age(conn);
    if (look)
        mn_session_arm(conn, look);
}

void mn_session_on_timer(struct mn_conn *conn)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    uint64_t now = mn_loop_mono_ms(gl->loop);
    session->timer_mono_ms = 0;
    switch (session->state) {
    case MN_SESSION_NEW: {
        uint64_t deadline = session->open_mono_ms + mn_gate_set(gl)->auth_timeout_ms;
        if (now >= deadline)
            mn_reply_error_close(conn, MN_REASON_AUTH_TIMEOUT, MN_ECHO_NONE);
        else
            mn_session_arm(conn, deadline);
        break;
    }
    case MN_SESSION_LIVE:
        live_timer(conn, now);
        break;
    case MN_SESSION_CHECKING: /* the worker answers in any case */
    case MN_SESSION_CLOSED:
        break;
    }
}

void mn_session_on_writer_idle(struct mn_conn *conn)
{
    struct mn_session *session = mn_session_of(conn);
    if (session->state == MN_SESSION_CLOSED)
        return;
    if (session->state == MN_SESSION_LIVE &&
        mn_session_verdict(conn) == MN_REASON_SESSION_INVALID) {
        mn_reply_error_close(conn, MN_REASON_SESSION_INVALID, MN_ECHO_NONE);
        return;
    }
    struct mn_frame *ping = mn_frame_new(0);
    if (ping) {
        mn_frame_seal(ping, MN_WS_OP_PING, 0);
        mn_ignore(mn_conn_send(conn, ping, MN_SEND_REPLY)); /* closing: no need */
    }
    mn_asked_add(&session->asked, MN_ASKED_PONG);
    mn_reply_send(conn, &(struct mn_envelope){.type = MN_TYPE_PING});
}

/* ---- frames ---- */

enum mn_reason mn_session_verdict(struct mn_conn *conn)
{
    struct mn_session *session = mn_session_of(conn);
    if (session->exp_unix_ms && mn_loop_unix_ms(mn_conn_loop(conn)) >= session->exp_unix_ms)
        return MN_REASON_TOKEN_EXPIRED;
    return session->bumped_mono_ms ? MN_REASON_SESSION_INVALID : MN_REASON_NONE;
}

static void send_auth_ok(struct mn_conn *conn)
{
    mn_reply_send(conn, &(struct mn_envelope){.type = MN_TYPE_AUTH_OK,
                                              .has = MN_HAS_FROM,
                                              .from = mn_session_of(conn)->uid});
}

void mn_session_on_ping(struct mn_conn *conn)
{
    struct mn_session *session = mn_session_of(conn);
    enum mn_reason verdict = session->state == MN_SESSION_LIVE ? mn_session_verdict(conn)
                                                               : MN_REASON_UNAUTHORIZED;
    if (verdict != MN_REASON_NONE)
        mn_reply_error_close(conn, verdict, MN_ECHO_NONE);
    else
        mn_reply_send(conn, &(struct mn_envelope){.type = MN_TYPE_PONG});
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

void mn_session_on_auth(struct mn_conn *conn, const struct mn_envelope *env)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    const struct mn_gate_settings *set = mn_gate_set(gl);
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
        mn_reply_busy(conn, MN_ECHO_NONE);
        mn_session_close(conn);
        return;
    }
    if (!read_token(conn, env, &claims))
        return;
    if (claims.uid <= 0) {
        mn_reply_auth_fail(conn, MN_REASON_SESSION_INVALID);
        return;
    }
    if (!start_check(conn, CHECK_AUTH, &claims, MN_ECHO_NONE)) {
        mn_reply_busy(conn, MN_ECHO_NONE);
        mn_session_close(conn);
        return;
    }
    mn_session_set_state(session, MN_SESSION_CHECKING);
    mn_conn_hold(conn);
}

void mn_session_on_reauth(struct mn_conn *conn, const struct mn_envelope *env)
{
    struct mn_jwt_claims claims;
    if (!read_token(conn, env, &claims))
        return;
    if (claims.uid != mn_session_of(conn)->uid) {
        mn_reply_error_close(conn, MN_REASON_REAUTH_UID_MISMATCH, MN_ECHO_CS(env));
        return;
    }
    if (start_check(conn, CHECK_REAUTH, &claims, MN_ECHO_CS(env)))
        mn_conn_hold(conn);
    else
        mn_reply_busy(conn, MN_ECHO_CS(env));
}

/* ---- the outcome of a check ---- */

static void adopt_claims(struct mn_conn *conn, const struct check *check)
{
    struct mn_session *session = mn_session_of(conn);
    /* A token that outlives the one before asks for its own REAUTH; the same one again does not. */
    if (check->claims.exp_ms > session->exp_unix_ms)
        mn_asked_add(&session->asked, MN_ASKED_REAUTH);
    session->exp_unix_ms = check->claims.exp_ms;
    session->sv = check->claims.sv;
    session->bumped_mono_ms = 0;
    if (session->exp_unix_ms)
        mn_session_arm(conn, expiry_mono_ms(conn));
}

/* The session can be found from here on: look whether its version was raised in between. */
static void check_again_if_raised(struct mn_conn *conn, const struct check *check)
{
    struct mn_gate *gate = check->gate;
    if (atomic_load(&gate->bump_epoch) != check->epoch &&
        !start_check(conn, CHECK_AGAIN, &check->claims, MN_ECHO_NONE))
        mn_session_close(conn);
}

static void bind_session(struct mn_conn *conn, const struct check *check)
{
    struct mn_gate_loop *gl = mn_gate_loop_of(conn);
    struct mn_session *session = mn_session_of(conn);
    uint64_t old = 0;
    if (mn_presence_take(gl->gate->config.presence, check->claims.uid, check->conn, &old)) {
        mn_reply_busy(conn, MN_ECHO_NONE);
        mn_session_close(conn);
        return;
    }
    MN_BUG_ON(session->uid != 0);
    session->uid = check->claims.uid;
    mn_session_set_state(session, MN_SESSION_LIVE);
    mn_metric_inc(gl->metrics, MN_M_SESSIONS);
    adopt_claims(conn, check);
    send_auth_ok(conn);
    if (old && old != check->conn)
        post_note(gl->gate, old, session->uid, 0, run_kick);
    check_again_if_raised(conn, check);
    if (mn_gate_set(gl)->resend_after_auth && session->state == MN_SESSION_LIVE)
        mn_resend_start(conn);
    mn_conn_resume(conn);
}

static void finish_auth(struct mn_conn *conn, const struct check *check)
{
    bool strict = mn_gate_set(mn_gate_loop_of(conn))->require_known_user;
    if (check->err) {
        mn_reply_busy(conn, MN_ECHO_NONE);
        mn_session_close(conn);
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
        mn_reply_busy(conn, check_echo(check));
    } else if (check->sv != check->claims.sv) {
        mn_reply_error_close(conn, MN_REASON_SESSION_INVALID, check_echo(check));
        return;
    } else {
        adopt_claims(conn, check);
        send_auth_ok(conn);
        check_again_if_raised(conn, check);
    }
    mn_conn_resume(conn);
}

static void on_checked(struct mn_task *task, struct mn_loop *loop)
{
    struct check *check = mn_container_of(task, struct check, task);
    struct mn_conn *conn = mn_loop_find(loop, check->conn);
    struct mn_session *session = conn ? mn_session_of(conn) : NULL;
    if (session && session->state != MN_SESSION_CLOSED) {
        if (check->kind == CHECK_AUTH)
            finish_auth(conn, check);
        else if (check->kind == CHECK_REAUTH)
            finish_reauth(conn, check);
        else if (!check->err && check->sv != session->sv)
            mn_reply_error_close(conn, MN_REASON_SESSION_INVALID, MN_ECHO_NONE);
    }
    mn_free(check);
}
