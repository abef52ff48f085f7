/* SPDX-License-Identifier: Apache-2.0 */
/* The test's hands: see loopback.h. */
#include "unit/gate/loopback.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "im/call/calls_impl.h"
#include "support/torture.h"

struct lb *lb;

static enum mn_err look_up(void *ctx, int64_t uid, int64_t *ret_sv, bool *ret_known)
{
    (void)ctx;
    *ret_sv = lb->sv;
    *ret_known = lb->known;
    if (lb->raise_inside == uid) {
        lb->raise_inside = 0;
        lb_bump(uid, ++lb->sv);
    }
    return lb->session_err;
}

static enum mn_err members(void *ctx, int64_t group, mn_roster_put put, void *arg)
{
    (void)ctx;
    lb->roster_reads++;
    for (unsigned i = 0; i < lb->member_count; i++)
        if (lb->members[i].group == group)
            put(arg, lb->members[i].uid, 0, lb->members[i].mute_until_ms);
    return lb->roster_err;
}

void lb_join(int64_t group, int64_t uid, int64_t mute_until_ms)
{
    lb_leave(group, uid);
    assert_in_range(lb->member_count, 0, MN_ARRAY_LEN(lb->members) - 1);
    lb->members[lb->member_count].group = group;
    lb->members[lb->member_count].uid = uid;
    lb->members[lb->member_count++].mute_until_ms = mute_until_ms;
    mn_roster_changed(lb->rosters, group);
}

void lb_leave(int64_t group, int64_t uid)
{
    for (unsigned i = 0; i < lb->member_count; i++)
        if (lb->members[i].group == group && lb->members[i].uid == uid)
            lb->members[i--] = lb->members[--lb->member_count];
    mn_roster_changed(lb->rosters, group);
}

struct mn_gate_settings lb_settings(void)
{
    return (struct mn_gate_settings){.auth_timeout_ms = 3000,
                                     .expiry_grace_ms = 5000,
                                     .resend_window = 200,
                                     .revoke_window_ms = 120000,
                                     .resend_delay_ms = 30000,
                                     .resend_after_auth = true,
                                     .resend_periodic = true,
                                     .group_size = 2000,
                                     .group_online_users = 500,
                                     .group_notify_max = 2000,
                                     .group_huge_size = 10000};
}

/* ---- calls: users 1 to 999 are friends, records go nowhere ---- */

static bool is_online(void *ctx, int64_t user)
{
    (void)ctx;
    return mn_presence_find(lb->presence, user) != 0;
}

static enum mn_err is_friend(void *ctx, int64_t user, int64_t other, bool *ret)
{
    (void)ctx;
    *ret = user < 1000 && other > 0 && other < 1000;
    return MN_OK;
}

static enum mn_err write_record(void *ctx, const struct mn_call_record *record)
{
    (void)ctx, (void)record;
    return MN_OK;
}

static struct mn_call_now call_now(void)
{
    return (struct mn_call_now){lb->net.mono_ms, lb->net.unix_ms};
}

static void start_calls(void)
{
    lb->calls = mn_calls_new(&(struct mn_calls_config){.world = {.is_online = is_online,
                                                                 .is_friend = is_friend,
                                                                 .create = write_record,
                                                                 .update = write_record},
                                                       .sink = mn_gate_sink(lb->gate),
                                                       .ids = &lb->ids,
                                                       .metrics = lb->metrics,
                                                       .ring_timeout_ms = 30000,
                                                       .disconnect_grace_ms = 10000,
                                                       .max_active = 100,
                                                       .queue_bytes = 16 * 1024});
    lb->calls->now = call_now;
}

void lb_run_calls(void)
{
    while (mn_calls_step(lb->calls)) {
    }
    lb_run_posts();
}

