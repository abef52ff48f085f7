/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of four users on their way through calls.  A line is a user (1 to
 * 4), what happens to him ('+' comes, '-' goes, '.' time passes, else a
 * frame), and the frame.  "ID" in a frame stands for the id of the last call.
 *
 * Whatever comes: what is passed on is what was sent, in full; reasons are
 * short, trimmed and whole; a user is in one call; every record that is over
 * says so; and at the end nobody is in any.
 */
#include "base/utf8.h"
#include "fuzz/fuzz.h"
#include "im/call/calls_impl.h"
#include "im/call/rules.h"

enum { USERS = 5, LINES = 200, RECORDS = LINES };

static struct {
    bool online[USERS];
    struct mn_call_record records[RECORDS];
    size_t record_count;
    int64_t last_call;
    const struct mn_envelope *sent; /* the frame at hand; NULL: none */
    struct mn_call_now now;
} w;

static struct mn_call_now fuzz_now(void) { return w.now; }

static bool is_online(void *ctx, int64_t user)
{
    (void)ctx;
    return user > 0 && user < USERS && w.online[user];
}

static enum mn_err is_friend(void *ctx, int64_t user, int64_t other, bool *ret)
{
    (void)ctx, (void)user;
    *ret = other > 0 && other < USERS;
    return MN_OK;
}

static void check_record(const struct mn_call_record *r)
{
    struct mn_str reason = mn_str_c(r->reason);
    FUZZ_CHECK(r->caller != r->callee && r->id > 0 && r->call > 0);
    FUZZ_CHECK(mn_utf8_utf16_len(reason) <= MN_CALL_REASON_MAX);
    FUZZ_CHECK((r->ended_ms != 0) == mn_call_is_over(r->status));
    FUZZ_CHECK((r->duration_s >= 0) == (r->accepted_ms != 0 && r->ended_ms != 0));
}

static enum mn_err create(void *ctx, const struct mn_call_record *record)
{
    (void)ctx;
    check_record(record);
    FUZZ_CHECK(w.record_count < RECORDS);
    w.records[w.record_count++] = *record;
    w.last_call = record->call;
    return MN_OK;
}

static enum mn_err update(void *ctx, const struct mn_call_record *record)
{
    (void)ctx;
    check_record(record);
    for (size_t i = 0; i < w.record_count; i++) {
        if (w.records[i].call == record->call) {
            FUZZ_CHECK(!mn_call_is_over(w.records[i].status));
            w.records[i] = *record;
            return MN_OK;
        }
    }
    FUZZ_CHECK(!"a record that was never made");
    return MN_ENOTFOUND;
}

static bool is_as_sent(struct mn_str got, struct mn_str sent)
{
    return !got.p || (w.sent && mn_str_eq(got, sent));
}

static void push(void *ctx, const int64_t *uids, size_t n, const struct mn_envelope *env)
{
    (void)ctx;
    char *text = mn_alloc(mn_envelope_bound(env));
    FUZZ_CHECK(mn_envelope_print(env, text) <= mn_envelope_bound(env));
    mn_free(text);
    for (size_t i = 0; i < n; i++)
        FUZZ_CHECK(uids[i] > 0 && uids[i] < USERS);
    FUZZ_CHECK(env->type == MN_TYPE_ERROR ||
               (env->type >= MN_TYPE_CALL_INVITE && env->type <= MN_TYPE_CALL_ERROR));
    FUZZ_CHECK(!env->token.p && !env->body.p && !env->msg_type.p && !env->server_msg_id.p);
    FUZZ_CHECK(mn_utf8_utf16_len(env->call_reason) <= MN_CALL_REASON_MAX);
    if (!w.sent)
        return;
    FUZZ_CHECK(is_as_sent(env->sdp, w.sent->sdp));
    FUZZ_CHECK(is_as_sent(env->ice_candidate, w.sent->ice_candidate));
    FUZZ_CHECK(is_as_sent(env->ice_mid, w.sent->ice_mid));
    FUZZ_CHECK(is_as_sent(env->client_msg_id, w.sent->client_msg_id));
}

