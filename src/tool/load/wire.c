/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of the load generator, see wire.h.  Pure functions, any
 * thread.  The fast scan never writes to its input, so that the full parser
 * can still take it over; whatever is not exactly as expected goes there.
 */
#include "tool/load/wire.h"

#include "base/mem.h"
#include "base/num.h"
#include "proto/envelope.h"
#include "proto/ws.h"

#define COUNTER_HEX 8

static const char hex_digits[16] = "0123456789abcdef";

static char *put(char *out, const char *p, size_t n)
{
    memcpy(out, p, n);
    return out + n;
}
#define PUT(out, lit) put((out), (lit), sizeof(lit) - 1)

static char *put_hex(char *out, uint32_t v, unsigned digits)
{
    for (unsigned i = 0; i < digits; i++)
        out[i] = hex_digits[(v >> (4 * (digits - 1 - i))) & 15];
    return out + digits;
}

void wire_tpl_init(struct wire_tpl *tpl, uint32_t run, size_t body_len)
{
    MN_BUG_ON(body_len == 0 || body_len > sizeof tpl->body);
    tpl->run = run;
    tpl->body_len = body_len;
    for (size_t i = 0; i < body_len; i++)
        tpl->body[i] = (char)('0' + i % 10);
}

/* The last `n` digits of the counter lead the body. */
static size_t body_counter_len(const struct wire_tpl *tpl)
{
    return tpl->body_len < COUNTER_HEX ? tpl->body_len : COUNTER_HEX;
}

static bool body_ok(const struct wire_tpl *tpl, uint32_t counter, struct mn_str body)
{
    if (body.n != tpl->body_len)
        return false;
    char hex[COUNTER_HEX];
    size_t n = body_counter_len(tpl);
    put_hex(hex, counter, (unsigned)n);
    return memcmp(body.p, hex, n) == 0 && memcmp(body.p + n, tpl->body + n, body.n - n) == 0;
}

static char *put_id(char *p, uint32_t run, uint32_t sender, uint32_t counter)
{
    p = put_hex(p, run, 8);
    *p++ = '-';
    p = put_hex(p, sender, 6);
    *p++ = '-';
    return put_hex(p, counter, 8);
}

static char *put_body(char *p, const struct wire_tpl *tpl, uint32_t counter)
{
    size_t digits = body_counter_len(tpl);
    p = put_hex(p, counter, (unsigned)digits);
    return put(p, tpl->body + digits, tpl->body_len - digits);
}

void wire_id(char out[WIRE_ID_LEN], uint32_t run, uint32_t sender, uint32_t counter)
{
    put_id(out, run, sender, counter);
}

void wire_body(const struct wire_tpl *tpl, uint32_t counter, char out[WIRE_BODY_MAX])
{
    put_body(out, tpl, counter);
}

/* The payload lies at out + off, which is right for its usual length: adds header and mask. */
static size_t seal(char *out, const uint8_t mask[4], enum mn_ws_opcode op, size_t off, size_t n)
{
    size_t header = n < 126 ? 6 : 8;
    if (header != off)
        memmove(out + header, out + off, n);
    mn_ws_header_masked(out, op, n, mask);
    mn_ws_mask(out + header, n, mask, 0);
    return header + n;
}

/* A message whose text begins with `lead`, up to its clientMsgId, and then has `field` and `to`. */
static size_t put_message(char *out, const uint8_t mask[4], const struct wire_tpl *tpl,
                          struct mn_str lead, const char id[WIRE_ID_LEN], struct mn_str field,
                          struct mn_str to, uint32_t counter)
{
    static const char text[] = "\",\"msgType\":\"" WIRE_MSG_TYPE "\",\"body\":\"";
    /* The length is known beforehand, so that the payload goes to its place at once. */
    size_t n = lead.n + WIRE_ID_LEN + field.n + to.n + sizeof text - 1 + tpl->body_len + 2;
    size_t off = n < 126 ? 6 : 8;
    char *p = put(out + off, lead.p, lead.n);
    p = put(p, id, WIRE_ID_LEN);
    p = put(p, field.p, field.n);
    p = put(p, to.p, to.n);
    p = PUT(p, text);
    p = put_body(p, tpl, counter);
    p = PUT(p, "\"}");
    return seal(out, mask, MN_WS_OP_TEXT, off, (size_t)(p - out) - off);
}

