/* SPDX-License-Identifier: Apache-2.0 */
/* From options to each part's configuration: see wire.h. Ranges were checked by the table. */
#include "app/wire.h"

#include <sys/resource.h>
#include <unistd.h>

static void listen_on(struct mn_net_config *net, const char *host, int64_t port)
{
    struct mn_net_listen *at = &net->listen[net->listen_count++];
    snprintf(at->host, sizeof(at->host), "%s", host);
    at->port = (uint16_t)port;
}

static unsigned loop_count(const struct mn_config *config)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t count = config->ws_worker_threads ? config->ws_worker_threads : cores;
    return (unsigned)(count < 1 ? 1 : count > 64 ? 64 : count);
}

/*
 * Connections must leave descriptors to the stores: a message log that cannot
 * open its next file refuses to write.
 */
static uint32_t connection_ceiling(const struct mn_config *config)
{
    enum { RESERVED = 256 };
    struct rlimit limit;
    uint64_t wanted = (uint64_t)config->ws_max_connections;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY)
        return (uint32_t)wanted;
    uint64_t reserved = limit.rlim_cur / 2 < RESERVED ? limit.rlim_cur / 2 : RESERVED;
    uint64_t most = limit.rlim_cur - reserved;
    return (uint32_t)(wanted < most ? wanted : most > 0 ? most : 1);
}

void mn_wire_net(const struct mn_config *config, struct mn_net_config *ret)
{
    *ret = (struct mn_net_config){
        .loops = loop_count(config),
        .max_connections = connection_ceiling(config),
        .max_connections_per_address = (uint32_t)config->ws_max_connections_per_address,
        .accept_rate = (uint32_t)config->ws_accept_rate,
        .accept_burst = (uint32_t)config->ws_accept_burst,
        .handshake_timeout_ms = (uint32_t)config->ws_handshake_timeout_ms,
        .http_idle_ms = (uint32_t)config->http_idle_ms,
        .reader_idle_ms = (uint32_t)config->ws_reader_idle_ms,
        .writer_idle_ms = (uint32_t)config->ws_writer_idle_ms,
        .ping_idle_ms = (uint32_t)config->ws_ping_idle_ms,
        .max_message = (uint32_t)config->ws_max_message,
        .http_max_request_line = 4096, /* W-1.2 */
        .http_max_headers = 8192,
        .http_max_body = (uint32_t)config->http_max_body,
        .control_rate = (uint32_t)config->ws_control_rate,
        .control_burst = (uint32_t)config->ws_control_burst,
        .low_watermark = (uint32_t)config->ws_low_watermark,
        .high_watermark = (uint32_t)config->ws_high_watermark,
        .close_unwritable_after_ms = config->ws_backpressure
                                         ? (int32_t)config->ws_close_unwritable_after_ms
                                         : -1,
        .max_queued_bytes = (uint64_t)config->ws_max_queued_bytes,
    };
    snprintf(ret->ws_path, sizeof(ret->ws_path), "%s", config->ws_path);
    listen_on(ret, config->server_address, config->server_port);
    listen_on(ret, config->ws_host, config->ws_port);
}

static enum mn_err load_filter(const struct mn_config *config, struct mn_filter **ret,
                               struct mn_buf *why)
{
    *ret = NULL;
    if (!config->filter_enabled)
        return MN_OK;
    if (config->filter_file[0])
        return mn_filter_load(config->filter_file, ret, why);
    *ret = mn_filter_new_builtin();
    return MN_OK;
}

enum mn_err mn_wire_gate(const struct mn_config *config, struct mn_gate_settings *ret,
                         struct mn_buf *why)
{
    *ret = (struct mn_gate_settings){
        .connection_rate = (uint32_t)config->ws_connection_rate,
        .connection_burst = (uint32_t)config->ws_connection_burst,
        .user_rate = (uint32_t)config->ws_user_rate,
        .user_burst = (uint32_t)config->ws_user_burst,
        .ice_rate = (uint32_t)config->ws_ice_rate,
        .ice_burst = (uint32_t)config->ws_ice_burst,
        .auth_rate = (uint32_t)config->ws_auth_rate,
        .auth_burst = (uint32_t)config->ws_auth_burst,
        .auth_timeout_ms = (uint32_t)config->ws_auth_timeout_ms,
        .expiry_grace_ms = (uint32_t)config->ws_expiry_grace_ms,
        .resend_window = (uint32_t)config->resend_window,
        .resend_delay_ms = (uint32_t)config->resend_delay_ms,
        .revoke_window_ms = (uint32_t)config->chat_revoke_window_s * 1000,
        .resend_after_auth = config->resend_after_auth,
        .resend_periodic = config->resend_periodic,
        .require_known_user = config->auth_require_known_user,
        .require_friendship = config->chat_require_friendship,
        .group_mode = config->group_mode,
        .group_size = (uint32_t)config->group_size,
        .group_online_users = (uint32_t)config->group_online_users,
        .group_notify_max = (uint32_t)config->group_notify_max,
        .group_huge_size = (uint32_t)config->group_huge_size,
    };
    return load_filter(config, &ret->filter, why);
}

