/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smoke auth: tokens that must not be taken, the time limit for AUTH, a
 * token's life from AUTH over REAUTH to its expiry, and the kick of a
 * connection by the next one of the same user.
 */
#include "base/clock.h"
#include "tool/smoke/smoke.h"

#define SHORT_TTL_S 3
/* The window is 3 s (W-1.5); its timer may be late. */
#define AUTH_WINDOW_MS 8000
/* Found by a server-side timer within 5 s of expiry (W-4.5). */
#define EXPIRY_LATE_MS 7000

static bool refused(struct smoke *s, const char *name, const char *frame, enum mn_type type,
                    const char *reason)
{
    char step[96];
    struct ws_client *c = smoke_connect(s, name);
    if (!c)
        return false;
    struct smoke_want want = {.type = type, .reason = reason};
    mn_ignore(ws_client_send(c, mn_str_c(frame)) == MN_OK);
    bool ok = smoke_expect(s, c, name, &want, NULL);
    snprintf(step, sizeof step, "%s: closed", name);
    ok = ok && smoke_expect_close(s, c, step, 1000);
    ws_client_close(c);
    s->client_count--; /* nothing is left of it: the slot is free */
    return ok;
}

static bool token_refused(struct smoke *s, const char *name, const char *token)
{
    char frame[MN_JWT_MAX + 64];
    snprintf(frame, sizeof frame, "{\"type\":\"AUTH\",\"token\":\"%s\"}", token);
    return refused(s, name, frame, MN_TYPE_AUTH_FAIL, "invalid_token");
}

/* {"alg":"none"}, the claims of a good token, no signature. */
static void unsign(const char *good, char *out, size_t cap)
{
    const char *claims = strchr(good, '.') + 1;
    snprintf(out, cap, "eyJhbGciOiJub25lIn0.%.*s.", (int)strcspn(claims, "."), claims);
}

static bool bad_tokens(struct smoke *s)
{
    char good[MN_JWT_MAX], bad[MN_JWT_MAX];
    struct mn_jwt_key foreign = s->key;
    foreign.issuer = "somebody-else";
    int64_t uid = smoke_uid(s);
    if (!smoke_token(s, uid, 3600, good))
        return false;
    if (!refused(s, "AUTH without a token", "{\"type\":\"AUTH\"}", MN_TYPE_AUTH_FAIL,
                 "missing_token") ||
        !token_refused(s, "a token that is none", "abc.def.ghi"))
        return false;
    snprintf(bad, sizeof bad, "%s", good);
    char *last = bad + strlen(bad) - 8; /* inside of the signature */
    *last = *last == 'A' ? 'B' : 'A';
    if (!token_refused(s, "a wrong signature", bad))
        return false;
    unsign(good, bad, sizeof bad);
    if (!token_refused(s, "alg none", bad))
        return false;
    if (mn_jwt_sign(&foreign, uid, 0, mn_unix_ms(), 3600, bad, sizeof bad) != MN_OK ||
        !token_refused(s, "a foreign issuer", bad))
        return false;
    if (mn_jwt_sign(&s->key, uid, 0, mn_unix_ms() - 7200000, 3600, bad, sizeof bad) != MN_OK ||
        !token_refused(s, "an expired token", bad))
        return false;
    return refused(s, "PING before AUTH", "{\"type\":\"PING\"}", MN_TYPE_ERROR, "unauthorized");
}

static bool auth_timeout(struct smoke *s)
{
    struct ws_client *c = smoke_connect(s, "a silent client");
    struct smoke_want want = {.type = MN_TYPE_ERROR, .reason = "auth_timeout"};
    return c &&
           smoke_expect_in(s, c, "the silent client is told auth_timeout", &want, AUTH_WINDOW_MS,
                           NULL) &&
           smoke_expect_close(s, c, "and closed", 1000);
}

static bool ping(struct smoke *s, struct ws_client *c, const char *name)
{
    struct smoke_want want = {.type = MN_TYPE_PONG};
    mn_ignore(smoke_send(c, "{\"type\":\"PING\"}"));
    return smoke_expect(s, c, name, &want, NULL);
}