size_t wire_chat(char *out, const uint8_t mask[4], const struct wire_tpl *tpl, uint32_t sender,
                 uint32_t counter, struct mn_str to)
{
    char id[WIRE_ID_LEN];
    put_id(id, tpl->run, sender, counter);
    return put_message(out, mask, tpl, MN_STR("{\"type\":\"SINGLE_CHAT\",\"clientMsgId\":\""), id,
                       MN_STR("\",\"to\":\""), to, counter);
}

size_t wire_group_chat(char *out, const uint8_t mask[4], const struct wire_tpl *tpl,
                       uint32_t sender, uint32_t counter, struct mn_str group)
{
    char id[WIRE_ID_LEN];
    put_id(id, tpl->run, sender, counter);
    return put_message(out, mask, tpl, MN_STR("{\"type\":\"GROUP_CHAT\",\"clientMsgId\":\""), id,
                       MN_STR("\",\"groupId\":\""), group, counter);
}

size_t wire_ack(char *out, const uint8_t mask[4], enum wire_cursor cursor, struct mn_str server_id,
                struct mn_str to)
{
    MN_BUG_ON(server_id.n > WIRE_SERVER_ID_MAX);
    char *p = PUT(out + 6, "{\"type\":\"ACK\",\"serverMsgId\":\"");
    p = put(p, server_id.p, server_id.n);
    p = PUT(p, "\",\"to\":\"");
    p = put(p, to.p, to.n);
    p = cursor == WIRE_READ ? PUT(p, "\",\"ackType\":\"read\"}")
                            : PUT(p, "\",\"ackType\":\"delivered\"}");
    return seal(out, mask, MN_WS_OP_TEXT, 6, (size_t)(p - out) - 6);
}

size_t wire_ping(char *out, const uint8_t mask[4])
{
    char *p = PUT(out + 6, "{\"type\":\"PING\"}");
    return seal(out, mask, MN_WS_OP_TEXT, 6, (size_t)(p - out) - 6);
}

size_t wire_auth(char *out, const uint8_t mask[4], struct mn_str token)
{
    char *p = PUT(out + 8, "{\"type\":\"AUTH\",\"token\":\"");
    p = put(p, token.p, token.n);
    p = PUT(p, "\"}");
    return seal(out, mask, MN_WS_OP_TEXT, 8, (size_t)(p - out) - 8);
}

size_t wire_control(char *out, const uint8_t mask[4], int opcode, struct mn_str payload)
{
    MN_BUG_ON(payload.n > 125);
    if (payload.n > 0)
        put(out + 6, payload.p, payload.n);
    return seal(out, mask, (enum mn_ws_opcode)opcode, 6, payload.n);
}

/* Value of a hex digit, 255 for anything else. */
static inline unsigned hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    return 255;
}

static bool read_hex(const char *p, unsigned digits, uint32_t *ret)
{
    uint32_t v = 0;
    unsigned bad = 0;
    for (unsigned i = 0; i < digits; i++) {
        unsigned d = hex_value(p[i]);
        bad |= d;
        v = v << 4 | (d & 15);
    }
    *ret = v;
    return bad < 16;
}

static void read_id(const struct wire_tpl *tpl, struct mn_str id, struct wire_in *ret)
{
    uint32_t run, sender, counter;
    ret->has_id = true;
    if (id.n != WIRE_ID_LEN || id.p[8] != '-' || id.p[15] != '-' || !read_hex(id.p, 8, &run) ||
        run != tpl->run || !read_hex(id.p + 9, 6, &sender) || !read_hex(id.p + 16, 8, &counter))
        return;
    ret->ours = true;
    ret->sender = sender;
    ret->counter = counter;
}

/* A cursor over the text. */
struct scan {
    const char *p;
    const char *end;
};

static bool skip_lit(struct scan *s, const char *lit, size_t n)
{
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, lit, n) != 0)
        return false;
    s->p += n;
    return true;
}
#define SKIP(s, lit) skip_lit((s), (lit), sizeof(lit) - 1)

static struct mn_str take_digits(struct scan *s)
{
    const char *start = s->p;
    const char *p = start;
    while (p < s->end && *p >= '0' && *p <= '9')
        p++;
    s->p = p;
    return mn_str_make(start, (size_t)(p - start));
}

