/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What type and limits cannot say about an option, and what must hold
 * between options.  Lists are parsed by those who use them, so that
 * --check-config and the start agree.  Silent.
 */
#include "app/options_impl.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>

#include "api/client.h"
#include "api/origin.h"
#include "api/route.h"
#include "base/mem.h"
#include "im/call/turn.h"
#include "im/text/filter.h"
#include "proto/jwt.h"

/* Of what can only be an address: no name has a colon, or digits and dots alone. */
static bool is_well_formed(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    char plain[MN_CONFIG_NAME];

    if (!strchr(host, ':'))
        return host[strspn(host, "0123456789.")] != '\0' || inet_pton(AF_INET, host, address) == 1;
    snprintf(plain, sizeof plain, "%.*s", (int)strcspn(host, "%"),
             host); /* without its interface */
    return inet_pton(AF_INET6, plain, address) == 1;
}

/* An address or a name; whether it exists is found out when it is bound. */
bool mn_option_check_host(const char *value, struct mn_buf *problem)
{
    for (const char *c = value; *c; c++)
        if (!((*c >= '0' && *c <= '9') || ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z') ||
              strchr(".:-_%", *c))) {
            mn_buf_add_z(problem, "expected address or host name such as 0.0.0.0, :: or localhost");
            return false;
        }
    if (!is_well_formed(value)) {
        mn_buf_add_z(problem, "expected an address of IPv4 or IPv6, such as 127.0.0.1 or ::1");
        return false;
    }
    return true;
}

bool mn_option_check_ws_path(const char *value, struct mn_buf *problem)
{
    size_t n = strlen(value);

    for (const char *c = value; *c; c++)
        if (*c <= 0x20 || *c >= 0x7f || *c == '?' || *c == '#')
            n = 0;
    if (n >= 2 && mn_api_route_find(mn_str_c(value))) {
        mn_buf_add_z(problem, "expected another path: the API serves this one");
        return false;
    }
    if (n >= 2 && value[0] == '/' && value[n - 1] != '/')
        return true;
    mn_buf_add_z(problem,
                 "expected path that begins with '/' and does not end with it, such as /ws");
    return false;
}

bool mn_option_check_secret(const char *value, struct mn_buf *problem)
{
    if (value[0] == '\0' || strlen(value) >= MN_JWT_SECRET_MIN)
        return true;
    mn_buf_addf(problem, "expected at least %d bytes, or nothing to have one made",
                MN_JWT_SECRET_MIN);
    return false;
}

bool mn_option_check_proxies(const char *value, struct mn_buf *problem)
{
    struct mn_proxies *proxies = mn_new(struct mn_proxies);
    bool good = mn_proxies_parse(proxies, value, problem) == MN_OK;

    mn_free(proxies);
    return good;
}

bool mn_option_check_ice(const char *value, struct mn_buf *problem)
{
    struct mn_str url;
    size_t pos = 0;
    while (mn_list_next(mn_str_c(value), &pos, &url)) {
        if (url.n == 0 || mn_ice_url_is_valid(url))
            continue;
        mn_buf_add_z(problem, "expected stun:, stuns:, turn: or turns: and a host, such as "
                              "stun:stun.example.org:3478 or "
                              "turn:turn.example.org:3478?transport=udp");
        return false;
    }
    return true;
}

bool mn_option_check_origins(const char *value, struct mn_buf *problem)
{
    struct mn_origins *origins = mn_new(struct mn_origins);
    bool good = mn_origins_parse(origins, value, problem) == MN_OK;

    mn_free(origins);
    return good;
}

/* A rule of POSIX: a name of letters or <...>, then an offset, as in CET-1CEST,M3.5.0,M10.5.0/3. */
static bool is_zone_rule(const char *value)
{
    size_t letters = 0;

    while ((value[letters] | 0x20) >= 'a' && (value[letters] | 0x20) <= 'z')
        letters++;
    const char *offset = letters >= 3      ? value + letters
                         : value[0] == '<' ? strchr(value, '>')
                                           : NULL;
    if (offset && *offset == '>')
        offset++;
    if (offset && (*offset == '+' || *offset == '-'))
        offset++;
    return offset && *offset >= '0' && *offset <= '9';
}

/* A file of the zone database, by what it begins with: directories and tables lie there too. */
static bool is_zone_file(const char *path)
{
    char head[4];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return false;
    bool good = read(fd, head, sizeof head) == sizeof head && memcmp(head, "TZif", 4) == 0;
    close(fd);
    return good;
}

