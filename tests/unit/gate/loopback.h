/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_UNIT_GATE_LOOPBACK_H
#define MN_TESTS_UNIT_GATE_LOOPBACK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/pool.h"
#include "gate/gate.h"
#include "im/call/calls.h"
#include "net/net.h"
#include "store/log/msglog.h"

/*
 * A gate with everything around it played by the test, on one thread: the
 * transport (net/net.h: frames land in an array, the clock is turned by
 * hand), the workers (base/pool.h: a job runs when the test says so), posts
 * between threads (they wait until the test delivers them) and the message
 * log (store/log/msglog.h: an array; its writer commits when the test says so).
 * So the order of "worker answers", "version raised", "connection closed"
 * and the like is the test's to choose, all of them if it wants.
 *
 * Definitions here take the place of those in the libraries.
 */
enum { LB_LOOPS = 2, LB_CONNS = 16, LB_FRAMES = 800, LB_MSGS = 700, LB_OPS = 2000 };

struct lb_frame {
    struct mn_chunk *frame; /* one reference */
    enum mn_send kind;
};

struct mn_conn {
    struct mn_loop *loop;
    uint64_t id; /* 0: free */
    void *session;
    bool held, congested, closed, vouched;
    size_t charged;
    unsigned room; /* pushes until it is congested; 0: no end of them */
    enum mn_close_cause cause;
    uint16_t code;
    uint64_t timer_ms;
    struct lb_frame frames[LB_FRAMES];
    unsigned count, seen; /* frames sent; of them looked at by the test */
    unsigned ponged;      /* and by lb_pong() */
};

struct mn_loop {
    struct mn_net *net;
    unsigned index;
    void *user;
    struct mn_metrics_shard *metrics;
    struct mn_task *first, *last; /* posted, not yet run */
};

struct mn_net {
    struct mn_loop loop[LB_LOOPS];
    struct mn_conn conns[LB_CONNS];
    uint64_t mono_ms;
    int64_t unix_ms;
    uint64_t next_id;
};

/* A stored message. */
struct lb_msg {
    struct mn_msg msg;
    char client_id[72], body[64], mentions[8 * 8];
};

struct mn_msglog {
    struct mn_op *first, *last; /* submitted, not yet committed */
    unsigned waiting;
    bool is_full;      /* reservations are refused */
    unsigned reserved; /* reservations without a submit */
    enum mn_err fail;  /* what the next commits say */
    enum mn_err backlog_fail;
    bool forgets;                 /* mn_msglog_recent() knows nothing */
    struct mn_op *untold[LB_OPS]; /* committed, and read, but on_commit() is still to come */
    unsigned untold_count;
    struct lb_msg msgs[LB_MSGS];
    unsigned msg_count;
    struct {
        int64_t user, chat, delivered, read;
    } cursors[64];
    unsigned cursor_count;
    struct mn_revocation revocations[200];
    unsigned revocation_count;
    int64_t learnt[64]; /* of user % 64 */
};

struct mn_pool {
    struct mn_job *first, *last;
    unsigned depth;
    bool is_full;
};

/* The whole; one at a time. */
struct lb {
    struct mn_net net;
    struct mn_msglog msglog;
    struct mn_pool pool;
    struct mn_log log;
    struct mn_metrics *metrics;
    struct mn_presence *presence;
    struct mn_rosters *rosters;
    struct {
        int64_t group, uid, mute_until_ms;
    } members[32]; /* of all groups */
    unsigned member_count, roster_reads;
    enum mn_err roster_err;
    struct mn_idgen ids;
    struct mn_jwt_key jwt;
    struct mn_gate *gate;
    struct mn_calls *calls;
    struct mn_net_ws_handler handler;
    /* What the session look-up says from now on. */
    enum mn_err session_err;
    int64_t sv;
    bool known;
    int64_t raise_inside; /* this user's version is raised just behind the look-up's read */
};
extern struct lb *lb;
#define LB_TEST(name) cmocka_unit_test_setup_teardown(name, lb_setup, lb_teardown)

