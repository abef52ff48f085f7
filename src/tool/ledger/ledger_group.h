/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_LEDGER_LEDGER_GROUP_H
#define MN_TOOL_LEDGER_LEDGER_GROUP_H

#include "tool/ledger/ledger.h"

/*
 * The ledger of a group: what became of each message of each of its senders
 * at each member that is watched.  Every acknowledged message has to come to
 * every one of them but its sender once, in the order of msgSeq, and so in
 * the order of each sender.  Members are numbered from 0, the first of them
 * are the senders.  Which member has which message is kept as bits until all
 * have it and it was answered.  Owner: one load thread.
 */

enum ledger_member_kind {
    LEDGER_MEMBER_WATCHED = 0,
    LEDGER_MEMBER_IMPAIRED, /* watched, but reads slowly or not: in no rank */
    LEDGER_MEMBER_IGNORED   /* his copies are never entered */
};

struct ledger_member {
    enum ledger_member_kind kind;
    int64_t last_live_seq;
    int64_t last_resent_seq;
    struct ledger_acks acks;
};

/* Who has a message. */
struct ledger_seen {
    uint64_t *bits;     /* a bit for each member; NULL: nobody yet, or all of them */
    uint32_t delivered; /* members that have it */
    uint32_t ranked;    /* of these, those that are not impaired */
};

/* A sender's messages; by his counter, as in a conversation. */
struct ledger_sender {
    struct ledger_conv conv;
    struct ledger_seen *seen; /* ring beside the conversation's own */
    uint32_t seen_cap;
};

struct ledger_group {
    uint32_t members;
    uint32_t senders;
    struct ledger_sender *sender; /* senders */
    struct ledger_member *member; /* members; the caller sets `kind` before the first message */
    /* private */
    uint32_t watched; /* members, and those of them that are not impaired */
    uint32_t ranked;
    uint32_t *last; /* [member][sender]: highest counter that came live, + 1 */
    int64_t min_seq, max_seq;
    uint64_t known_seqs;
    uint64_t *spare; /* bits not in use, linked by their first word */
};

/* `senders` <= `members`; all members are watched until ledger_group_begin(). */
void ledger_group_init(struct ledger_group *group, uint32_t members, uint32_t senders);
void ledger_group_deinit(struct ledger_group *group);
/* The members' kinds are set: counts them. */
void ledger_group_begin(struct ledger_group *group);
/* How many watched members a message of that sender has to reach. */
uint32_t ledger_group_expected(const struct ledger_group *group, uint32_t sender);
/* Enters a message (ledger_has_room() first) and returns its counter. */
uint32_t ledger_group_send(struct ledger_group *group, uint32_t sender, uint64_t intended_ns,
                           uint64_t sent_ns, uint32_t flags);
/* Its answers, as ledger_saved() and ledger_refused(). */
enum ledger_answer ledger_group_saved(struct ledger_group *group, uint32_t sender, uint32_t counter,
                                      int64_t seq, bool *ret_seq_differs);
enum ledger_answer ledger_group_refused(struct ledger_group *group, uint32_t sender,
                                        uint32_t counter);

/* What ledger_group_delivered() has found. */
struct ledger_delivery {
    enum ledger_verdict verdict;
    bool late_seq;    /* a first copy behind one with a higher or the same msgSeq */
    bool late_sender; /* a first copy behind a later one of the same sender */
    bool seq_differs; /* another msgSeq was known of it */
    uint32_t rank;    /* a first copy: how many members have it now; 0: an impaired one's */
    uint32_t ranks;   /* how many are to have it */
    uint64_t intended_ns, sent_ns;
    uint32_t flags; /* enum ledger_flag of the message */
};
/* A watched member, not the sender, got a copy. */
void ledger_group_delivered(struct ledger_group *group, uint32_t member, uint32_t sender,
                            uint32_t counter, int64_t seq, bool resent,
                            struct ledger_delivery *ret);

/* What is open, of all senders. */
struct ledger_group_open {
    uint64_t messages;          /* unsettled, or younger than an unsettled one */
    uint64_t unknown;           /* without an answer */
    uint64_t unknown_delivered; /* copies of those that came */
    uint64_t lost;              /* copies of acknowledged ones that did not come */
    uint64_t lost_normal;       /* of these: of members that are not impaired */
    uint64_t lost_stored;       /* of `lost`: the message was found in the history */
};
struct ledger_group_open ledger_group_open(const struct ledger_group *group);
/* Messages in the windows, as ledger_open(). */
uint64_t ledger_group_pending(const struct ledger_group *group);
/* msgSeq values that nobody has seen, between the lowest and the highest known. */
uint64_t ledger_group_gaps(const struct ledger_group *group);

#endif