static bool is_zone_name(const char *value)
{
    char path[MN_CONFIG_NAME + 64];

    if (strcmp(value, "UTC") == 0 || is_zone_rule(value))
        return true;
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%.256s", value);
    return value[0] != '/' && !strstr(value, "..") && is_zone_file(path);
}

bool mn_options_is_zone(const char *tz)
{
    if (tz[0] == ':')
        tz++;
    return tz[0] == '\0' || (tz[0] == '/' ? is_zone_file(tz) : is_zone_name(tz));
}

/* The C library takes an unknown zone for UTC without a word, which would shift every date. */
bool mn_option_check_zone(const char *value, struct mn_buf *problem)
{
    if (value[0] == '\0' || is_zone_name(value))
        return true;
    mn_buf_add_z(problem,
                 "expected zone of /usr/share/zoneinfo such as Asia/Shanghai, or a rule such as "
                 "CET-1CEST,M3.5.0,M10.5.0/3");
    return false;
}

bool mn_option_check_filter_file(const char *value, struct mn_buf *problem)
{
    struct mn_filter *filter = NULL;
    bool good = value[0] == '\0' || mn_filter_load(value, &filter, problem) == MN_OK;

    mn_filter_free(filter);
    return good;
}

/* One line an unmet condition. */
static bool hold(bool condition, struct mn_buf *why, const char *text)
{
    if (!condition)
        mn_buf_addf(why, "%s\n", text);
    return condition;
}

/* Browsers refuse all servers, and with them every call, when one that relays has no login. */
static bool has_turn_login(const struct mn_config *c)
{
    struct mn_str url;
    size_t pos = 0;
    if (c->client.turn_secret[0] || (c->client.turn_username[0] && c->client.turn_credential[0]))
        return true;
    while (mn_list_next(mn_str_c(c->client.ice_servers), &pos, &url))
        if (mn_ice_url_is_turn(url))
            return false;
    return true;
}

bool mn_options_check_together(const struct mn_config *c, struct mn_buf *why)
{
    bool same_host = strcmp(c->net.listen[MN_LISTEN_API].host, c->net.listen[MN_LISTEN_WS].host) ==
                     0;
    bool good = true;
    uint64_t high = c->net.high_watermark;

    good &= hold(c->net.low_watermark < c->net.high_watermark, why,
                 "im.gateway.ws.backpressure.write-buffer-low-water-mark-bytes: expected less than "
                 "im.gateway.ws.backpressure.write-buffer-high-water-mark-bytes");
    good &= hold(c->net.max_queued_bytes >= 2 * high, why,
                 "im.gateway.ws.max-queued-bytes: expected at least twice "
                 "im.gateway.ws.backpressure.write-buffer-high-water-mark-bytes");
    good &= hold(c->net.max_message <= 2 * high, why,
                 "im.gateway.ws.max-message: expected at most twice "
                 "im.gateway.ws.backpressure.write-buffer-high-water-mark-bytes, or no recipient "
                 "could get such a message");
    good &= hold(c->net.writer_idle_ms <= c->net.reader_idle_ms, why,
                 "im.gateway.ws.writer-idle-ms: expected at most im.gateway.ws.reader-idle-ms: "
                 "the answer to its PING keeps quiet clients connected");
    good &= hold(c->msglog.queue_bytes >= c->net.max_message, why,
                 "minim.store.queue-bytes: expected at least im.gateway.ws.max-message");
    good &= hold(c->msglog.batch_ops <= c->msglog.queue_ops, why,
                 "minim.store.batch-ops: expected at most minim.store.queue-ops");
    good &= hold(!same_host || c->net.listen[MN_LISTEN_API].port == 0 ||
                     c->net.listen[MN_LISTEN_API].port != c->net.listen[MN_LISTEN_WS].port,
                 why,
                 "im.gateway.ws.port: expected another port than server.port on the same address");
    good &= hold(c->account.access_ttl_s <= c->account.refresh_ttl_s, why,
                 "im.auth.access-token-ttl-seconds: expected at most "
                 "im.auth.refresh-token-ttl-seconds");
    good &= hold(has_turn_login(c), why,
                 "minim.call.ice-servers: expected minim.call.turn-secret, or "
                 "minim.call.turn-username and minim.call.turn-credential, with a turn: server");
    return good;
}
