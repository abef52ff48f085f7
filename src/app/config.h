/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_APP_CONFIG_H
#define MN_APP_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "im/group/strategy.h"

/*
 * Every option's value.  Names, defaults, limits and meanings are in one
 * place, the table in options_table.c, which `minimd --help` prints.
 *
 * Holds no pointers: an assignment copies it whole, so that nobody needs to
 * know how long another copy lives.  Lists are comma-separated text.
 */
#define MN_CONFIG_NAME 256
#define MN_CONFIG_PATH 4000
#define MN_CONFIG_SECRET 1024
#define MN_CONFIG_LIST 4096

struct mn_config {
    /* server.*: the API's port */
    char server_address[MN_CONFIG_NAME];
    int64_t server_port;

    /* minim.* */
    char data_dir[MN_CONFIG_PATH];
    char time_zone[MN_CONFIG_NAME]; /* "": the system's */
    int64_t workers;
    int64_t worker_queue;

    /* im.gateway.ws.* */
    char ws_host[MN_CONFIG_NAME];
    int64_t ws_port;
    char ws_path[MN_CONFIG_NAME];
    int64_t ws_worker_threads; /* 0: as many as cores */
    int64_t ws_max_message;
    int64_t ws_max_connections;
    int64_t ws_max_connections_per_address;
    int64_t ws_max_queued_bytes;
    int64_t ws_accept_rate;
    int64_t ws_accept_burst;
    int64_t ws_auth_rate;
    int64_t ws_auth_burst;
    int64_t ws_handshake_timeout_ms;
    int64_t ws_auth_timeout_ms;
    int64_t ws_reader_idle_ms;
    int64_t ws_writer_idle_ms;
    int64_t ws_ping_idle_ms;
    int64_t ws_expiry_grace_ms;
    int64_t ws_connection_rate;
    int64_t ws_connection_burst;
    int64_t ws_user_rate;
    int64_t ws_user_burst;
    int64_t ws_ice_rate;
    int64_t ws_ice_burst;
    int64_t ws_control_rate;
    int64_t ws_control_burst;
    bool ws_backpressure;
    int64_t ws_low_watermark;
    int64_t ws_high_watermark;
    int64_t ws_close_unwritable_after_ms; /* negative: never */

    /* im.gateway.ws.ack.*, im.gateway.ws.resend.*, im.cron.resend.* */
    int64_t ack_batch_window_ms;
    enum mn_group_mode group_mode;
    int64_t group_size, group_online_users, group_notify_max, group_huge_size;
    int64_t roster_bytes;
    int64_t groups_max_members;
    bool resend_after_auth;
    int64_t resend_window;
    bool resend_periodic;
    int64_t resend_delay_ms;

    /* minim.call.* */
    int64_t call_ring_ms;
    int64_t call_grace_ms;
    int64_t call_max_active;
    int64_t call_queue_bytes;
    char ice_servers[MN_CONFIG_LIST];
    char turn_username[MN_CONFIG_NAME];
    char turn_credential[MN_CONFIG_SECRET];
    char turn_secret[MN_CONFIG_SECRET];

    /* im.auth.* */
    char auth_issuer[MN_CONFIG_NAME];
    char auth_jwt_secret[MN_CONFIG_SECRET]; /* "": one is made and kept in the data directory */
    int64_t auth_access_ttl_s;
    int64_t auth_refresh_ttl_s;
    bool auth_require_known_user;
    bool auth_auto_register;

    /* im.chat.* */
    bool chat_require_friendship;
    int64_t chat_revoke_window_s;

    /* im.ratelimit.*, minim.http.* */
    bool ratelimit_enabled;
    bool ratelimit_trust_forwarded;
    int64_t http_reads_per_user; /* a minute; 0: not limited */
    int64_t http_reads_per_address;
    char http_trusted_proxies[MN_CONFIG_LIST];
    char http_cors_origins[MN_CONFIG_LIST];
    int64_t http_max_body;
    int64_t http_idle_ms;

    /* im.code.*, im.id.* */
    int64_t code_friend_len;
    int64_t code_group_len;
    int64_t code_reset_cooldown_s;
    int64_t id_datacenter;
    int64_t id_worker; /* negative: chosen */

    /* minim.filter.* */
    bool filter_enabled;
    char filter_file[MN_CONFIG_PATH]; /* "": the built-in list */

    /* minim.store.* */
    bool core_dumps;
    bool store_sync;
    int64_t store_queue_ops;
    int64_t store_queue_bytes;
    int64_t store_batch_ops;
    int64_t store_cache_bytes;
    int64_t store_memtable_bytes;
    int64_t store_chat_cache;
    int64_t store_recent_cache;

    /* minim.log.*, minim.metrics.*, minim.shutdown.* */
    enum mn_log_level log_level;
    enum mn_log_format log_format;
    bool metrics_enabled;
    int64_t shutdown_spread_ms;
    int64_t shutdown_timeout_ms;
};

#endif