void mn_wire_msglog(const struct mn_config *config, struct mn_msglog_config *ret)
{
    *ret = (struct mn_msglog_config){
        .sync = config->store_sync,
        .queue_ops = (uint32_t)config->store_queue_ops,
        .queue_bytes = (uint64_t)config->store_queue_bytes,
        .batch_ops = (uint32_t)config->store_batch_ops,
        .cursor_flush_ms = (uint32_t)config->ack_batch_window_ms,
        .cache_bytes = (uint64_t)config->store_cache_bytes,
        .memtable_bytes = (uint64_t)config->store_memtable_bytes,
        .chat_cache = (uint32_t)config->store_chat_cache,
        .recent_cache = (uint32_t)config->store_recent_cache,
    };
    /* The option's own ceiling leaves room for the name behind it. */
    mn_ignore(snprintf(ret->dir, sizeof(ret->dir), "%.3980s/messages", config->data_dir));
}

void mn_wire_calls(const struct mn_config *config, struct mn_calls_config *ret)
{
    ret->ring_timeout_ms = (uint32_t)config->call_ring_ms;
    ret->disconnect_grace_ms = (uint32_t)config->call_grace_ms;
    ret->max_active = (size_t)config->call_max_active;
    ret->queue_bytes = (size_t)config->call_queue_bytes;
}

void mn_wire_groups(const struct mn_config *config, struct mn_groups_config *ret)
{
    ret->code_len = (unsigned)config->code_group_len;
    ret->code_reset_cooldown_s = config->code_reset_cooldown_s;
    ret->max_members = (uint32_t)config->groups_max_members;
}

void mn_wire_account(const struct mn_config *config, struct mn_account_config *ret)
{
    ret->access_ttl_s = config->auth_access_ttl_s;
    ret->refresh_ttl_s = config->auth_refresh_ttl_s;
    ret->auto_register = config->auth_auto_register;
    ret->friend_code_len = (unsigned)config->code_friend_len;
    ret->code_reset_cooldown_s = config->code_reset_cooldown_s;
}

static void wire_client(const struct mn_config *config, struct mn_api_client_options *ret)
{
    /* The options' own ceilings are these. */
    mn_ignore(snprintf(ret->ice_servers, sizeof(ret->ice_servers), "%s", config->ice_servers));
    mn_ignore(
        snprintf(ret->turn_username, sizeof(ret->turn_username), "%s", config->turn_username));
    mn_ignore(snprintf(ret->turn_credential, sizeof(ret->turn_credential), "%s",
                       config->turn_credential));
    mn_ignore(snprintf(ret->turn_secret, sizeof(ret->turn_secret), "%s", config->turn_secret));
    ret->revoke_window_s = config->chat_revoke_window_s;
    ret->code_len = config->code_friend_len;
}

enum mn_err mn_wire_api(const struct mn_config *config, struct mn_api_options *ret,
                        struct mn_buf *why)
{
    mn_api_options_default(ret);
    ret->ratelimit_enabled = config->ratelimit_enabled;
    ret->limits[MN_API_RULE_READ_USER].max = (uint32_t)config->http_reads_per_user;
    ret->limits[MN_API_RULE_READ_ADDRESS].max = (uint32_t)config->http_reads_per_address;
    ret->cors_origins = config->http_cors_origins;
    ret->trusted_proxies = "";
    if (config->ratelimit_trust_forwarded)
        ret->trusted_proxies = config->http_trusted_proxies[0] ? config->http_trusted_proxies
                                                               : "127.0.0.0/8,::1";
    wire_client(config, &ret->client);
    return load_filter(config, &ret->filter, why);
}