/* The defaults of minimd, with limits off. */
struct mn_gate_settings lb_settings(void);
int lb_setup(void **state);
int lb_teardown(void **state);
/* A gate of these settings instead of the one that is there. */
void lb_restart(const struct mn_gate_settings *settings);

/* ---- a client's side ---- */

/* An upgraded connection of that loop. */
struct mn_conn *lb_open(unsigned loop);
/* One with a live session of the user, its AUTH_OK read and its resend done. */
struct mn_conn *lb_user(unsigned loop, int64_t uid);
/* A text message; the connection must not be held. printf-like, ' stands for ". */
void lb_input(struct mn_conn *conn, const char *format, ...) __attribute__((format(printf, 2, 3)));
void lb_auth(struct mn_conn *conn, int64_t uid, int64_t sv);
void lb_reauth(struct mn_conn *conn, int64_t uid, int64_t sv, int64_t ttl_s);
void lb_chat(struct mn_conn *conn, int64_t to, const char *client_id);
void lb_group_chat(struct mn_conn *conn, int64_t group, const char *client_id);
void lb_revoke(struct mn_conn *conn, int64_t id, const char *client_id);
/* Answers the PINGs that were sent since the last call, as the transport tells of it; how many. */
unsigned lb_pong(struct mn_conn *conn);
void lb_ack(struct mn_conn *conn, int64_t id, const char *kind);
/* The peer closes; the same as on_ws_close by the transport. */
void lb_gone(struct mn_conn *conn);
/* Text of the next frame that was sent, or NULL. */
const char *lb_next(struct mn_conn *conn);
/* The next frame contains this (' stands for "). */
void lb_expect(struct mn_conn *conn, const char *part);
/* No frame is left, and the connection is open. */
void lb_expect_quiet(struct mn_conn *conn);
/* The next frame contains `part`, and is the last one before a close 1000. */
void lb_expect_close(struct mn_conn *conn, const char *part);
/* serverMsgId of a frame. */
int64_t lb_id_of(const char *frame);

/* ---- the world ---- */

/* Runs the oldest job; false: none. */
bool lb_work(void);
/* The n-th oldest: there are several workers. */
bool lb_work_nth(unsigned n);
/* Runs the oldest task that was posted to that loop; false: none. */
bool lb_run_post(unsigned loop);
/* Runs the oldest post of each loop until none is left. */
void lb_run_posts(void);
/* The thread of calls carries out what waits and is due, and what it posts is run. */
void lb_run_calls(void);
/* End of a turn of all loops: what was queued goes to the writer. */
void lb_turn_end(void);
/* The writer commits the `count` oldest operations as one batch, and tells the gate. */
void lb_commit(unsigned count);
/* The two halves of that; a second batch is not begun before the first was told. */
void lb_store(unsigned count);
void lb_tell(void);
/* All of the above until nothing is left to do. */
void lb_settle(void);
/* The gate is told of a raised session version. */
void lb_bump(int64_t uid, int64_t sv);
/* Turns the clock, firing timers. */
void lb_advance(uint64_t ms);
/* Crosses the high watermark upwards or the low one downwards. */
void lb_congest(struct mn_conn *conn, bool congested);
/* The delivered cursor of the user in the chat with a peer, 0 = none. */
int64_t lb_delivered(int64_t user, int64_t chat);
/* The user is in the group from now on, muted until then; or not any more (and told to the rosters). */
void lb_join(int64_t group, int64_t uid, int64_t mute_until_ms);
void lb_leave(int64_t group, int64_t uid);
/* Chat of two users. */
int64_t lb_chat_of(int64_t a, int64_t b);
/* The n-th allocation from now on fails; whether it was reached. */
void lb_torture(unsigned n);
bool lb_torture_end(void);
int64_t lb_metric(enum mn_metric metric);

#endif
