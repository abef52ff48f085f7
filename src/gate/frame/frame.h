/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_FRAME_FRAME_H
#define MN_GATE_FRAME_FRAME_H

#include "gate/reply.h"
#include "gate/session.h"

/*
 * The handlers of frames, one file a family, called by the table in
 * gate/dispatch.c after the gates of W-1.7.  The envelope's
 * texts are valid during the call.
 */

/* ---- call.c ---- */

/* CALL_INVITE, CALL_ACCEPT, CALL_REJECT, CALL_CANCEL, CALL_END, CALL_ICE. */
void mn_frame_call(struct mn_conn *conn, const struct mn_envelope *env);

/* ---- auth.c ---- */

void mn_frame_auth(struct mn_conn *conn, const struct mn_envelope *env);
void mn_frame_reauth(struct mn_conn *conn, const struct mn_envelope *env);
void mn_frame_ping(struct mn_conn *conn, const struct mn_envelope *env);
void mn_frame_pong(struct mn_conn *conn, const struct mn_envelope *env);
/* Whether the server has asked for the frame (W-10.3); takes it from what was asked for. */
bool mn_frame_reauth_is_asked(struct mn_conn *conn, const struct mn_envelope *env);
bool mn_frame_pong_is_asked(struct mn_conn *conn, const struct mn_envelope *env);

/* ---- single_chat.c ---- */

void mn_frame_single_chat(struct mn_conn *conn, const struct mn_envelope *env);
/* The writer's answer to it, or to a GROUP_CHAT. */
void mn_frame_chat_done(struct mn_conn *conn, const struct mn_op *op);

/* ---- group_chat.c ---- */

void mn_frame_group_chat(struct mn_conn *conn, const struct mn_envelope *env);

/* ---- revoke.c ---- */

void mn_frame_revoke(struct mn_conn *conn, const struct mn_envelope *env);
/* The writer's answer to it. */
void mn_frame_revoke_done(struct mn_conn *conn, const struct mn_op *op);

/* ---- friend_request.c ---- */

void mn_frame_friend_request(struct mn_conn *conn, const struct mn_envelope *env);

/* ---- ack.c ---- */

void mn_frame_ack(struct mn_conn *conn, const struct mn_envelope *env);
bool mn_frame_ack_is_asked(struct mn_conn *conn, const struct mn_envelope *env);
/* A message was pushed: an ACK delivered and an ACK read of it are free. */
void mn_frame_ack_expect(struct mn_session *session);
/* Moves the cursor: the message at `ref` was sent to this session's user. */
void mn_frame_ack_apply(struct mn_conn *conn, const struct mn_msg_ref *ref,
                        enum mn_cursor_kind kind);

#endif
