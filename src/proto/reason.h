/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_PROTO_REASON_H
#define MN_PROTO_REASON_H

/* Reason strings of W-14; stable, they are the wire. */
#define MN_REASON_MAP(X)                                                                           \
    X(MISSING_TOKEN, "missing_token")                                                              \
    X(INVALID_TOKEN, "invalid_token")                                                              \
    X(SESSION_INVALID, "session_invalid")                                                          \
    X(AUTH_TIMEOUT, "auth_timeout")                                                                \
    X(UNAUTHORIZED, "unauthorized")                                                                \
    X(TOKEN_EXPIRED, "token_expired")                                                              \
    X(REAUTH_UID_MISMATCH, "reauth_uid_mismatch")                                                  \
    X(TOO_MANY_REQUESTS, "too_many_requests")                                                      \
    X(KICKED, "kicked")                                                                            \
    X(BAD_JSON, "bad_json")                                                                        \
    X(MISSING_TYPE, "missing_type")                                                                \
    X(NOT_IMPLEMENTED, "not_implemented")                                                          \
    X(MISSING_MSG_ID, "missing_msg_id")                                                            \
    X(MISSING_TO, "missing_to")                                                                    \
    X(MISSING_GROUP_ID, "missing_group_id")                                                        \
    X(MISSING_BODY, "missing_body")                                                                \
    X(BODY_TOO_LONG, "body_too_long")                                                              \
    X(CANNOT_SEND_TO_SELF, "cannot_send_to_self")                                                  \
    X(TOO_MANY_MENTIONS, "too_many_mentions")                                                      \
    X(NOT_GROUP_MEMBER, "not_group_member")                                                        \
    X(GROUP_SPEAK_MUTED, "group_speak_muted")                                                      \
    X(MISSING_ACK_TYPE, "missing_ack_type")                                                        \
    X(UNKNOWN_ACK_TYPE, "unknown_ack_type")                                                        \
    X(MISSING_SERVER_MSG_ID, "missing_server_msg_id")                                              \
    X(MESSAGE_NOT_FOUND, "message_not_found")                                                      \
    X(ACK_NOT_ALLOWED, "ack_not_allowed")                                                          \
    X(BAD_SERVER_MSG_ID, "bad_server_msg_id")                                                      \
    X(NOT_MESSAGE_SENDER, "not_message_sender")                                                    \
    X(REVOKE_TIMEOUT, "revoke_timeout")                                                            \
    X(SERVER_BUSY, "server_busy")                                                                  \
    X(USER_NOT_FOUND, "user_not_found")                                                            \
    X(NOT_FRIEND, "not_friend")                                                                    \
    X(ALREADY_FRIENDS, "already_friends")                                                          \
    X(UNSUPPORTED_CALL_KIND, "unsupported_call_kind")                                              \
    X(MISSING_SDP, "missing_sdp")                                                                  \
    X(SDP_TOO_LONG, "sdp_too_long")                                                                \
    X(CANNOT_CALL_SELF, "cannot_call_self")                                                        \
    X(BUSY, "busy")                                                                                \
    X(CALLEE_OFFLINE, "callee_offline")                                                            \
    X(MISSING_CALL_ID, "missing_call_id")                                                          \
    X(CALL_NOT_FOUND, "call_not_found")                                                            \
    X(CALL_NOT_PARTICIPANT, "call_not_participant")                                                \
    X(ONLY_CALLEE_CAN_ACCEPT, "only_callee_can_accept")                                            \
    X(ONLY_CALLEE_CAN_REJECT, "only_callee_can_reject")                                            \
    X(ONLY_CALLER_CAN_CANCEL, "only_caller_can_cancel")                                            \
    X(CALL_NOT_RINGING, "call_not_ringing")                                                        \
    X(MISSING_ICE_CANDIDATE, "missing_ice_candidate")                                              \
    X(ICE_CANDIDATE_TOO_LONG, "ice_candidate_too_long")                                            \
    X(INTERNAL_ERROR, "internal_error")

enum mn_reason {
    MN_REASON_NONE = 0,
#define MN_REASON_ENUM(sym, text) MN_REASON_##sym,
    MN_REASON_MAP(MN_REASON_ENUM)
#undef MN_REASON_ENUM
        MN_REASON_COUNT
};

/* Wire text; "" for MN_REASON_NONE. */
const char *mn_reason_text(enum mn_reason reason);

#endif
