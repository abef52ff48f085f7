/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_BENCH_GROUP_H
#define MN_TOOL_BENCH_GROUP_H

#include "tool/ledger/ledger_group.h"
#include "tool/load/load.h"
#include "tool/load/pace.h"

/*
 * `bench group`.  Group g has the clients g * online to (g + 1) * online - 1,
 * all on one thread; the first of them owns it, the first --senders send.
 * Further members have the users behind all clients' and never connect.
 */

struct bench;
struct fill;
struct bench_group;

/* A client.  Owner: its load thread. */
struct bench_group_member {
    struct bench_group *group;
    uint32_t number;   /* in the group */
    uint32_t inflight; /* a sender's messages without an answer */
    int64_t ack_seq;   /* newest that he has and has not acknowledged; 0: none */
    uint64_t acked_ns; /* when he did so last */
    uint8_t ack_id_len;
    char ack_id[WIRE_SERVER_ID_MAX]; /* its serverMsgId */
};

struct bench_group {
    int64_t id;
    uint8_t id_len;
    char id_text[21];
    uint32_t base;           /* of member 0 in client ids: his client number, or with the bit */
    struct load_conn *conns; /* of its members, in their order */
    struct bench_group_member *members;
    struct ledger_group ledger;
};

/* th->groups */
struct bench_groups {
    struct load_pace pace;
    bool open_loop;
    struct bench_group *group;
    uint32_t count;
    uint32_t online; /* members of each */
};

/* In the client ids of messages to groups of `bench mixed`, whose clients send to each other, too. */
#define BENCH_GROUP_SENDER_BIT (UINT32_C(1) << 23)

/* group_make.c: makes the groups over HTTP, and everybody a member; false after a message. */
bool bench_groups_make(struct bench *bench);
void bench_groups_free(struct bench *bench);
/*
 * Ends the spawned daemon and opens its stores to be filled; NULL after a message.  Then closes them
 * and starts it again; false after a message, also when there is nothing to be closed.
 */
struct fill *bench_fill_begin(struct bench *bench);
bool bench_fill_end(struct bench *bench, struct fill *fill);
/* Client number, for load_run_token(), of member `m` (online or not) of group `g`. */
uint32_t bench_groups_user(const struct opts *opts, uint32_t g, uint32_t m);

/* group.c */

/* The hooks of load_mode, for a mode that has groups besides. */
void bench_groups_init(struct load_thread *th);
void bench_groups_deinit(struct load_thread *th);
void bench_groups_on_phase(struct load_thread *th, uint64_t now_ns);
void bench_groups_on_ready(struct load_thread *th, struct load_conn *conn, uint64_t now_ns);
void bench_groups_on_down(struct load_thread *th, struct load_conn *conn);
/* Sends what is due, or adds what is open to th->open; when the next is due. */
uint64_t bench_groups_on_turn(struct load_thread *th, uint64_t now_ns);
void bench_groups_on_second(struct load_thread *th, uint64_t now_ns);
/* Whose connection it is; NULL: of nobody in a group. */
struct bench_group_member *bench_group_member_of(const struct load_thread *th,
                                                 const struct load_conn *conn);

/* Closed loop: fills the sender's window. */
void bench_group_top_up(struct load_thread *th, struct bench_group_member *sender, uint64_t now_ns);

/* group_recv.c */
void bench_group_on_frame(struct load_thread *th, struct load_conn *conn, const struct wire_in *in,
                          uint64_t now_ns);
/* Acknowledges what those have who did so last before `before_ns`. */
void bench_group_acknowledge(struct load_thread *th, struct bench_group *group, uint64_t before_ns,
                             uint64_t now_ns);

/* group_finish.c: after the threads have ended; asks the histories about what is missing. */
void bench_group_finish(struct bench *bench);
/* Whether the run has groups: its mode, or its profile. */
bool bench_has_groups(const struct bench *bench);

#endif
