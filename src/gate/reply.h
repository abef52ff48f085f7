/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_REPLY_H
#define MN_GATE_REPLY_H

#include "gate/loop.h"
#include "proto/envelope.h"
#include "proto/reason.h"

/* Frames to one connection: answers, errors, and those with which it ends. */

/* The ids of a request that its answer repeats. */
struct mn_ids {
    struct mn_str client_msg_id, server_msg_id;
};
#define MN_IDS_NONE ((struct mn_ids){MN_STR_NONE, MN_STR_NONE})
#define MN_IDS_C(env) ((struct mn_ids){(env)->client_msg_id, MN_STR_NONE})
#define MN_IDS_CS(env) ((struct mn_ids){(env)->client_msg_id, (env)->server_msg_id})

/* Decimal text of an id, as the wire wants ids; 0: absent. */
struct mn_str mn_id_text(char text[24], int64_t id);
/* Prints `env` into a new frame; NULL when there is no memory. Any thread. */
struct mn_chunk *mn_frame_of(const struct mn_envelope *env);
/* Counts a frame of that type as sent. */
void mn_reply_count(struct mn_gate_loop *gl, enum mn_type type);

/* ---- frames to be sent in their turn; counted as sent; NULL when there is no memory ---- */

/* An answer; fills in ts. */
struct mn_chunk *mn_reply_make(struct mn_gate_loop *gl, struct mn_envelope *env);
/* ERROR; server_busy as mn_reply_make_busy() makes it. */
struct mn_chunk *mn_reply_make_error(struct mn_gate_loop *gl, enum mn_reason reason,
                                     struct mn_ids ids);
/* ERROR server_busy with retryAfterMs (W-3.4.2). */
struct mn_chunk *mn_reply_make_busy(struct mn_gate_loop *gl, struct mn_ids ids);

/* ---- frames to be sent now ---- */

/* NULL: an answer that cannot be given must not look like silence, so the session ends. */
void mn_reply_send_frame(struct mn_conn *conn, struct mn_chunk *take_frame);
void mn_reply_send(struct mn_conn *conn, struct mn_envelope *env);
void mn_reply_error(struct mn_conn *conn, enum mn_reason reason, struct mn_ids ids);
void mn_reply_busy(struct mn_conn *conn, struct mn_ids ids);
/* ERROR, then close 1000 "Bye" (1.4). */
void mn_reply_error_close(struct mn_conn *conn, enum mn_reason reason, struct mn_ids ids);
void mn_reply_busy_close(struct mn_conn *conn, struct mn_ids ids);
void mn_reply_auth_fail(struct mn_conn *conn, enum mn_reason reason);
/* bad_json, missing_type, not_implemented: counts, and closes on the fourth (W-10.5). */
void mn_reply_violation(struct mn_conn *conn, enum mn_reason reason, struct mn_ids ids);

#endif
