/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_LOAD_WIRE_H
#define MN_TOOL_LOAD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/*
 * The frames of the load generator: written from parts made once, read by a
 * scan that expects the field order of W-2.1 and falls back to
 * the full envelope parser for anything else.  Pure functions.
 *
 * clientMsgId of ours: RRRRRRRR-SSSSSS-CCCCCCCC in hex: run, sender, the
 * sender's counter.  Body of ours: the counter in hex (as much as fits),
 * then digits; the receiver checks it byte by byte.
 */
#define WIRE_ID_LEN 24
#define WIRE_BODY_MAX 4096
/* Greatest size of a frame that the functions here write. */
#define WIRE_FRAME_MAX (WIRE_BODY_MAX + 256)
/* A longer serverMsgId is not acknowledged; ids are decimal numbers of 64 bits. */
#define WIRE_SERVER_ID_MAX 64
/* The type of live copies; stored ones are resent with "text" (8.2). */
#define WIRE_MSG_TYPE "TEXT"

/* What a receiver says of a message, and a receipt tells its sender. */
enum wire_cursor { WIRE_DELIVERED = 0, WIRE_READ, WIRE_CURSOR_COUNT };

struct wire_tpl {
    uint32_t run;
    size_t body_len;
    char body[WIRE_BODY_MAX];
};

void wire_tpl_init(struct wire_tpl *tpl, uint32_t run, size_t body_len);
/* clientMsgId and body of a message as wire_chat() writes them; the body has tpl->body_len bytes. */
void wire_id(char out[WIRE_ID_LEN], uint32_t run, uint32_t sender, uint32_t counter);
void wire_body(const struct wire_tpl *tpl, uint32_t counter, char out[WIRE_BODY_MAX]);
/* Masked client frames at `out`; each returns the size of the frame. */
size_t wire_chat(char *out, const uint8_t mask[4], const struct wire_tpl *tpl, uint32_t sender,
                 uint32_t counter, struct mn_str to);
/* The same to a group; `group` is its id as text. */
size_t wire_group_chat(char *out, const uint8_t mask[4], const struct wire_tpl *tpl,
                       uint32_t sender, uint32_t counter, struct mn_str group);
size_t wire_ack(char *out, const uint8_t mask[4], enum wire_cursor cursor, struct mn_str server_id,
                struct mn_str to);
size_t wire_ping(char *out, const uint8_t mask[4]);
/* `token` has at most MN_JWT_MAX bytes: room for MN_JWT_MAX + 64. */
size_t wire_auth(char *out, const uint8_t mask[4], struct mn_str token);
/* Pong or close with a payload of at most 125 bytes: room for 131. */
size_t wire_control(char *out, const uint8_t mask[4], int opcode, struct mn_str payload);

enum wire_kind {
    WIRE_OTHER = 0,
    WIRE_BAD, /* not an envelope at all */
    WIRE_AUTH_OK,
    WIRE_AUTH_FAIL,
    WIRE_PING,
    WIRE_PONG,
    WIRE_SAVED,
    WIRE_RECEIPT,
    WIRE_CHAT,
    WIRE_GROUP_CHAT,
    WIRE_GROUP_NOTIFY,
    WIRE_ERROR
};

struct wire_in {
    enum wire_kind kind;
    bool ours;    /* clientMsgId is of this run: sender and counter are set */
    bool has_id;  /* there was a clientMsgId */
    bool resent;  /* CHAT, GROUP_CHAT: came from the store */
    bool body_ok; /* the same, ours: the body is what was sent */
    uint32_t sender;
    uint32_t counter;
    enum wire_cursor cursor; /* RECEIPT */
    int64_t from;            /* RECEIPT: who acknowledged, 0 when absent */
    int64_t group;           /* GROUP_CHAT; 0 when absent */
    int64_t seq;             /* the same */
    struct mn_str server_id;
    struct mn_str body;
    struct mn_str reason;
    int64_t retry_after_ms; /* 0 when absent */
};

/* Reads one text frame; p[0..n) may be rewritten, strings point into it. */
void wire_read(const struct wire_tpl *tpl, char *p, size_t n, struct wire_in *ret);
/* The same without the fast scan, for tests. */
void wire_read_slow(const struct wire_tpl *tpl, char *p, size_t n, struct wire_in *ret);

#endif
