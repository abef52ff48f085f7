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
#include "tool/kit/url.h"

/*
 * A blocking WebSocket client that speaks envelopes, for smoke: one frame at
 * a time, every wait has a limit.  Owner: one thread.
 */
struct mn_wsc {
    int fd; /* -1: closed */
    struct mn_ws_rx rx;
    struct mn_buf in; /* received, `used` bytes of it are done with */
    size_t used;
    struct mn_buf text; /* the last text frame as it came */
};

enum mn_wsc_event {
    MN_WSC_TEXT = 0, /* env and text are set, valid until the next call */
    MN_WSC_CLOSE,    /* close frame: code is set */
    MN_WSC_END,      /* the connection ended (or broke) without one */
    MN_WSC_TIMEOUT,
    MN_WSC_BAD /* not WebSocket, or not an envelope: text is set if it was a frame */
};

struct mn_wsc_in {
    struct mn_envelope env;
    struct mn_str text;
    uint16_t code;
};

/* Connects and upgrades.  MN_ETIMEOUT, MN_EPROTO (no 101), or a socket's error. */
MN_MUSTCHECK enum mn_err mn_wsc_open(struct mn_wsc *c, const struct mn_url *url,
                                     uint64_t timeout_ms);
void mn_wsc_close(struct mn_wsc *c);
/* A whole masked text frame. */
MN_MUSTCHECK enum mn_err mn_wsc_send(struct mn_wsc *c, struct mn_str text);
/* Bytes as they are, for frames that no client should send. */
MN_MUSTCHECK enum mn_err mn_wsc_send_raw(struct mn_wsc *c, const void *p, size_t n);
/* The next event; WebSocket pings are answered on the way. */
enum mn_wsc_event mn_wsc_next(struct mn_wsc *c, uint64_t timeout_ms, struct mn_wsc_in *ret);

#endif
