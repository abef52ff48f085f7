/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_PROTO_ENVELOPE_H
#define MN_PROTO_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * The one flat JSON object of every text frame (W-2).
 * Parsed in place: strings point into the frame, which the parser rewrites
 * where escapes are decoded.  Printed in the fixed order of W-2.1.
 */

/* Exact, case-sensitive type names; X(symbol, "wire name", accepted from clients). */
#define MN_TYPE_MAP(X)                                                                             \
    X(AUTH, "AUTH", true)                                                                          \
    X(AUTH_OK, "AUTH_OK", false)                                                                   \
    X(AUTH_FAIL, "AUTH_FAIL", false)                                                               \
    X(REAUTH, "REAUTH", true)                                                                      \
    X(PING, "PING", true)                                                                          \
    X(PONG, "PONG", true)                                                                          \
    X(ERROR, "ERROR", false)                                                                       \
    X(SINGLE_CHAT, "SINGLE_CHAT", true)                                                            \
    X(GROUP_CHAT, "GROUP_CHAT", true)                                                              \
    X(GROUP_NOTIFY, "GROUP_NOTIFY", false)                                                         \
    X(ACK, "ACK", true)                                                                            \
    X(MESSAGE_REVOKE, "MESSAGE_REVOKE", true)                                                      \
    X(MESSAGE_REVOKED, "MESSAGE_REVOKED", false)                                                   \
    X(FRIEND_REQUEST, "FRIEND_REQUEST", true)                                                      \
    X(GROUP_JOIN_REQUEST, "GROUP_JOIN_REQUEST", false)                                             \
    X(GROUP_JOIN_DECISION, "GROUP_JOIN_DECISION", false)                                           \
    X(CALL_INVITE, "CALL_INVITE", true)                                                            \
    X(CALL_INVITE_OK, "CALL_INVITE_OK", false)                                                     \
    X(CALL_ACCEPT, "CALL_ACCEPT", true)                                                            \
    X(CALL_REJECT, "CALL_REJECT", true)                                                            \
    X(CALL_CANCEL, "CALL_CANCEL", true)                                                            \
    X(CALL_END, "CALL_END", true)                                                                  \
    X(CALL_ICE, "CALL_ICE", true)                                                                  \
    X(CALL_TIMEOUT, "CALL_TIMEOUT", false)                                                         \
    X(CALL_ERROR, "CALL_ERROR", false)                                                             \
    X(FRIEND_DECISION, "FRIEND_DECISION", false)                                                   \
    X(GROUP_EVENT, "GROUP_EVENT", false)

enum mn_type {
    MN_TYPE_UNKNOWN = 0,
#define MN_TYPE_ENUM(sym, text, inbound) MN_TYPE_##sym,
    MN_TYPE_MAP(MN_TYPE_ENUM)
#undef MN_TYPE_ENUM
        MN_TYPE_COUNT
};

/* Presence of the fields that are not strings (a string is present when its p is not NULL). */
enum mn_env_has {
    MN_HAS_MSG_SEQ = 1u << 0,
    MN_HAS_FROM = 1u << 1,
    MN_HAS_TO = 1u << 2,
    MN_HAS_GROUP_ID = 1u << 3,
    MN_HAS_IMPORTANT = 1u << 4,
    MN_HAS_CALL_ID = 1u << 5,
    MN_HAS_ICE_LINE = 1u << 6,
    MN_HAS_TS = 1u << 7,
    MN_HAS_RETRY_AFTER = 1u << 8,
    MN_HAS_LOSSY_CLIENT_ID = 1u << 9 /* input: clientMsgId had an unpaired surrogate, now '?' */
};

struct mn_envelope {
    enum mn_type type;       /* MN_TYPE_UNKNOWN when type_text is none of ours */
    unsigned has;            /* enum mn_env_has */
    struct mn_str type_text; /* as received; absent = missing_type */
    struct mn_str client_msg_id;
    struct mn_str server_msg_id;
    int64_t msg_seq;
    int64_t from;
    int64_t to;
    int64_t group_id;
    struct mn_str token;
    struct mn_str ack_type;
    struct mn_str msg_type;
    struct mn_str body;
    struct mn_str mentions; /* the JSON array as text, checked; read with mn_mentions_next() */
    struct mn_str reply_to; /* replyToServerMsgId */
    bool important;
    int32_t ice_line; /* iceSdpMLineIndex */
    int64_t call_id;
    struct mn_str call_kind;
    struct mn_str sdp;
    struct mn_str ice_candidate;
    struct mn_str ice_mid;
    struct mn_str call_reason;
    int64_t ts;
    struct mn_str reason;
    int64_t retry_after_ms; /* output only: with server_busy, W-2.1.17 */
};

/*
 * Parses p[0..n), rewriting it.  MN_EINVAL is `bad_json` (W-2.2,
 * row by row).  The input must be valid UTF-8 (the frame layer has checked).
 * Never allocates; nesting of unknown values is bounded at 1000.
 */
MN_MUSTCHECK enum mn_err mn_envelope_parse(char *p, size_t n, struct mn_envelope *ret);

/* Greatest number of bytes that mn_envelope_print() can need for this envelope. */
size_t mn_envelope_bound(const struct mn_envelope *env);
/*
 * Prints compact JSON at `out`, which has room for mn_envelope_bound()
 * bytes; returns the length.  `type` is printed from the enum.  No NUL.
 * `mentions` is printed as W-2.1 says, an array of strings: numbers and
 * booleans in it become their text, null elements are left out.
 */
size_t mn_envelope_print(const struct mn_envelope *env, char *out);

/* Wire name of a type; "" for MN_TYPE_UNKNOWN. */
const char *mn_type_name(enum mn_type type);
enum mn_type mn_type_find(struct mn_str name);
/* Whether W-1.7.7 accepts it from clients. */
bool mn_type_is_inbound(enum mn_type type);

/*
 * Iterates over `mentions`: *pos starts at 0; false at the end.  Gives the
 * element's text (strings decoded into `scratch`, which holds `cap` bytes; a
 * longer one is given cut).  null elements are skipped.
 */
bool mn_mentions_next(struct mn_str mentions, size_t *pos, char *scratch, size_t cap,
                      struct mn_str *ret);

#endif