static void start(const struct mn_gate_settings *settings)
{
    lb->gate = mn_gate_new(&(struct mn_gate_config){.log = &lb->log,
                                                    .metrics = lb->metrics,
                                                    .presence = lb->presence,
                                                    .rosters = lb->rosters,
                                                    .idgen = &lb->ids,
                                                    .jwt = lb->jwt,
                                                    .workers = 1,
                                                    .settings = *settings});
    lb->handler = mn_gate_handler();
    mn_gate_attach(lb->gate, &lb->net);
    start_calls();
    mn_gate_open(lb->gate, &lb->msglog, &(struct mn_gate_users){.session = look_up}, NULL,
                 lb->calls);
}

int lb_setup(void **state)
{
    (void)state;
    lb = mn_new(struct lb);
    lb->metrics = mn_metrics_new();
    lb->presence = mn_presence_new();
    lb->rosters = mn_rosters_new(&(struct mn_roster_source){.members = members}, 1 << 20,
                                 lb->metrics);
    mn_log_init(&lb->log, MN_LOG_COUNT, MN_LOG_TEXT); /* says nothing */
    mn_idgen_init(&lb->ids, 1, 1);
    lb->jwt = (struct mn_jwt_key){"0123456789abcdef0123456789abcdef", 32, "mini-im"};
    lb->net.mono_ms = 1000000;
    lb->net.unix_ms = 1750000000000;
    for (unsigned i = 0; i < LB_LOOPS; i++)
        lb->net.loop[i] = (struct mn_loop){
            .net = &lb->net, .index = i, .metrics = mn_metrics_claim(lb->metrics)};
    struct mn_gate_settings settings = lb_settings();
    start(&settings);
    return 0;
}

/* As app ends: workers, then the log, then the net, then the gate. */
static void stop(void)
{
    mn_gate_stop(lb->gate);
    lb_tell();
    while (lb->msglog.first)
        lb_commit(LB_MSGS);
    for (unsigned i = 0; i < LB_CONNS; i++) {
        struct mn_conn *conn = &lb->net.conns[i];
        if (conn->id == 0)
            continue;
        lb_gone(conn);
        for (unsigned k = 0; k < conn->count; k++)
            mn_chunk_unref(conn->frames[k].frame);
        mn_free(conn->session);
        *conn = (struct mn_conn){0};
    }
    lb_run_posts();
    mn_calls_stop(lb->calls);
    mn_calls_free(lb->calls);
    mn_gate_free(lb->gate);
}

void lb_restart(const struct mn_gate_settings *settings)
{
    stop();
    start(settings);
}

int lb_teardown(void **state)
{
    (void)state;
    stop();
    mn_presence_free(lb->presence);
    mn_rosters_free(lb->rosters);
    mn_metrics_free(lb->metrics);
    mn_free(lb);
    lb = NULL;
    return 0;
}

void lb_turn_end(void)
{
    for (unsigned i = 0; i < LB_LOOPS; i++)
        lb->handler.on_turn_end(lb->handler.ctx, &lb->net.loop[i]);
}

void lb_bump(int64_t uid, int64_t sv)
{
    struct mn_sink sink = mn_gate_sink(lb->gate);
    mn_sink_bump(&sink, uid, sv);
}

void lb_settle(void)
{
    do {
        while (lb_work())
            ;
        lb_run_posts();
        lb_turn_end();
        lb_commit(LB_MSGS);
    } while (lb->pool.first || lb->msglog.first || lb->net.loop[0].first || lb->net.loop[1].first);
}

void lb_torture(unsigned n) { torture_begin(n); }
bool lb_torture_end(void) { return torture_end(); }

int64_t lb_metric(enum mn_metric metric) { return mn_metrics_sum(lb->metrics, metric); }

/* ---- a client's side ---- */

static void quote(char *text)
{
    for (; *text; text++)
        if (*text == '\'')
            *text = '"';
}

void lb_input(struct mn_conn *conn, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    assert_in_range(n, 1, sizeof(text) - 1);
    assert_false(conn->held);
    quote(text);
    lb->handler.on_ws_text(lb->handler.ctx, conn, text, (size_t)n);
}

