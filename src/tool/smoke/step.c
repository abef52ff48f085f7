/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps of smoke scenarios, see smoke.h.  Waits are for a frame or for the
 * end of a limit, never for time to pass.  What is reported of frames came
 * from the server: tokens are never in it.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "base/rand.h"
#include "tool/kit/login.h"
#include "tool/kit/term.h"
#include "tool/smoke/smoke.h"

#define TEXT_MAX 8192
/* Of a wait; what takes longer than SHOWN_FROM_MS is shown. */
#define SLICE_MS UINT64_C(250)
#define SHOWN_FROM_MS 1000
#define GOT_MAX 400 /* of a frame in the report */

bool smoke_step(struct smoke *s, bool ok, const char *name, const char *expected, struct mn_str got)
{
    if (!ok && smoke_is_interrupted()) {
        s->interrupted = true;
        return false;
    }
    /* Cut at a byte: an incomplete character at the end would not be UTF-8. */
    size_t n = got.n < GOT_MAX ? got.n : GOT_MAX;
    while (n > 0 && n < got.n && ((unsigned char)got.p[n] & 0xc0) == 0x80)
        n--;
    json_t *text = json_stringn(got.p ? got.p : "", n);
    json_t *step = json_pack("{s:s, s:b, s:s, s:o}", "step", name, "ok", ok, "expected", expected,
                             "got", text ? text : json_string("(not UTF-8)"));
    mn_ignore(json_array_append_new(s->steps, step));
    if (s->verbose && !ok)
        printf("    FAILED  %s\n            expected %s\n            got      %.*s\n", name,
               expected, (int)n, got.p ? got.p : "");
    s->failed = s->failed || !ok;
    return ok;
}

int64_t smoke_uid(struct smoke *s)
{
    char name[48], cause[LOGIN_CAUSE_MAX] = "";
    struct login login;
    if (s->signs)
        return s->next_uid++;
    MN_BUG_ON(s->user_count == SMOKE_USERS_MAX);
    snprintf(name, sizeof name, "smoke-%" PRId64, s->next_uid++);
    enum mn_err err = login_request(&s->http, name, "smoke-password", &login, cause);
    if (!smoke_step(s, !err, "a user logs in", "HTTP 200 with accessToken and a string userId",
                    mn_str_c(!err             ? "both"
                             : s->http.why[0] ? s->http.why
                                              : cause)))
        return 0;
    struct smoke_user *user = &s->user[s->user_count++];
    user->uid = login.uid;
    memcpy(user->token, login.token, sizeof user->token);
    return user->uid;
}

bool smoke_token(struct smoke *s, int64_t uid, int64_t ttl_s, char *out)
{
    for (size_t i = 0; i < s->user_count; i++) {
        if (s->user[i].uid == uid) {
            memcpy(out, s->user[i].token, MN_JWT_MAX);
            return true;
        }
    }
    if (!s->signs)
        return false; /* his login failed, and that is a step */
    return mn_jwt_sign(&s->key, uid, 0, mn_unix_ms(), ttl_s, out, MN_JWT_MAX) == MN_OK;
}

static struct ws_client *connect_to(struct smoke *s, const char *name, const struct url *ws)
{
    char step[80];
    snprintf(step, sizeof step, "%s connects", name);
    MN_BUG_ON(s->client_count == SMOKE_CLIENTS_MAX);
    struct ws_client *c = &s->client[s->client_count];
    enum mn_err err = ws_client_open(c, ws, s->timeout_ms);
    if (!smoke_step(s, !err, step, "101 Switching Protocols", mn_str_c(err ? c->why : "101")))
        return NULL;
    s->client_count++;
    return c;
}

struct ws_client *smoke_connect(struct smoke *s, const char *name)
{
    return connect_to(s, name, &s->ws[0]);
}

struct ws_client *smoke_login(struct smoke *s, const char *name, int64_t uid)
{
    return smoke_login_at(s, name, uid, 0);
}

