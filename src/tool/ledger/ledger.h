/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_LEDGER_LEDGER_H
#define MN_TOOL_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The ledger of one conversation with one sender (docs/bench.md): what became
 * of each message, by the sender's counter (0, 1, 2, ...).  Messages whose
 * fate is settled at the old end leave the window, so memory follows the
 * unsettled ones only.  Owner: one load thread.
 */

/* What is known of a message. */
enum ledger_flag {
    LEDGER_SAVED = 1u << 0,   /* ACK saved came */
    LEDGER_REFUSED = 1u << 1, /* ERROR came */
    LEDGER_LIVE = 1u << 2,    /* first copy came live */
    LEDGER_RESENT = 1u << 3,  /* first copy came by resend */
    LEDGER_UNKNOWN = 1u << 4, /* no answer within the limit, or the connection went */
    LEDGER_FOUND = 1u << 5,   /* undelivered, but in the server's history */
    LEDGER_SKEW = 1u << 6     /* must not enter the latencies (warm-up, drain) */
};

struct ledger_rec {
    uint64_t intended_ns;
    uint64_t sent_ns;
    int64_t seq; /* msgSeq, 0 while not known */
    uint32_t flags;
};

/* What a receiver has acknowledged of one conversation. */
struct ledger_acks {
    /* private */
    int64_t acked_seq;  /* for long enough: no resend of these is due */
    int64_t aging_seq;  /* before acking_ns */
    int64_t acking_seq; /* highest */
    uint64_t acking_ns; /* when aging_seq was taken */
};

/* Acknowledged up to `seq`. */
void ledger_acks_add(struct ledger_acks *acks, int64_t seq, uint64_t now_ns);
/* The connection went: the last acknowledgements may have been lost with it. */
void ledger_acks_cut(struct ledger_acks *acks);

struct ledger_conv {
    /* private */
    struct ledger_rec *ring;
    uint32_t cap;       /* power of two or 0 */
    uint32_t head;      /* oldest counter in the window */
    uint32_t tail;      /* next counter */
    uint32_t last_live; /* highest counter that came live, + 1 */
    int64_t last_live_seq;
    int64_t last_resent_seq;
    int64_t min_seq; /* of all that are known, 0: none */
    int64_t max_seq;
    uint64_t known_seqs; /* messages whose msgSeq is known */
    struct ledger_acks acks;
    uint32_t expire_next; /* ledger_expire() goes on here */
};

/* What a delivery was; see ledger_delivered(), ledger_group_delivered(). */
enum ledger_verdict {
    LEDGER_FIRST = 0,   /* first copy, in order */
    LEDGER_FIRST_LATE,  /* first copy, but one after it had come: reordered */
    LEDGER_DUP,         /* another copy that no resend explains */
    LEDGER_REDELIVERED, /* another copy by resend, while unacknowledged */
    LEDGER_PHANTOM      /* never sent, or refused */
};

/* Window limit: beyond it the sender has to skip. */
#define LEDGER_WINDOW_MAX (UINT32_C(1) << 20)

/* Another copy: what a resend explains, and what nothing does. */
enum ledger_verdict ledger_judge_copy(const struct ledger_acks *acks, int64_t seq, bool resent);

void ledger_deinit(struct ledger_conv *conv);
/* Whether there is room for one more. */
bool ledger_has_room(const struct ledger_conv *conv);
/* Enters a message and returns its counter. */
uint32_t ledger_send(struct ledger_conv *conv, uint64_t intended_ns, uint64_t sent_ns,
                     uint32_t flags);
/* The record, or NULL when it has left the window or was never sent. */
struct ledger_rec *ledger_find(struct ledger_conv *conv, uint32_t counter);

enum ledger_answer {
    LEDGER_ANSWER_FIRST = 0, /* settles it: an in-flight slot is free */
    LEDGER_ANSWER_LATE,      /* after it had been given up as unknown */
    LEDGER_ANSWER_AGAIN,     /* it had an answer already */
    LEDGER_ANSWER_PHANTOM    /* never sent */
};
/* ACK saved; seq 0 when it carried none.  *ret_seq_differs: another msgSeq was known. */
enum ledger_answer ledger_saved(struct ledger_conv *conv, uint32_t counter, int64_t seq,
                                bool *ret_seq_differs);
/* ERROR with this clientMsgId. */
enum ledger_answer ledger_refused(struct ledger_conv *conv, uint32_t counter);
/*
 * The receiver got a copy.  *ret_rec is the record when it was a first copy
 * (valid until the next call); its seq is checked against the ACK's:
 * *ret_seq_differs.
 */
enum ledger_verdict ledger_delivered(struct ledger_conv *conv, uint32_t counter, int64_t seq,
                                     bool resent, struct ledger_rec *ret_rec,
                                     bool *ret_seq_differs);
/* The receiver acknowledged up to `seq`: resends of what is long acknowledged are doubles. */
void ledger_acked(struct ledger_conv *conv, int64_t seq, uint64_t now_ns);
/* The receiver's connection went: its last acknowledgements may have been lost with it. */
void ledger_ack_cut(struct ledger_conv *conv);
/* Marks unanswered messages sent before `before_ns` as unknown; returns how many were. */
uint32_t ledger_expire(struct ledger_conv *conv, uint64_t before_ns);
/*
 * Next message at or after *counter that was given up as unknown and may be
 * sent again under its client id; false at the end.  The caller calls
 * ledger_retry() for it, or goes on with *counter + 1.
 */
bool ledger_next_unknown(struct ledger_conv *conv, uint32_t *counter);
/* It was sent again: waits for an answer as at first. */
void ledger_retry(struct ledger_conv *conv, uint32_t counter);
/* Lets settled messages at the old end go. */
void ledger_trim(struct ledger_conv *conv);
/* Messages in the window: unsettled, or younger than an unsettled one. */
static inline uint32_t ledger_open(const struct ledger_conv *conv)
{
    return conv->tail - conv->head;
}
/* msgSeq values that nobody has seen, between the lowest and the highest known. */
uint64_t ledger_gaps(const struct ledger_conv *conv);

/* A message acknowledged so long ago may not be resent any more. */
#define LEDGER_ACK_SETTLE_NS UINT64_C(3000000000)

#endif
