/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_BENCH_FLOOR_H
#define MN_TOOL_BENCH_FLOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hist.h"

/*
 * What no server can avoid on this machine: the commit (floor_sync.c), and
 * the way through the sockets with or without a commit (floor_loop.c, the
 * bare process at the other end is floor_server.c).  Main thread.
 */

/* Appended and committed again and again, within a file that is allocated and written before. */
#define FLOOR_FILE_BYTES ((uint64_t)64 << 20)

struct floor_sync {
    unsigned batch; /* messages a commit */
    double commits_per_s;
    double messages_per_s;
    struct mn_hist *hist; /* of a commit, ns; the caller's */
};

/* An open, unlinked file of FLOOR_FILE_BYTES in $TMPDIR; -1 after a message. */
int floor_file(void);
/* Commits of `batch` messages of `message_bytes` for `duration_ns`; false: the disk failed. */
bool floor_sync(int fd, unsigned batch, unsigned message_bytes, uint64_t duration_ns,
                struct floor_sync *ret);

struct floor_loop_params {
    unsigned clients;      /* with `deliver`: half of them senders, half receivers */
    unsigned window;       /* frames that a sender has on the way, at most */
    double rate;           /* open loop: frames a second in all; 0: closed loop */
    unsigned frame_bytes;  /* what a sender sends; at least 16 */
    unsigned answer_bytes; /* what it gets back, and what a receiver says; at least 16 */
    bool deliver;          /* the frame goes on to a receiver, which acknowledges it */
    bool pipelined;        /* commits on a thread of their own, while the next frames are read */
    int commit_fd;         /* of floor_file(); -1: nothing is committed */
    uint64_t duration_ns;
};

struct floor_loop {
    double connect_s;      /* all connected, and one small frame exchanged by each */
    double messages_per_s; /* delivered or, without `deliver`, answered */
    double batch;          /* messages a commit, on average */
    double server_cpu_us;  /* a message */
    uint64_t skipped;      /* open loop: the window was full */
    struct mn_hist *hist;  /* due or sent to delivered (answered), ns; the caller's */
};

/* false after a message on standard error. */
bool floor_loop(const struct floor_loop_params *params, struct floor_loop *ret);

/* ---- private to floor_*.c ---- */

/* What the server process says when it ends. */
struct floor_server_stats {
    uint64_t frames;
    uint64_t commits;
    uint64_t cpu_ns; /* since the first frame */
};
/* First thing on a connection: who it is. */
struct floor_hello {
    uint32_t index;
    uint32_t pad;
    uint64_t zero;
};

/* Runs until `control_fd` has an end; writes its stats to `stats_fd`.  Returns its exit code. */
int floor_serve(const struct floor_loop_params *params, int listen_fd, int control_fd,
                int stats_fd);
/* All of it, waiting when the socket is full; false when the connection has gone. */
bool floor_write(int fd, const void *p, uint64_t n);

#endif
