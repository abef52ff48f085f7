/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_LEDGER_LEDGER_H
#define MN_TOOL_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The ledger of one conversation with one sender (tools.md 1.3): what became
 * of each message, by the sender's counter (0, 1, 2, ...).  Messages whose
 * fate is settled at the old end leave the window, so memory follows the
 * unsettled ones only.  Owner: one load thread.
 */

/* What is known of a message. */
enum mn_ledger_flag {
    MN_LEDGER_SAVED = 1u << 0,   /* ACK saved came */
    MN_LEDGER_REFUSED = 1u << 1, /* ERROR came */
    MN_LEDGER_LIVE = 1u << 2,    /* first copy came live */
    MN_LEDGER_RESENT = 1u << 3,  /* first copy came by resend */
    MN_LEDGER_UNKNOWN = 1u << 4, /* no answer within the limit, or the connection went */
    MN_LEDGER_FOUND = 1u << 5,   /* undelivered, but in the server's history */
    MN_LEDGER_SKEW = 1u << 6     /* must not enter the latencies (warm-up, drain) */
};

struct mn_ledger_rec {
    uint64_t intended_ns;
    uint64_t sent_ns;
    int64_t seq; /* msgSeq, 0 while not known */
    uint32_t flags;
};

struct mn_ledger_conv {
    /* private */
    struct mn_ledger_rec *ring;
    uint32_t cap;       /* power of two or 0 */
    uint32_t head;      /* oldest counter in the window */
    uint32_t tail;      /* next counter */
    uint32_t last_live; /* highest counter that came live, + 1 */
    int64_t last_live_seq;
    int64_t last_resent_seq;
    int64_t min_seq; /* of all that are known, 0: none */
    int64_t max_seq;
    uint64_t known_seqs;  /* messages whose msgSeq is known */
    int64_t acked_seq;    /* acknowledged for long enough: no resend of these is due */
    int64_t aging_seq;    /* acknowledged before acking_ns */
    int64_t acking_seq;   /* highest acknowledged */
    uint64_t acking_ns;   /* when aging_seq was taken */
    uint32_t expire_next; /* mn_ledger_expire() goes on here */
};

/* What a delivery was; see mn_ledger_delivered(). */
enum mn_ledger_verdict {
    MN_LEDGER_FIRST = 0,   /* first copy, in order */
    MN_LEDGER_FIRST_LATE,  /* first copy, but one after it had come: reordered */
    MN_LEDGER_DUP,         /* another copy that no resend explains */
    MN_LEDGER_REDELIVERED, /* another copy by resend, while unacknowledged */
    MN_LEDGER_PHANTOM      /* never sent, or refused */
};

/* Window limit: beyond it the sender has to skip. */
#define MN_LEDGER_WINDOW_MAX (UINT32_C(1) << 20)

void mn_ledger_deinit(struct mn_ledger_conv *conv);
/* Whether there is room for one more. */
bool mn_ledger_has_room(const struct mn_ledger_conv *conv);
/* Enters a message and returns its counter. */
uint32_t mn_ledger_send(struct mn_ledger_conv *conv, uint64_t intended_ns, uint64_t sent_ns,
                        uint32_t flags);
/* The record, or NULL when it has left the window or was never sent. */
struct mn_ledger_rec *mn_ledger_find(struct mn_ledger_conv *conv, uint32_t counter);

enum mn_ledger_answer {
    MN_LEDGER_ANSWER_FIRST = 0, /* settles it: an in-flight slot is free */
    MN_LEDGER_ANSWER_LATE,      /* after it had been given up as unknown */
    MN_LEDGER_ANSWER_AGAIN,     /* it had an answer already */
    MN_LEDGER_ANSWER_PHANTOM    /* never sent */
};
/* ACK saved; seq 0 when it carried none.  *ret_seq_differs: another msgSeq was known. */
enum mn_ledger_answer mn_ledger_saved(struct mn_ledger_conv *conv, uint32_t counter, int64_t seq,
                                      bool *ret_seq_differs);
/* ERROR with this clientMsgId. */
enum mn_ledger_answer mn_ledger_refused(struct mn_ledger_conv *conv, uint32_t counter);
/*
 * The receiver got a copy.  *ret_rec is the record when it was a first copy
 * (valid until the next call); its seq is checked against the ACK's:
 * *ret_seq_differs.
 */
enum mn_ledger_verdict mn_ledger_delivered(struct mn_ledger_conv *conv, uint32_t counter,
                                           int64_t seq, bool resent, struct mn_ledger_rec *ret_rec,
                                           bool *ret_seq_differs);
/* The receiver acknowledged up to `seq`: resends of what is long acknowledged are doubles. */
void mn_ledger_acked(struct mn_ledger_conv *conv, int64_t seq, uint64_t now_ns);
/* The receiver's connection went: its last acknowledgements may have been lost with it. */
void mn_ledger_ack_cut(struct mn_ledger_conv *conv);
/* Marks unanswered messages sent before `before_ns` as unknown; returns how many were. */
uint32_t mn_ledger_expire(struct mn_ledger_conv *conv, uint64_t before_ns);
/*
 * Next message at or after *counter that was given up as unknown and may be
 * sent again under its client id; false at the end.  The caller calls
 * mn_ledger_retry() for it, or goes on with *counter + 1.
 */
bool mn_ledger_next_unknown(struct mn_ledger_conv *conv, uint32_t *counter);
/* It was sent again: waits for an answer as at first. */
void mn_ledger_retry(struct mn_ledger_conv *conv, uint32_t counter);
/* Lets settled messages at the old end go. */
void mn_ledger_trim(struct mn_ledger_conv *conv);
/* Messages in the window: unsettled, or younger than an unsettled one. */
static inline uint32_t mn_ledger_open(const struct mn_ledger_conv *conv)
{
    return conv->tail - conv->head;
}
/* msgSeq values that nobody has seen, between the lowest and the highest known. */
uint64_t mn_ledger_gaps(const struct mn_ledger_conv *conv);

/* A message acknowledged so long ago may not be resent any more. */
#define MN_LEDGER_ACK_SETTLE_NS UINT64_C(3000000000)

#endif