static void send_token(struct mn_conn *conn, const char *type, int64_t uid, int64_t sv,
                       int64_t ttl_s)
{
    char token[MN_JWT_MAX];
    assert_int_equal(mn_jwt_sign(&lb->jwt, uid, sv, lb->net.unix_ms, ttl_s, token, sizeof(token)),
                     MN_OK);
    lb_input(conn, "{'type':'%s','token':'%s','clientMsgId':'r','serverMsgId':'both'}", type,
             token);
}

void lb_auth(struct mn_conn *conn, int64_t uid, int64_t sv)
{
    send_token(conn, "AUTH", uid, sv, 1800);
}

void lb_reauth(struct mn_conn *conn, int64_t uid, int64_t sv, int64_t ttl_s)
{
    send_token(conn, "REAUTH", uid, sv, ttl_s);
}

struct mn_conn *lb_user(unsigned loop, int64_t uid)
{
    struct mn_conn *conn = lb_open(loop);
    lb_auth(conn, uid, lb->sv);
    lb_settle();
    lb_expect(conn, "'type':'AUTH_OK'");
    return conn;
}

void lb_chat(struct mn_conn *conn, int64_t to, const char *client_id)
{
    lb_input(conn, "{'type':'SINGLE_CHAT','to':'%lld','body':'hello','clientMsgId':'%s'}",
             (long long)to, client_id);
}

void lb_group_chat(struct mn_conn *conn, int64_t group, const char *client_id)
{
    lb_input(conn, "{'type':'GROUP_CHAT','groupId':'%lld','body':'hello','clientMsgId':'%s'}",
             (long long)group, client_id);
}

void lb_ack(struct mn_conn *conn, int64_t id, const char *kind)
{
    lb_input(conn, "{'type':'ACK','ackType':'%s','serverMsgId':'%lld','clientMsgId':'a'}", kind,
             (long long)id);
}

void lb_revoke(struct mn_conn *conn, int64_t id, const char *client_id)
{
    lb_input(conn, "{'type':'MESSAGE_REVOKE','serverMsgId':'%lld','clientMsgId':'%s'}",
             (long long)id, client_id);
}

unsigned lb_pong(struct mn_conn *conn)
{
    unsigned count = 0;
    for (; conn->ponged < conn->count; conn->ponged++) {
        struct mn_chunk *frame = conn->frames[conn->ponged].frame;
        const char *p = frame->p;
        if ((p[0] & 0x0f) != MN_WS_OP_PING)
            continue;
        count++;
        lb->handler.on_ws_pong(NULL, conn, p + 2, frame->len - 2);
    }
    return count;
}

const char *lb_next(struct mn_conn *conn)
{
    static char text[8192];
    while (conn->seen < conn->count) {
        struct mn_chunk *frame = conn->frames[conn->seen++].frame;
        size_t head = 0;
        const char *p = frame->p;
        if ((p[0] & 0x0f) != MN_WS_OP_TEXT)
            continue;
        head = (p[1] & 0x7f) == 126 ? 4 : (p[1] & 0x7f) == 127 ? 10 : 2;
        assert_true(frame->len - head < sizeof(text));
        memcpy(text, p + head, frame->len - head);
        text[frame->len - head] = '\0';
        return text;
    }
    return NULL;
}

void lb_expect(struct mn_conn *conn, const char *part)
{
    char quoted[512];
    snprintf(quoted, sizeof(quoted), "%s", part);
    quote(quoted);
    const char *text = lb_next(conn);
    if (!text)
        fail_msg("no frame, expected %s", part);
    else if (!strstr(text, quoted))
        fail_msg("expected %s, got %s", quoted, text);
}

void lb_expect_quiet(struct mn_conn *conn)
{
    const char *text = lb_next(conn);
    if (text)
        fail_msg("unexpected %s", text);
    assert_false(conn->closed);
}

void lb_expect_close(struct mn_conn *conn, const char *part)
{
    lb_expect(conn, part);
    assert_null(lb_next(conn));
    assert_true(conn->closed);
    assert_int_equal(conn->code, 1000);
}

int64_t lb_id_of(const char *frame)
{
    const char *at = frame ? strstr(frame, "\"serverMsgId\":\"") : NULL;
    assert_non_null(at);
    return strtoll(at + 15, NULL, 10);
}
