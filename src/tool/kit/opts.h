/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_OPTS_H
#define MN_TOOL_KIT_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Command-line options of minim's commands: one table, which
 * parses, checks, knows what belongs to which command, and prints the help.
 * Strings point into argv.
 */

/* Commands as bits, so that an option can name those it belongs to. */
enum opts_cmd {
    CMD_SMOKE = 1u << 0,
    CMD_CONNECT = 1u << 1,
    CMD_PING = 1u << 2,
    CMD_SINGLE = 1u << 3,
    CMD_RECONNECT = 1u << 4,
    CMD_ACK = 1u << 5,
    CMD_MIXED = 1u << 6,
    CMD_GROUP = 1u << 7,
    CMD_LISTS = 1u << 8,
    CMD_FLOOR = 1u << 12, /* from here on out of the way of further modes */
    CMD_COMPARE = 1u << 13,
    CMD_PLOT = 1u << 14,
    CMD_VERIFY = 1u << 15,
    CMD_CHAT = CMD_SINGLE | CMD_ACK | CMD_MIXED, /* pairs that send messages */
    CMD_MESSAGES = CMD_CHAT | CMD_GROUP,
    /* Modes with connections. */
    CMD_BENCH = CMD_CONNECT | CMD_PING | CMD_MESSAGES | CMD_RECONNECT
};

enum opts_model { OPTS_MODEL_SPREAD = 0, OPTS_MODEL_BURST, OPTS_MODEL_POISSON };
enum opts_pairs { OPTS_PAIRS_EVEN = 0, OPTS_PAIRS_ZIPF };
enum opts_loopback { OPTS_LOOPBACK_OFF = 0, OPTS_LOOPBACK_MEMORY, OPTS_LOOPBACK_COMMIT };
enum opts_signal { OPTS_SIGNAL_TERM = 0, OPTS_SIGNAL_KILL };

#define OPTS_LIST_MAX 32
struct opts_list {
    const char *item[OPTS_LIST_MAX];
    size_t count;
};

struct opts {
    /* the server */
    struct opts_list ws;
    char default_ws[160]; /* ws: where nobody named one */
    const char *http;
    const char *jwt_secret;
    const char *issuer;
    bool login; /* tokens from POST /auth/login instead of signed ones */
    uint64_t pid;
    bool spawn;
    const char *minimd;
    const char *keep;   /* --spawn: its data directory, which stays */
    char **daemon_args; /* what follows "--" */
    size_t daemon_arg_count;
    /* the run */
    uint64_t user_base; /* 0: fresh */
    uint64_t clients;
    uint64_t duration_ns;
    uint64_t warmup_ns;
    uint64_t quiet_ns;   /* drain ends when nothing has come for so long */
    uint64_t drain_ns;   /* and at the latest after this */
    uint64_t timeout_ns; /* connect to AUTH_OK; a message without an answer */
    uint64_t seed;
    uint64_t threads;          /* 0: chosen by the cores */
    uint64_t source_addresses; /* 0: chosen by the clients */
    double ramp;               /* new connections a second; 0: no limit */
    bool reconnect;
    uint64_t backoff_base_ns;
    uint64_t backoff_max_ns;
    /* load */
    uint64_t inflight;
    double rate;          /* messages a second in all; 0: closed loop */
    uint64_t interval_ns; /* between two sends of one sender; 0: closed loop */
    int model;            /* enum opts_model */
    int pairs;            /* enum opts_pairs */
    uint64_t body_bytes;
    const char *profile;       /* bench mixed: a file; NULL: the built-in one */
    uint64_t http_connections; /* bench mixed */
    bool no_ack;
    uint64_t ack_every_ns; /* bench group: between two of a member; 0: each message */
    uint64_t chats;        /* bench lists */
    uint64_t page;
    uint64_t groups;
    uint64_t members; /* of each group */
    uint64_t senders; /* of each group */
    uint64_t online;  /* members of each group that connect; 0: all */
    double sample_pct;
    bool fill;                       /* write groups into the store instead of making them */
    uint64_t stored;                 /* messages of each group before the run; with fill */
    struct opts_list daemon_options; /* further options of the spawned daemon */
    int loopback;                    /* enum opts_loopback */
    bool role_pinned;
    /* faults of the clients */
    double flap_pct;
    uint64_t flap_interval_ns;
    double slow_pct;
    uint64_t slow_delay_ns;
    double no_read_pct;
    int kill_signal;   /* enum opts_signal, bench reconnect */
    uint64_t messages; /* the steady phase ends after so many saved ones; 0: by the clock */
    bool fit;          /* fewer clients where the descriptor limit is lower */
    /* output */
    const char *json;
    const char *html;
    const char *junit;         /* smoke */
    const char *svg;           /* bench plot: directory */
    const char *scenario_name; /* of the file that the options came from, or NULL */
    const char *scenario_path; /* and where that is */
    const char *title;         /* from that file */
    struct opts_list words;    /* arguments that are no options */
    struct opts_list gates;
    struct opts_list scenarios;
    uint64_t resend_wait_ns;
    const char *ledger; /* bench single-e2e writes it, verify reads it */
    /* verify */
    const char *data_dir;
    uint64_t examples;
    uint64_t memory_bytes;
};

/* Defaults of one command. */
void opts_init(struct opts *opts, enum opts_cmd cmd);
/*
 * Parses argv[1..argc).  On MN_EINVAL the message is in `why` (at least 200
 * bytes).  MN_ENOTFOUND: --help was asked for, nothing else was looked at.
 */
MN_MUSTCHECK enum mn_err opts_parse(struct opts *opts, enum opts_cmd cmd, int argc, char **argv,
                                    char *why, size_t why_cap);
/*
 * Sets one option, as a line of a scenario file does; a flag's value is
 * "true" or "false".  Errors as above.  `value` must live as long as `opts`.
 */
MN_MUSTCHECK enum mn_err opts_set(struct opts *opts, enum opts_cmd cmd, struct mn_str name,
                                  const char *value, char *why, size_t why_cap);
/* One line an option that `cmd` has, with its default. */
void opts_help(FILE *out, enum opts_cmd cmd);

/* "250us", "5ms", "2s", "1.5m", "1h"; a bare number is in seconds. */
MN_MUSTCHECK enum mn_err opts_duration(struct mn_str s, uint64_t *ret_ns);

#endif
