/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_SPAWN_H
#define MN_TOOL_KIT_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * A minimd of our own on a temporary directory (--spawn).  Owner: main
 * thread.  Zeroed memory is a stopped one.
 */
struct spawn {
    pid_t pid;        /* 0: not running */
    const char *keep; /* its data directory, which stays; NULL: a temporary one */
    char dir[128];
    char log[160];   /* its standard error */
    char http[64];   /* http://127.0.0.1:PORT */
    char ws[64];     /* ws://127.0.0.1:PORT/ws */
    char secret[65]; /* of its tokens */
    char program[512];
    char **extra; /* further options, the caller's */
    size_t extra_count;
    const char *const *defaults; /* options before `extra`, NULL-terminated */
};

/* Options that take the limits away which a load test would run into. */
extern const char *const spawn_no_limits[];

/*
 * Starts the daemon and waits until it is ready; `minimd` NULL: the one
 * beside this program.  On failure a message with the end of its log is on
 * standard error, and everything is cleaned up.  MN_EINVAL: it did not take
 * its options, or `keep` is no empty directory.
 */
MN_MUSTCHECK enum mn_err spawn_start(struct spawn *spawn, const char *minimd);
/* Where its data are; `cap` 160 or more, or what `keep` needs. */
void spawn_data_dir(const struct spawn *spawn, char *out, size_t cap);
/* Ends it with a signal and waits; the directory stays. */
void spawn_kill(struct spawn *spawn, int signum);
/* Starts it again, same ports, same data. */
MN_MUSTCHECK enum mn_err spawn_again(struct spawn *spawn);
/*
 * SIGTERM, then SIGKILL after 10 s; removes the directory.  false when it
 * did not end cleanly: its log is then printed.
 */
bool spawn_stop(struct spawn *spawn);

#endif
