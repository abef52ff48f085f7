/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_BENCH_LOOPBACK_H
#define MN_TOOL_BENCH_LOOPBACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tool/kit/opts.h"

/*
 * `bench group --loopback`: in the place of a server a bare process that
 * speaks just enough of the protocol.  It keeps nothing, checks nothing, and
 * passes each message on to the other members: what then comes is what the
 * generator can take in.  With `commit` each turn's messages are written to a
 * file and synced first: what no durable server can avoid.
 */
struct loopback {
    pid_t pid; /* 0: not running */
    int control_fd;
    char ws[64];
    char secret[65]; /* of its clients' tokens */
};

/* Group g has the clients g * online and so on, whose users begin at `user_base`.  Main thread,
 * before any other is started; false after a message. */
bool loopback_start(struct loopback *loopback, const struct opts *opts, int64_t user_base);
/* Ends it; false: it had failed.  May be called on a zeroed one. */
bool loopback_stop(struct loopback *loopback);

/* loopback_serve.c, in the child: until `control_fd` has an end; its exit code. */
struct loopback_params {
    int listen_fd;
    int control_fd;
    int commit_fd; /* -1: nothing is committed */
    uint32_t online;
    uint32_t clients;
    int64_t user_base;
    const char *secret;
};
int loopback_serve(const struct loopback_params *params);

#endif