static bool take_number(struct scan *s, int64_t *ret)
{
    struct mn_str digits = take_digits(s);
    if (digits.n == 0 || digits.n > 18)
        return false;
    int64_t v = 0;
    for (size_t i = 0; i < digits.n; i++)
        v = v * 10 + (digits.p[i] - '0');
    *ret = v;
    return true;
}

/* The same with as many digits as an id has. */
static bool take_id64(struct scan *s, int64_t *ret)
{
    struct mn_str digits = take_digits(s);
    uint64_t v = 0;
    if (digits.n == 0 || digits.n > 19)
        return false;
    for (size_t i = 0; i < digits.n; i++)
        v = v * 10 + (uint64_t)(digits.p[i] - '0');
    *ret = (int64_t)v;
    return v <= INT64_MAX;
}

static bool take_id(const struct wire_tpl *tpl, struct scan *s, struct wire_in *ret)
{
    if ((size_t)(s->end - s->p) < WIRE_ID_LEN)
        return false;
    read_id(tpl, mn_str_make(s->p, WIRE_ID_LEN), ret);
    s->p += WIRE_ID_LEN;
    return ret->ours;
}

/* clientMsgId, serverMsgId, msgSeq, from: what ACK saved and pushes begin with. */
static bool scan_head(const struct wire_tpl *tpl, struct scan *s, struct wire_in *ret)
{
    if (!take_id(tpl, s, ret) || !SKIP(s, "\",\"serverMsgId\":\""))
        return false;
    ret->server_id = take_digits(s);
    if (ret->server_id.n == 0 || !SKIP(s, "\",\"msgSeq\":") || !take_number(s, &ret->seq))
        return false;
    return SKIP(s, ",\"from\":\"") && take_digits(s).n > 0;
}

static bool scan_saved(const struct wire_tpl *tpl, struct scan *s, struct wire_in *ret)
{
    if (!scan_head(tpl, s, ret) || !SKIP(s, "\",\"ackType\":\"saved\""))
        return false;
    ret->kind = WIRE_SAVED;
    return s->end[-1] == '}';
}

/* What follows the type in a receipt: no client id. */
static bool scan_receipt(struct scan *s, struct wire_in *ret)
{
    ret->server_id = take_digits(s);
    if (ret->server_id.n == 0 || !SKIP(s, "\",\"msgSeq\":") || !take_number(s, &ret->seq))
        return false;
    if (!SKIP(s, ",\"from\":\"") || !take_number(s, &ret->from) || !SKIP(s, "\",\"to\":\"") ||
        take_digits(s).n == 0 || !SKIP(s, "\",\"ackType\":\""))
        return false;
    if (SKIP(s, "read\""))
        ret->cursor = WIRE_READ;
    else if (!SKIP(s, "delivered\""))
        return false;
    ret->kind = WIRE_RECEIPT;
    return s->end[-1] == '}';
}

/* msgType and body of a live copy, and the end. */
static bool scan_text(const struct wire_tpl *tpl, struct scan *s, struct wire_in *ret)
{
    if (!SKIP(s, "\"msgType\":\"" WIRE_MSG_TYPE "\",\"body\":\""))
        return false; /* also every resent copy: rare, so the full parser may have it */
    if ((size_t)(s->end - s->p) <= tpl->body_len || s->p[tpl->body_len] != '"')
        return false;
    ret->body = mn_str_make(s->p, tpl->body_len);
    /* Any other body may have escapes in it: the full parser decodes it. */
    ret->body_ok = body_ok(tpl, ret->counter, ret->body);
    return s->end[-1] == '}' && ret->body_ok;
}

static bool scan_chat(const struct wire_tpl *tpl, struct scan *s, struct wire_in *ret)
{
    if (!scan_head(tpl, s, ret) || !SKIP(s, "\",\"to\":\"") || take_digits(s).n == 0 ||
        !SKIP(s, "\","))
        return false;
    ret->kind = WIRE_CHAT;
    return scan_text(tpl, s, ret);
}

