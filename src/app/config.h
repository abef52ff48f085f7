/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_APP_CONFIG_H
#define MN_APP_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "api/api.h"
#include "base/log.h"
#include "gate/gate.h"
#include "im/account/account.h"
#include "im/call/calls.h"
#include "im/group/groups.h"
#include "net/net.h"
#include "store/log/msglog.h"

/*
 * Every option's value, in the struct of the part that takes it: the parts'
 * own ones where an option is a field of theirs.  Names, defaults, limits and
 * meanings are in one place, the table in options_table.c, which
 * `minimd --help` prints; what is derived from several options, or goes to
 * several parts, is settings.h's.
 *
 * An assignment copies it whole, so that nobody needs to know how long
 * another copy lives: options set no pointers, and what the parts' structs
 * have of these is filled in where a part is made.  Lists are comma-separated
 * text.
 */
#define MN_CONFIG_NAME 256
#define MN_CONFIG_PATH 4000
#define MN_CONFIG_SECRET 1024
#define MN_CONFIG_LIST 4096

/* Places in net.listen. */
enum { MN_LISTEN_API = 0, MN_LISTEN_WS };

struct mn_config_process {
    char data_dir[MN_CONFIG_PATH];
    char time_zone[MN_CONFIG_NAME]; /* "": the system's */
    bool core_dumps;
    unsigned workers;
    uint32_t worker_queue;
    unsigned datacenter;
    int32_t worker; /* of ids; negative: chosen */
    enum mn_log_level log_level;
    enum mn_log_format log_format;
    bool metrics_enabled;
    uint32_t shutdown_spread_ms, shutdown_timeout_ms;
};

struct mn_config_http {
    bool ratelimit_enabled;
    bool trust_forwarded;
    uint32_t reads_per_user, reads_per_address; /* a minute; 0: not limited */
    char trusted_proxies[MN_CONFIG_LIST];       /* "": those of this machine */
    char cors_origins[MN_CONFIG_LIST];
};

struct mn_config_auth {
    char issuer[MN_CONFIG_NAME];
    char jwt_secret[MN_CONFIG_SECRET]; /* "": one is made and kept in the data directory */
};

struct mn_config_filter {
    bool enabled;
    char file[MN_CONFIG_PATH]; /* "": the built-in list */
};

struct mn_config {
    struct mn_config_process process;
    struct mn_config_http http;
    struct mn_config_auth auth;
    struct mn_config_filter filter;
    bool closes_congested; /* false: net.close_unwritable_after_ms counts for nothing */
    size_t roster_bytes;
    struct mn_net_config net; /* loops 0: as many as cores */
    struct mn_gate_settings gate;
    struct mn_msglog_config msglog;
    struct mn_account_config account;
    struct mn_groups_config groups;
    struct mn_calls_config calls;
    struct mn_api_client_options client;
};

#endif
