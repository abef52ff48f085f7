/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_SERIAL_H
#define MN_GATE_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "net/chunk.h"
#include "store/log/msglog.h"

/*
 * The order of a connection's requests that wait for each other
 * (W-7.1): what goes to the writer goes in the order in which
 * it came, and answers leave in that order, whatever finishes first.
 *
 *   WAITING ----- look-up: yes -----> READY ---> WITH WRITER ---> ANSWERED
 *      +------------- look-up: no, or refused at once ---------------^
 *
 * Submitted from the front up to the first that is WAITING, answered from
 * the front up to the first that is not ANSWERED.
 *
 * Owner: a session and its look-ups, on their loop's thread.  It outlives
 * the connection until the last look-up is back: what was accepted is stored
 * although the sender has gone (7.1).
 */
enum { MN_SERIAL_MAX = 64 };

struct mn_serial;

struct mn_serial_calls {
    void (*submit)(void *ctx, struct mn_op *take_op);
    /* An answer in its turn; NULL: there was no memory to make it. The connection may be gone. */
    void (*send)(void *ctx, uint64_t conn, struct mn_chunk *take_frame);
};

/* One reference; NULL when there is no memory. `calls` and `ctx` outlive it. */
struct mn_serial *mn_serial_new(const struct mn_serial_calls *calls, void *ctx, uint64_t conn);
struct mn_serial *mn_serial_ref(struct mn_serial *serial);
/* NULL is a no-op. */
void mn_serial_unref(struct mn_serial *serial);
/* MN_SERIAL_MAX requests are in it: nothing may be added. */
bool mn_serial_is_full(const struct mn_serial *serial);
bool mn_serial_is_empty(const struct mn_serial *serial);

/* ---- requests, each after mn_serial_make_room() ---- */

/* Room for one more; false: no memory. Not when it is full. */
bool mn_serial_make_room(struct mn_serial *serial);
/* A request that is ready for the writer. */
void mn_serial_add(struct mn_serial *serial, struct mn_op *take_op);
/* One that waits for a look-up; returns the ticket by which that names it. */
uint32_t mn_serial_add_waiting(struct mn_serial *serial, struct mn_op *take_op);
/* One whose answer is known. */
void mn_serial_add_answer(struct mn_serial *serial, struct mn_chunk *take_frame);

/* ---- what becomes of them ---- */

/* Its operation; for look-ups, which reserve its place with the writer before they pass it. */
const struct mn_op *mn_serial_op(const struct mn_serial *serial, uint32_t ticket);
/* The look-up says yes. */
void mn_serial_pass(struct mn_serial *serial, uint32_t ticket);
/* The look-up says no: its operation is released, the answer is this. */
void mn_serial_refuse(struct mn_serial *serial, uint32_t ticket, struct mn_chunk *take_frame);
/* The writer gave the operation back. */
void mn_serial_done(struct mn_serial *serial, const struct mn_op *op, struct mn_chunk *take_frame);

#endif