struct ws_client *smoke_login_at(struct smoke *s, const char *name, int64_t uid, size_t node)
{
    char token[MN_JWT_MAX], step[80];
    struct ws_client *c = connect_to(s, name, &s->ws[node]);
    if (!c || !smoke_token(s, uid, 3600, token))
        return NULL;
    mn_ignore(smoke_send(c, "{\"type\":\"AUTH\",\"token\":\"%s\"}", token));
    snprintf(step, sizeof step, "%s authenticates", name);
    struct smoke_want want = {.type = MN_TYPE_AUTH_OK, .from = uid};
    return smoke_expect(s, c, step, &want, NULL) ? c : NULL;
}

/* The slot is used again only by the next scenario: a closed client takes part in nothing. */
void smoke_hang_up(struct smoke *s, struct ws_client *c)
{
    (void)s;
    ws_client_close(c);
}

bool smoke_send(struct ws_client *c, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    MN_BUG_ON(n < 0 || n >= (int)sizeof text);
    return ws_client_send(c, mn_str_make(text, (size_t)n)) == MN_OK;
}

/* ---- expectations ---- */

static void add_text(char *out, size_t cap, const char *key, const char *value)
{
    size_t n = strlen(out);
    if (value)
        snprintf(out + n, cap - n, " %s=%s", key, value);
}

static void add_number(char *out, size_t cap, const char *key, int64_t value)
{
    size_t n = strlen(out);
    if (value)
        snprintf(out + n, cap - n, " %s=%" PRId64, key, value);
}

static void describe(const struct smoke_want *want, char *out, size_t cap)
{
    snprintf(out, cap, "%s", mn_type_name(want->type));
    add_text(out, cap, "ackType", want->ack_type);
    add_text(out, cap, "reason", want->reason);
    add_text(out, cap, "clientMsgId", want->client_id);
    add_text(out, cap, "serverMsgId", want->server_id);
    add_text(out, cap, "body", want->body);
    add_number(out, cap, "from", want->from);
    add_number(out, cap, "to", want->to);
    add_number(out, cap, "msgSeq", want->msg_seq);
    add_number(out, cap, "callId", want->call_id);
    add_text(out, cap, "callReason", want->call_reason);
    if (want->important)
        add_text(out, cap, "important", "true");
    if (want->has_ids)
        add_text(out, cap, "with", "a decimal serverMsgId and a positive msgSeq");
}

static bool text_is(const char *wanted, struct mn_str got)
{
    return !wanted || mn_str_is(got, wanted);
}

static bool number_is(int64_t wanted, bool has, int64_t got)
{
    return !wanted || (has && got == wanted);
}

