/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_PROTO_ENVELOPE_FIELDS_H
#define MN_PROTO_ENVELOPE_FIELDS_H

/*
 * The fields of W-2.1 in their output order, for the parser
 * and the printer.  STR(symbol, name, member): string.  NUM(symbol, name,
 * member, has): integer written as a number; ID: the same written as a
 * string.  KIND, BOOL and LIST are the odd ones, one field each.
 */
#define MN_FIELD_MAP(KIND, STR, NUM, ID, BOOL, LIST)                                               \
    KIND(TYPE, "type", type_text)                                                                  \
    STR(CLIENT_MSG_ID, "clientMsgId", client_msg_id)                                               \
    STR(SERVER_MSG_ID, "serverMsgId", server_msg_id)                                               \
    NUM(MSG_SEQ, "msgSeq", msg_seq, MN_HAS_MSG_SEQ)                                                \
    ID(FROM, "from", from, MN_HAS_FROM)                                                            \
    ID(TO, "to", to, MN_HAS_TO)                                                                    \
    ID(GROUP_ID, "groupId", group_id, MN_HAS_GROUP_ID)                                             \
    STR(TOKEN, "token", token)                                                                     \
    STR(ACK_TYPE, "ackType", ack_type)                                                             \
    STR(MSG_TYPE, "msgType", msg_type)                                                             \
    STR(BODY, "body", body)                                                                        \
    LIST(MENTIONS, "mentions", mentions)                                                           \
    STR(REPLY_TO, "replyToServerMsgId", reply_to)                                                  \
    BOOL(IMPORTANT, "important", important, MN_HAS_IMPORTANT)                                      \
    ID(CALL_ID, "callId", call_id, MN_HAS_CALL_ID)                                                 \
    STR(CALL_KIND, "callKind", call_kind)                                                          \
    STR(SDP, "sdp", sdp)                                                                           \
    STR(ICE_CANDIDATE, "iceCandidate", ice_candidate)                                              \
    STR(ICE_MID, "iceSdpMid", ice_mid)                                                             \
    NUM(ICE_LINE, "iceSdpMLineIndex", ice_line, MN_HAS_ICE_LINE)                                   \
    STR(CALL_REASON, "callReason", call_reason)                                                    \
    NUM(TS, "ts", ts, MN_HAS_TS)                                                                   \
    STR(REASON, "reason", reason)

#endif