/* Reads until the time is over: nothing but server PINGs may come. */
static bool stays_quiet(struct smoke *s, struct ws_client *c, const char *name,
                        int64_t until_unix_ms)
{
    struct ws_client_in in;
    enum ws_client_event event = WS_CLIENT_TEXT;
    while (event == WS_CLIENT_TEXT) {
        int64_t left_ms = until_unix_ms - mn_unix_ms();
        event = ws_client_next(c, left_ms > 0 ? (uint64_t)left_ms : 0, &in);
    }
    return smoke_step(s, event == WS_CLIENT_TIMEOUT, name, "the connection stays open",
                      event == WS_CLIENT_TIMEOUT ? MN_STR("open") : MN_STR("closed"));
}

static bool reauth(struct smoke *s, struct ws_client *c, int64_t uid)
{
    char token[MN_JWT_MAX];
    struct smoke_want want = {.type = MN_TYPE_AUTH_OK, .from = uid};
    if (!smoke_token(s, uid, SHORT_TTL_S, token))
        return false;
    mn_ignore(smoke_send(c, "{\"type\":\"REAUTH\",\"token\":\"%s\"}", token));
    return smoke_expect(s, c, "REAUTH with a new token", &want, NULL);
}

static bool expiry(struct smoke *s)
{
    char token[MN_JWT_MAX];
    int64_t uid = smoke_uid(s);
    struct ws_client *c = smoke_connect(s, "a client with a short-lived token");
    int64_t first_exp_ms = mn_unix_ms() + SHORT_TTL_S * 1000;
    if (!c || !smoke_token(s, uid, SHORT_TTL_S, token))
        return false;
    struct smoke_want ok = {.type = MN_TYPE_AUTH_OK, .from = uid};
    mn_ignore(smoke_send(c, "{\"type\":\"AUTH\",\"token\":\"%s\"}", token));
    if (!smoke_expect(s, c, "it authenticates", &ok, NULL) || !ping(s, c, "PING before expiry"))
        return false;
    /* The second token must still be good when the first has ended: half a life later. */
    if (!stays_quiet(s, c, "half of its life", first_exp_ms - SHORT_TTL_S * 500) ||
        !reauth(s, c, uid) ||
        !stays_quiet(s, c, "beyond the end of the first token", first_exp_ms + 50) ||
        !ping(s, c, "PING with the second token"))
        return false;
    struct smoke_want expired = {.type = MN_TYPE_ERROR, .reason = "token_expired"};
    return smoke_expect_in(s, c, "the end of the second token: token_expired", &expired,
                           SHORT_TTL_S * 1000 + EXPIRY_LATE_MS, NULL) &&
           smoke_expect_close(s, c, "and closed", 1000);
}

static bool wrong_reauth(struct smoke *s)
{
    char token[MN_JWT_MAX];
    struct smoke_want want = {.type = MN_TYPE_ERROR, .reason = "reauth_uid_mismatch"};
    struct ws_client *c = smoke_login(s, "A", smoke_uid(s));
    if (!c || !smoke_token(s, smoke_uid(s), 3600, token))
        return false;
    mn_ignore(smoke_send(c, "{\"type\":\"REAUTH\",\"token\":\"%s\"}", token));
    return smoke_expect(s, c, "REAUTH of another user", &want, NULL) &&
           smoke_expect_close(s, c, "and closed", 1000);
}

static bool kick(struct smoke *s)
{
    int64_t uid = smoke_uid(s);
    struct smoke_want want = {.type = MN_TYPE_ERROR, .reason = "kicked"};
    struct ws_client *first = smoke_login(s, "a user", uid);
    struct ws_client *second = first ? smoke_login(s, "the same user again", uid) : NULL;
    return second && smoke_expect(s, first, "the first connection is kicked", &want, NULL) &&
           smoke_expect_close(s, first, "and closed", 1000) &&
           ping(s, second, "the second one lives");
}

void smoke_auth(struct smoke *s)
{
    (void)(bad_tokens(s) && kick(s) && wrong_reauth(s) && expiry(s) && auth_timeout(s));
}
