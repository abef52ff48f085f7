/* SPDX-License-Identifier: Apache-2.0 */
/* From options to a part's settings: see settings.h.  Ranges were checked by the table. */
#include "app/settings.h"

#include <sys/resource.h>
#include <unistd.h>

static unsigned loop_count(unsigned wanted)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t count = wanted > 0 ? wanted : cores;
    return (unsigned)(count < 1 ? 1 : count > 64 ? 64 : count);
}

/*
 * Connections must leave descriptors to the stores: a message log that cannot
 * open its next file refuses to write.
 */
static uint32_t connection_ceiling(uint32_t wanted)
{
    enum { RESERVED = 256 };
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY)
        return wanted;
    uint64_t reserved = limit.rlim_cur / 2 < RESERVED ? limit.rlim_cur / 2 : RESERVED;
    uint64_t most = limit.rlim_cur - reserved;
    return wanted < most ? wanted : most > 0 ? (uint32_t)most : 1;
}

struct mn_net_config mn_settings_net(const struct mn_config *config)
{
    struct mn_net_config net = config->net;
    net.loops = loop_count(net.loops);
    net.listen_count = 2;
    net.max_connections = connection_ceiling(net.max_connections);
    net.http_max_request_line = 4096; /* W-1.2 */
    net.http_max_headers = 8192;
    if (!config->closes_congested)
        net.close_unwritable_after_ms = -1;
    return net;
}

static enum mn_err load_filter(const struct mn_config_filter *config, struct mn_filter **ret,
                               struct mn_buf *why)
{
    *ret = NULL;
    if (!config->enabled)
        return MN_OK;
    if (config->file[0])
        return mn_filter_load(config->file, ret, why);
    *ret = mn_filter_new_builtin();
    return MN_OK;
}

enum mn_err mn_settings_gate(const struct mn_config *config, struct mn_gate_settings *ret,
                             struct mn_buf *why)
{
    *ret = config->gate;
    ret->revoke_window_ms = (uint32_t)config->client.revoke_window_s * 1000;
    return load_filter(&config->filter, &ret->filter, why);
}

struct mn_msglog_config mn_settings_msglog(const struct mn_config *config)
{
    struct mn_msglog_config msglog = config->msglog;
    /* The option's own ceiling leaves room for the name behind it. */
    mn_ignore(
        snprintf(msglog.dir, sizeof(msglog.dir), "%.3980s/messages", config->process.data_dir));
    return msglog;
}

struct mn_groups_config mn_settings_groups(const struct mn_config *config)
{
    struct mn_groups_config groups = config->groups;
    groups.code_reset_cooldown_s = config->account.code_reset_cooldown_s;
    return groups;
}

enum mn_err mn_settings_api(const struct mn_config *config, struct mn_api_options *ret,
                            struct mn_buf *why)
{
    const struct mn_config_http *http = &config->http;
    *ret = (struct mn_api_options){
        .ratelimit_enabled = http->ratelimit_enabled,
        .cors_origins = http->cors_origins,
        .trusted_proxies = "",
        .client = config->client,
    };
    mn_api_limits_default(ret->limits);
    ret->limits[MN_API_RULE_READ_USER].max = http->reads_per_user;
    ret->limits[MN_API_RULE_READ_ADDRESS].max = http->reads_per_address;
    if (http->trust_forwarded)
        ret->trusted_proxies = http->trusted_proxies[0] ? http->trusted_proxies : "127.0.0.0/8,::1";
    ret->client.code_len = config->account.friend_code_len;
    return load_filter(&config->filter, &ret->filter, why);
}