static void check_reason(struct mn_str text)
{
    struct mn_str reason = mn_call_reason(text);
    if (!reason.p)
        return;
    FUZZ_CHECK(reason.p >= text.p && reason.p + reason.n <= text.p + text.n);
    FUZZ_CHECK(mn_utf8_valid(reason.p, reason.n));
    size_t units = mn_utf8_utf16_len(reason);
    FUZZ_CHECK(units > 0 && units <= MN_CALL_REASON_MAX);
    /* All of it, or as much as fits: what is left out begins with what did not fit. */
    FUZZ_CHECK(units >= MN_CALL_REASON_MAX - 1 || reason.n == mn_str_trim(text).n);
}

/* The frame with each ID replaced; NULL: too long. */
static char *with_ids(const char *p, size_t n, size_t *ret_n)
{
    char id[24];
    size_t id_n = (size_t)snprintf(id, sizeof(id), "%lld", (long long)w.last_call);
    char *out = mn_alloc(n * 12 + 1);
    size_t at = 0;
    for (size_t i = 0; i < n;) {
        if (i + 1 < n && p[i] == 'I' && p[i + 1] == 'D') {
            memcpy(out + at, id, id_n);
            at += id_n;
            i += 2;
        } else {
            out[at++] = p[i++];
        }
    }
    *ret_n = at;
    return out;
}

static void frame(struct mn_calls *calls, int64_t user, const char *p, size_t n)
{
    struct mn_envelope env;
    size_t len;
    char *text = with_ids(p, n, &len);
    if (mn_utf8_valid(text, len) && mn_envelope_parse(text, len, &env) == MN_OK &&
        (env.type == MN_TYPE_CALL_INVITE || mn_call_event_of(env.type) != MN_CALL_EV_NONE)) {
        check_reason(env.call_reason);
        if (mn_call_check(user, &env) == MN_REASON_NONE) {
            w.sent = &env;
            FUZZ_CHECK(mn_calls_submit(calls, user, &env) == MN_OK);
            while (mn_calls_step(calls)) {
            }
            w.sent = NULL;
        }
    }
    mn_free(text);
}

static void line(struct mn_calls *calls, const char *p, size_t n)
{
    int64_t user = n > 0 ? 1 + (unsigned char)p[0] % (USERS - 1) : 1;
    if (n < 2)
        return;
    if (p[1] == '+') {
        w.online[user] = true;
    } else if (p[1] == '-') {
        w.online[user] = false;
        mn_calls_gone(calls, user);
    } else if (p[1] == '.') {
        w.now.mono_ms += 6000;
        w.now.unix_ms += 6000;
        while (mn_calls_step(calls)) {
        }
    } else {
        frame(calls, user, p + 1, n - 1);
    }
}

static void check_users(const struct mn_calls *calls)
{
    size_t in_call = 0, open = 0;
    for (int64_t user = 1; user < USERS; user++)
        in_call += mn_call_table_of(&calls->table, user) != NULL;
    for (size_t i = 0; i < w.record_count; i++)
        open += !mn_call_is_over(w.records[i].status);
    FUZZ_CHECK(in_call == 2 * mn_call_table_count(&calls->table));
    FUZZ_CHECK(open == mn_call_table_count(&calls->table));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mn_idgen ids;
    struct mn_metrics *metrics = mn_metrics_new();
    memset(&w, 0, sizeof(w));
    w.now = (struct mn_call_now){.mono_ms = 1, .unix_ms = INT64_C(1700000000000)};
    for (int i = 1; i < USERS; i++)
        w.online[i] = true;
    mn_idgen_init(&ids, 0, 0);
    struct mn_calls *calls = mn_calls_new(
        &(struct mn_calls_config){.world = {.is_online = is_online,
                                            .is_friend = is_friend,
                                            .create = create,
                                            .update = update},
                                  .sink = {.push = push},
                                  .ids = &ids,
                                  .metrics = metrics,
                                  .ring_timeout_ms = 30000,
                                  .disconnect_grace_ms = 10000,
                                  .max_active = 2,
                                  .queue_bytes = size * 16 + 4096});
    calls->now = fuzz_now;
    const char *p = (const char *)data, *end = p + size;
    for (int i = 0; i < LINES && p < end; i++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        line(calls, p, (size_t)((newline ? newline : end) - p));
        check_users(calls);
        p = newline ? newline + 1 : end;
    }
    mn_calls_stop(calls);
    check_users(calls);
    FUZZ_CHECK(mn_call_table_count(&calls->table) == 0);
    mn_calls_free(calls);
    mn_metrics_free(metrics);
    return 0;
}
