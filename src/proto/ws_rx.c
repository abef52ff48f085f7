/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiving side of RFC 6455, for both roles: cuts frames out of the
 * caller's buffer, judges each header as soon as its bytes are there,
 * unmasks in place and joins fragments.  Owner: the connection's loop
 * thread; a receiver lives as long as its connection.
 *
 * Invariants: a frame is unmasked only when all of it has arrived, so a
 * partial frame can be handed in again unchanged.  A header is refused
 * before its payload is waited for, so no promised length ever leads to an
 * allocation: `frag` grows with bytes received and never beyond
 * max_message.  The verdict depends on the bytes only, not on how they were
 * split.  After a failure or a close frame nothing is taken any more.
 *
 * Not here: what is sent in answer (net/), and the content of text (the
 * envelope).
 */
#include "proto/ws.h"

#include <stdio.h>

#include "base/utf8.h"

#define FIN 0x80u
#define RSV 0x70u
#define OPCODE 0x0fu
#define MASKED 0x80u
#define LENGTH 0x7fu
#define CONTROL 0x08u

struct head {
    uint64_t payload;
    size_t size; /* bytes of the header itself */
    uint8_t op;  /* as sent, reserved ones included */
    bool fin;
    bool masked;
};

static enum mn_ws_event fail(struct mn_ws_rx *rx, struct mn_ws_in *ret, uint16_t code,
                             const char *reason)
{
    rx->failed = true;
    ret->p = NULL;
    ret->n = 0;
    ret->code = code;
    ret->reason = reason;
    ret->need = 0;
    return MN_WS_FAIL;
}

static enum mn_ws_event violation(struct mn_ws_rx *rx, struct mn_ws_in *ret, const char *reason)
{
    return fail(rx, ret, MN_WS_CLOSE_PROTOCOL, reason);
}

static enum mn_ws_event too_big(struct mn_ws_rx *rx, struct mn_ws_in *ret)
{
    (void)snprintf(ret->text, sizeof(ret->text), "Max frame length of %u has been exceeded.",
                   (unsigned)rx->max_message);
    return fail(rx, ret, MN_WS_CLOSE_TOO_BIG, ret->text);
}

static enum mn_ws_event more(struct mn_ws_in *ret, size_t need)
{
    ret->p = NULL;
    ret->n = 0;
    ret->code = 0;
    ret->reason = NULL;
    ret->need = need;
    return MN_WS_MORE;
}

static enum mn_ws_event deliver(struct mn_ws_in *ret, enum mn_ws_event ev, char *p, size_t n,
                                uint16_t code)
{
    ret->p = p;
    ret->n = n;
    ret->code = code;
    ret->reason = NULL;
    ret->need = 0;
    return ev;
}

/* Reserved opcodes 3 to 7 and 11 to 15, each with its number in the reason. */
static const char *const reserved_opcode[16] = {
    [3] = "data frame using reserved opcode 3",
    [4] = "data frame using reserved opcode 4",
    [5] = "data frame using reserved opcode 5",
    [6] = "data frame using reserved opcode 6",
    [7] = "data frame using reserved opcode 7",
    [11] = "control frame using reserved opcode 11",
    [12] = "control frame using reserved opcode 12",
    [13] = "control frame using reserved opcode 13",
    [14] = "control frame using reserved opcode 14",
    [15] = "control frame using reserved opcode 15",
};

static const char *judge_control(const struct head *head, unsigned length)
{
    if (!head->fin)
        return "fragmented control frame";
    if (length > MN_WS_CONTROL_MAX)
        return "control frame with payload length > 125 octets";
    if (reserved_opcode[head->op] != NULL)
        return reserved_opcode[head->op];
    if (head->op == MN_WS_OP_CLOSE && length == 1)
        return "received close control frame with payload len 1";
    return NULL;
}

/* What the first two bytes alone can break; NULL if nothing.  Order as in the original. */
static const char *judge_start(const struct mn_ws_rx *rx, const struct head *head, unsigned rsv,
                               unsigned length)
{
    if (rsv != 0)
        return "RSV bits set and no extension negotiated";
    if (head->masked != (rx->role == MN_WS_SERVER))
        return rx->role == MN_WS_SERVER ? "received a frame that is not masked as expected"
                                        : "received a frame that is masked";
    if (head->op & CONTROL)
        return judge_control(head, length);
    if (reserved_opcode[head->op] != NULL)
        return reserved_opcode[head->op];
    if (rx->open_opcode == 0 && head->op == MN_WS_OP_CONT)
        return "received continuation data frame outside fragmented message";
    if (rx->open_opcode != 0 && head->op != MN_WS_OP_CONT)
        return "received non-continuation data frame while inside fragmented message";
    return NULL;
}

static uint64_t big_endian(const char *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | (uint8_t)p[i];
    return v;
}

/* Whether this frame, with the fragments before it, stays within the ceiling. */
static bool fits(const struct mn_ws_rx *rx, const struct head *head)
{
    /* Control frames are limited to 125 bytes already, and belong to no message. */
    return (head->op & CONTROL) || head->payload <= rx->max_message - rx->frag.n;
}

/*
 * Reads and judges the header of the next frame.  MN_WS_TEXT stands for "go
 * on": the header is whole and good.
 */
static enum mn_ws_event read_head(struct mn_ws_rx *rx, const char *p, size_t n, struct head *head,
                                  struct mn_ws_in *ret)
{
    unsigned length;
    size_t extended;
    const char *wrong;