/* The copy of a member: to nobody, in a group. */
static bool scan_group_chat(const struct wire_tpl *tpl, struct scan *s, struct wire_in *ret)
{
    if (!scan_head(tpl, s, ret) || !SKIP(s, "\",\"groupId\":\"") || !take_id64(s, &ret->group) ||
        !SKIP(s, "\","))
        return false;
    ret->kind = WIRE_GROUP_CHAT;
    return scan_text(tpl, s, ret);
}

static enum wire_kind kind_of(const struct mn_envelope *env)
{
    switch ((int)env->type) {
    case MN_TYPE_AUTH_OK:
        return WIRE_AUTH_OK;
    case MN_TYPE_AUTH_FAIL:
        return WIRE_AUTH_FAIL;
    case MN_TYPE_PING:
        return WIRE_PING;
    case MN_TYPE_PONG:
        return WIRE_PONG;
    case MN_TYPE_SINGLE_CHAT:
        return WIRE_CHAT;
    case MN_TYPE_GROUP_CHAT:
        return WIRE_GROUP_CHAT;
    case MN_TYPE_GROUP_NOTIFY:
        return WIRE_GROUP_NOTIFY;
    case MN_TYPE_ERROR:
        return WIRE_ERROR;
    case MN_TYPE_ACK:
        if (mn_str_is(env->ack_type, "saved"))
            return WIRE_SAVED;
        return mn_str_is(env->ack_type, "revoked") ? WIRE_OTHER : WIRE_RECEIPT;
    default:
        return WIRE_OTHER;
    }
}

/* Output-only field, which the envelope parser skips as unknown. */
static int64_t find_retry_after(const char *p, size_t n)
{
    const char *at = memmem(p, n, "\"retryAfterMs\":", 15);
    if (!at)
        return 0;
    struct scan s = {at + 15, p + n};
    int64_t ms = 0;
    return take_number(&s, &ms) ? ms : 0;
}

void wire_read_slow(const struct wire_tpl *tpl, char *p, size_t n, struct wire_in *ret)
{
    *ret = (struct wire_in){.kind = WIRE_BAD};
    int64_t retry_after_ms = find_retry_after(p, n); /* before the parser rewrites the text */
    struct mn_envelope env;
    if (mn_envelope_parse(p, n, &env) != MN_OK)
        return;
    ret->kind = kind_of(&env);
    if (env.client_msg_id.p)
        read_id(tpl, env.client_msg_id, ret);
    ret->seq = env.has & MN_HAS_MSG_SEQ ? env.msg_seq : 0;
    ret->from = ret->kind == WIRE_RECEIPT && env.has & MN_HAS_FROM ? env.from : 0;
    ret->cursor = mn_str_is(env.ack_type, "read") ? WIRE_READ : WIRE_DELIVERED;
    ret->server_id = env.server_msg_id;
    ret->body = env.body;
    ret->reason = env.reason;
    ret->retry_after_ms = ret->kind == WIRE_ERROR ? retry_after_ms : 0;
    ret->body_ok = ret->ours && body_ok(tpl, ret->counter, ret->body);
    ret->group = env.has & MN_HAS_GROUP_ID ? env.group_id : 0;
    ret->resent = (ret->kind == WIRE_CHAT || ret->kind == WIRE_GROUP_CHAT) &&
                  !mn_str_is(env.msg_type, WIRE_MSG_TYPE);
}

void wire_read(const struct wire_tpl *tpl, char *p, size_t n, struct wire_in *ret)
{
    struct scan s = {p, p + n};
    *ret = (struct wire_in){.kind = WIRE_OTHER};
    if (SKIP(&s, "{\"type\":\"")) {
        if (SKIP(&s, "ACK\",\"clientMsgId\":\"")) {
            if (scan_saved(tpl, &s, ret))
                return;
        } else if (SKIP(&s, "ACK\",\"serverMsgId\":\"")) {
            if (scan_receipt(&s, ret))
                return;
        } else if (SKIP(&s, "GROUP_CHAT\",\"clientMsgId\":\"")) {
            if (scan_group_chat(tpl, &s, ret))
                return;
        } else if (SKIP(&s, "SINGLE_CHAT\",\"clientMsgId\":\"")) {
            if (scan_chat(tpl, &s, ret))
                return;
        } else if (SKIP(&s, "PONG\"")) {
            ret->kind = WIRE_PONG;
            return;
        }
    }
    wire_read_slow(tpl, p, n, ret);
}
