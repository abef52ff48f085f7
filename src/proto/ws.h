/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_PROTO_WS_H
#define MN_PROTO_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * RFC 6455 frames, both roles; pure: bytes in, events out, no I/O.  The
 * receiver cuts frames from the caller's buffer, unmasks them in place,
 * reassembles fragments, and checks everything the RFC demands: masks,
 * reserved bits and opcodes, control frames, minimal lengths, UTF-8, close
 * codes, and a ceiling on the whole message (W-1.3).
 */
enum mn_ws_opcode {
    MN_WS_OP_CONT = 0,
    MN_WS_OP_TEXT = 1,
    MN_WS_OP_BINARY = 2,
    MN_WS_OP_CLOSE = 8,
    MN_WS_OP_PING = 9,
    MN_WS_OP_PONG = 10
};

/* Close codes of RFC 6455 section 7.4.1 that we send or judge. */
enum mn_ws_close {
    MN_WS_CLOSE_NORMAL = 1000,
    MN_WS_CLOSE_PROTOCOL = 1002,
    MN_WS_CLOSE_NO_STATUS = 1005,
    MN_WS_CLOSE_BAD_UTF8 = 1007,
    MN_WS_CLOSE_POLICY = 1008,
    MN_WS_CLOSE_TOO_BIG = 1009,
    MN_WS_CLOSE_RESTART = 1012,
    MN_WS_CLOSE_TRY_LATER = 1013
};

enum mn_ws_role { MN_WS_SERVER = 0, MN_WS_CLIENT };

enum mn_ws_event {
    MN_WS_MORE = 0, /* no complete frame: keep the rest (n - used bytes), call again with more */
    MN_WS_TEXT,     /* a whole message, valid UTF-8 */
    MN_WS_BINARY,   /* a whole message */
    MN_WS_PING,
    MN_WS_PONG,
    MN_WS_CLOSED, /* a close frame; see mn_ws_in.code; p = its whole payload, to be echoed */
    MN_WS_FAIL    /* violation: send close(code, reason), read no further */
};

struct mn_ws_rx {
    /* private */
    struct mn_buf frag;   /* fragments so far; no memory unless a fragmented message is open */
    uint32_t max_message; /* bytes of one message */
    uint8_t role;         /* enum mn_ws_role of this side: a server wants masked frames */
    uint8_t open_opcode;  /* opcode of the fragmented message that is open, or 0 */
    bool failed;
};

struct mn_ws_in {
    char *p; /* payload, unmasked, writable; valid until the next call */
    size_t n;
    uint16_t code;      /* FAIL: to be sent.  CLOSED: the peer's, or MN_WS_CLOSE_NO_STATUS */
    const char *reason; /* FAIL: text of W-1.3; CLOSED: NULL, the reason is p + 2 */
    size_t need; /* MORE: bytes that the frame at hand will have in all, as far as known (>= 2) */
    /* private */
    char text[56]; /* a reason that contains a number; `reason` may point here */
};

void mn_ws_rx_init(struct mn_ws_rx *rx, enum mn_ws_role role, uint32_t max_message);
void mn_ws_rx_deinit(struct mn_ws_rx *rx);
/*
 * Takes one event from p[0..n).  *ret_used bytes are done with (also
 * non-final fragments, which give no event of their own).  With MN_WS_MORE
 * the caller keeps p[used..n), and hands it in again unchanged with more
 * behind it.  After MN_WS_FAIL or MN_WS_CLOSED every further call consumes
 * nothing and gives MN_WS_FAIL with code 0: nothing is left to be sent.
 * A joined message is kept until the next call: call until MN_WS_MORE.
 */
enum mn_ws_event mn_ws_rx_next(struct mn_ws_rx *rx, char *p, size_t n, size_t *ret_used,
                               struct mn_ws_in *ret);

#define MN_WS_HEADER_MAX 14
#define MN_WS_CONTROL_MAX 125 /* payload of a control frame */
/* Header of a final, unmasked frame at `out` (room for 10 bytes); returns its size. */
size_t mn_ws_header(char out[10], enum mn_ws_opcode op, uint64_t payload);
/* Bytes that mn_ws_header() writes for a payload. */
static inline size_t mn_ws_header_size(uint64_t payload)
{
    return payload < 126 ? 2 : payload < 65536 ? 4 : 10;
}
/* Header of a final, masked frame (client side); mask is copied in; returns its size (up to 14). */
size_t mn_ws_header_masked(char out[14], enum mn_ws_opcode op, uint64_t payload,
                           const uint8_t mask[4]);
/* XORs p[0..n) with the mask, vectorised; `phase` is the offset of p[0] in the payload, modulo 4. */
void mn_ws_mask(char *p, size_t n, const uint8_t mask[4], unsigned phase);
void mn_ws_mask_portable(char *p, size_t n, const uint8_t mask[4], unsigned phase);
/* Whether a peer may send this code (RFC 6455 7.4, IANA registry): 1000-1003, 1007-1014, 3000-4999. */
bool mn_ws_close_code_valid(uint16_t code);
/* Sec-WebSocket-Accept for a key of any form (W-1.2: a malformed key is accepted). */
void mn_ws_accept_key(struct mn_str key, char ret[29]);

#endif