    if (n < 2)
        return more(ret, 2);
    length = (uint8_t)p[1] & LENGTH;
    head->op = (uint8_t)p[0] & OPCODE;
    head->fin = ((uint8_t)p[0] & FIN) != 0;
    head->masked = ((uint8_t)p[1] & MASKED) != 0;
    wrong = judge_start(rx, head, (uint8_t)p[0] & RSV, length);
    if (wrong != NULL)
        return violation(rx, ret, wrong);

    extended = length < 126 ? 0 : length == 126 ? 2 : 8;
    head->size = 2 + extended + (head->masked ? 4 : 0);
    head->payload = length;
    if (extended != 0) {
        if (n < 2 + extended)
            return more(ret, head->size);
        head->payload = big_endian(p + 2, extended);
        if (head->payload >> 63)
            return violation(rx, ret, "invalid data frame length (most significant bit is set)");
        if (head->payload < (extended == 2 ? 126u : 65536u))
            return violation(rx, ret,
                             "invalid data frame length (not using minimal length encoding)");
    }
    if (!fits(rx, head))
        return too_big(rx, ret);
    if (n < head->size + head->payload)
        return more(ret, head->size + (size_t)head->payload);
    return MN_WS_TEXT;
}

static enum mn_ws_event take_close(struct mn_ws_rx *rx, char *p, size_t n, struct mn_ws_in *ret)
{
    uint16_t code;

    rx->failed = true; /* nothing that follows a close frame counts */
    if (n == 0)
        return deliver(ret, MN_WS_CLOSED, p, n, MN_WS_CLOSE_NO_STATUS);
    code = (uint16_t)big_endian(p, 2);
    if (!mn_ws_close_code_valid(code)) {
        (void)snprintf(ret->text, sizeof(ret->text), "close frame with invalid code %u",
                       (unsigned)code);
        return violation(rx, ret, ret->text);
    }
    if (!mn_utf8_valid(p + 2, n - 2))
        return fail(rx, ret, MN_WS_CLOSE_BAD_UTF8, "bytes are not UTF-8");
    return deliver(ret, MN_WS_CLOSED, p, n, code);
}

static enum mn_ws_event take_message(struct mn_ws_rx *rx, uint8_t op, char *p, size_t n,
                                     struct mn_ws_in *ret)
{
    if (op == MN_WS_OP_BINARY)
        return deliver(ret, MN_WS_BINARY, p, n, 0);
    if (!mn_utf8_valid(p, n))
        return fail(rx, ret, MN_WS_CLOSE_BAD_UTF8, "bytes are not UTF-8");
    return deliver(ret, MN_WS_TEXT, p, n, 0);
}

/* Adds a fragment; the last one gives the message, others MN_WS_MORE. */
static enum mn_ws_event take_fragment(struct mn_ws_rx *rx, const struct head *head, char *p,
                                      struct mn_ws_in *ret)
{
    size_t n = (size_t)head->payload;
    uint8_t op;

    if (n != 0 && mn_buf_add(&rx->frag, p, n) != MN_OK)
        return fail(rx, ret, MN_WS_CLOSE_TRY_LATER, "out of memory");
    if (head->op != MN_WS_OP_CONT)
        rx->open_opcode = head->op;
    if (!head->fin)
        return MN_WS_MORE;
    op = rx->open_opcode;
    rx->open_opcode = 0;
    return take_message(rx, op, rx->frag.n != 0 ? rx->frag.p : p, rx->frag.n, ret);
}

/* MN_WS_MORE: it was a fragment, take the next frame. */
static enum mn_ws_event take_frame(struct mn_ws_rx *rx, const struct head *head, char *p,
                                   struct mn_ws_in *ret)
{
    switch (head->op) {
    case MN_WS_OP_CLOSE:
        return take_close(rx, p, (size_t)head->payload, ret);
    case MN_WS_OP_PING:
        return deliver(ret, MN_WS_PING, p, (size_t)head->payload, 0);
    case MN_WS_OP_PONG:
        return deliver(ret, MN_WS_PONG, p, (size_t)head->payload, 0);
    default:
        if (head->fin && head->op != MN_WS_OP_CONT)
            return take_message(rx, head->op, p, (size_t)head->payload, ret);
        return take_fragment(rx, head, p, ret);
    }
}

void mn_ws_rx_init(struct mn_ws_rx *rx, enum mn_ws_role role, uint32_t max_message)
{
    *rx = (struct mn_ws_rx){.max_message = max_message, .role = (uint8_t)role};
    mn_buf_init(&rx->frag, max_message);
}

void mn_ws_rx_deinit(struct mn_ws_rx *rx) { mn_buf_deinit(&rx->frag); }

enum mn_ws_event mn_ws_rx_next(struct mn_ws_rx *rx, char *p, size_t n, size_t *ret_used,
                               struct mn_ws_in *ret)
{
    size_t used = 0;
    struct head head;
    enum mn_ws_event ev;

    *ret_used = 0;
    if (rx->failed)
        return fail(rx, ret, 0, "closed");
    if (rx->open_opcode == 0 && rx->frag.p != NULL) {
        /* The joined message of the last call; a connection between messages holds nothing. */
        mn_buf_deinit(&rx->frag);
        mn_buf_init(&rx->frag, rx->max_message);
    }
    while (used < n) {
        ev = read_head(rx, p + used, n - used, &head, ret);
        if (ev == MN_WS_TEXT) {
            char *payload = p + used + head.size;

            if (head.masked)
                mn_ws_mask(payload, (size_t)head.payload, (const uint8_t *)payload - 4, 0);
            used += head.size + (size_t)head.payload;
            ev = take_frame(rx, &head, payload, ret);
            if (ev == MN_WS_MORE)
                continue;
        }
        *ret_used = used;
        return ev;
    }
    *ret_used = used;
    return more(ret, 2);
}
