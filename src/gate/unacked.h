/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_GATE_UNACKED_H
#define MN_GATE_UNACKED_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What was sent on a connection and not yet acknowledged, oldest first: the
 * periodic resend asks how old the oldest is, and the resend window counts
 * what it has sent.  A ring that grows to MN_UNACKED_MAX entries and is
 * freed when empty, so a quiet connection holds nothing.  At the ceiling the
 * newest entry is not kept: the oldest stays, and with it the reason to
 * resend everything behind the user's cursor.
 * Owner: a session, on its loop's thread.  A zeroed one is empty.
 */
#define MN_UNACKED_MAX 512

struct mn_unacked {
    /* private */
    struct mn_unacked_entry *ring;
    uint16_t cap, head, count;
    uint16_t resent; /* entries that the resend sent */
};

void mn_unacked_deinit(struct mn_unacked *unacked);
/* Remembers a delivery; silently not at the ceiling or without memory. */
void mn_unacked_add(struct mn_unacked *unacked, int64_t chat, int64_t seq, uint64_t now_ms,
                    bool resent);
/* Forgets everything of `chat` up to `seq`. */
void mn_unacked_ack(struct mn_unacked *unacked, int64_t chat, int64_t seq);
/*
 * Acknowledged, but its ACK does not speak yet for what a resend has still to
 * bring: only this one is no longer due, and it is still known as sent.
 */
void mn_unacked_keep(struct mn_unacked *unacked, int64_t chat, int64_t seq);
/* The resend is over: forgets those that were kept. */
void mn_unacked_drop_kept(struct mn_unacked *unacked);
/* When the oldest one that is due was sent, 0 when there is none. */
uint64_t mn_unacked_oldest_ms(const struct mn_unacked *unacked);
/* Whether it was sent and not forgotten since. */
bool mn_unacked_has(const struct mn_unacked *unacked, int64_t chat, int64_t seq);
/* Forgets what is due and was sent before `ms`: a resend from the cursor is about to send it again. */
void mn_unacked_expire(struct mn_unacked *unacked, uint64_t ms);
static inline unsigned mn_unacked_resent(const struct mn_unacked *unacked)
{
    return unacked->resent;
}

#endif
