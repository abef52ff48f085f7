/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_WS_CLIENT_H
#define MN_TOOL_KIT_WS_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "proto/envelope.h"
#include "proto/ws.h"
#include "tool/kit/dial.h"
#include "tool/kit/url.h"

/*
 * A blocking WebSocket client that speaks envelopes, for smoke: one frame at
 * a time, every wait has a limit.  Owner: one thread.
 */
struct ws_client {
    int fd; /* -1: closed */
    struct mn_ws_rx rx;
    struct mn_buf in; /* received, `used` bytes of it are done with */
    size_t used;
    struct mn_buf text;       /* the last text frame as it came */
    char why[DIAL_WHY_BYTES]; /* ws_client_open() failed: which address, and why */
};

enum ws_client_event {
    WS_CLIENT_TEXT = 0, /* env and text are set, valid until the next call */
    WS_CLIENT_CLOSE,    /* close frame: code is set */
    WS_CLIENT_END,      /* the connection ended (or broke) without one */
    WS_CLIENT_TIMEOUT,
    WS_CLIENT_BAD /* not WebSocket, or not an envelope: text is set if it was a frame */
};

struct ws_client_in {
    struct mn_envelope env;
    struct mn_str text;
    uint16_t code;
};

/* Connects and upgrades.  MN_ETIMEOUT, MN_EPROTO (no 101), or a socket's error. */
MN_MUSTCHECK enum mn_err ws_client_open(struct ws_client *c, const struct url *url,
                                        uint64_t timeout_ms);
void ws_client_close(struct ws_client *c);
/* A whole masked text frame. */
MN_MUSTCHECK enum mn_err ws_client_send(struct ws_client *c, struct mn_str text);
/* Bytes as they are, for frames that no client should send. */
MN_MUSTCHECK enum mn_err ws_client_send_raw(struct ws_client *c, const void *p, size_t n);
/* The next event; WebSocket pings are answered on the way. */
enum ws_client_event ws_client_next(struct ws_client *c, uint64_t timeout_ms,
                                    struct ws_client_in *ret);

#endif