static bool is_decimal(struct mn_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

static bool is_kind(const struct smoke_want *want, const struct mn_envelope *env)
{
    return env->type == want->type && text_is(want->ack_type, env->ack_type);
}

static bool is_wanted(const struct smoke_want *want, const struct mn_envelope *env)
{
    bool ids = is_decimal(env->server_msg_id) && (env->has & MN_HAS_MSG_SEQ) && env->msg_seq > 0;
    return (!want->has_ids || ids) && (!want->important || env->important) &&
           text_is(want->client_id, env->client_msg_id) &&
           text_is(want->server_id, env->server_msg_id) && text_is(want->reason, env->reason) &&
           text_is(want->body, env->body) && text_is(want->call_reason, env->call_reason) &&
           number_is(want->call_id, env->has & MN_HAS_CALL_ID, env->call_id) &&
           number_is(want->from, env->has & MN_HAS_FROM, env->from) &&
           number_is(want->to, env->has & MN_HAS_TO, env->to) &&
           number_is(want->msg_seq, env->has & MN_HAS_MSG_SEQ, env->msg_seq);
}

static void remember(const struct mn_envelope *env, struct smoke_got *ret)
{
    if (!ret)
        return;
    snprintf(ret->server_id, sizeof ret->server_id, "%.*s", (int)env->server_msg_id.n,
             env->server_msg_id.p ? env->server_msg_id.p : "");
    ret->msg_seq = env->has & MN_HAS_MSG_SEQ ? env->msg_seq : 0;
    ret->call_id = env->has & MN_HAS_CALL_ID ? env->call_id : 0;
    ret->ts = env->has & MN_HAS_TS ? env->ts : 0;
}

static struct mn_str event_text(enum ws_client_event event, const struct ws_client_in *in)
{
    switch (event) {
    case WS_CLIENT_TEXT:
    case WS_CLIENT_BAD:
        return in->text;
    case WS_CLIENT_CLOSE:
        return MN_STR("a close frame");
    case WS_CLIENT_END:
        return MN_STR("the end of the connection");
    case WS_CLIENT_TIMEOUT:
        return MN_STR("nothing within the limit");
    }
    return MN_STR("");
}

/* Time goes by while the server is to do something by itself: shows that, on a terminal. */
static void show_wait(const struct smoke *s, const char *step, uint64_t waited_ms,
                      uint64_t timeout_ms)
{
    struct term_line line;
    if (!s->progress || waited_ms < SHOWN_FROM_MS)
        return;
    term_begin(&line);
    term_add(&line, "%s", s->scenario);
    term_add(&line, "%llu s of at most %llu s", (unsigned long long)waited_ms / 1000,
             (unsigned long long)timeout_ms / 1000);
    term_add(&line, "%s", step);
    term_show(&line);
}

/* The next event within the limit, in slices: a signal that came between two waits ends it too. */
static enum ws_client_event next_event(const struct smoke *s, struct ws_client *c, const char *step,
                                       uint64_t timeout_ms, uint64_t until_ms,
                                       struct ws_client_in *in)
{
    for (;;) {
        uint64_t now_ms = mn_mono_ms();
        uint64_t left_ms = until_ms > now_ms ? until_ms - now_ms : 0;
        enum ws_client_event event = ws_client_next(c, left_ms < SLICE_MS ? left_ms : SLICE_MS, in);
        if (event != WS_CLIENT_TIMEOUT || left_ms <= SLICE_MS || smoke_is_interrupted())
            return event;
        show_wait(s, step, timeout_ms - (left_ms - SLICE_MS), timeout_ms);
    }
}

bool smoke_expect_in(struct smoke *s, struct ws_client *c, const char *name,
                     const struct smoke_want *want, uint64_t timeout_ms, struct smoke_got *ret)
{
    char expected[512];
    struct ws_client_in in;
    uint64_t until_ms = mn_mono_ms() + timeout_ms;
    describe(want, expected, sizeof expected);
    for (;;) {
        enum ws_client_event event = next_event(s, c, name, timeout_ms, until_ms, &in);
        if (event == WS_CLIENT_TEXT && !is_kind(want, &in.env) && in.env.type != MN_TYPE_ERROR)
            continue;
        bool ok = event == WS_CLIENT_TEXT && is_kind(want, &in.env) && is_wanted(want, &in.env);
        if (ok)
            remember(&in.env, ret);
        return smoke_step(s, ok, name, expected, event_text(event, &in));
    }
}

bool smoke_expect(struct smoke *s, struct ws_client *c, const char *name,
                  const struct smoke_want *want, struct smoke_got *ret)
{
    return smoke_expect_in(s, c, name, want, s->timeout_ms, ret);
}

bool smoke_expect_close(struct smoke *s, struct ws_client *c, const char *name, unsigned code)
{
    char expected[64];
    struct ws_client_in in;
    enum ws_client_event event;
    snprintf(expected, sizeof expected, code ? "close frame %u" : "the connection ends", code);
    do {
        event = ws_client_next(c, s->timeout_ms, &in);
    } while (event == WS_CLIENT_TEXT);
    char got[64];
    snprintf(got, sizeof got, "close frame %u", in.code);
    bool ok = event == WS_CLIENT_CLOSE ? code == 0 || in.code == code
                                       : event == WS_CLIENT_END && code == 0;
    return smoke_step(s, ok, name, expected,
                      event == WS_CLIENT_CLOSE ? mn_str_c(got) : event_text(event, &in));
}

bool smoke_expect_none(struct smoke *s, struct ws_client *c, const char *name, enum mn_type type)
{
    struct ws_client_in in;
    char expected[64];
    snprintf(expected, sizeof expected, "PONG, and no %s before it", mn_type_name(type));
    mn_ignore(smoke_send(c, "{\"type\":\"PING\"}"));
    for (;;) {
        enum ws_client_event event = ws_client_next(c, s->timeout_ms, &in);
        if (event == WS_CLIENT_TEXT && in.env.type != type && in.env.type != MN_TYPE_PONG)
            continue;
        bool ok = event == WS_CLIENT_TEXT && in.env.type == MN_TYPE_PONG;
        return smoke_step(s, ok, name, expected, event_text(event, &in));
    }
}
