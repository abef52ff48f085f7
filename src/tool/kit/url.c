/* SPDX-License-Identifier: Apache-2.0 */
/* Server addresses of the tool.  Blocks in the resolver; main thread, before a run. */
#include "tool/kit/url.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"

/* Copies `s`, which must fit with its NUL. */
static bool copy(char *out, size_t cap, struct mn_str s)
{
    if (s.n >= cap)
        return false;
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}

static bool is_v6(struct mn_str host)
{
    char text[INET6_ADDRSTRLEN + 1];
    struct in6_addr addr;
    return copy(text, sizeof text, host) && inet_pton(AF_INET6, text, &addr) == 1;
}

/* Length of the host without brackets at `p`: up to its port, or all there is. */
static size_t bare_host(const char *p)
{
    size_t all = strcspn(p, "/");
    const char *first = memchr(p, ':', all), *last = memrchr(p, ':', all);
    if (!first || first == last)
        return first ? (size_t)(first - p) : all;
    size_t n = (size_t)(last - p); /* several colons: an IPv6 address */
    return is_v6(mn_str_make(p, n)) || !is_v6(mn_str_make(p, all)) ? n : all;
}

/* host or [host], then :port; returns what follows, or NULL. */
static const char *parse_host(const char *p, struct url *ret)
{
    size_t n;
    struct mn_str host;
    if (*p == '[') {
        n = strcspn(p, "]");
        if (p[n] != ']')
            return NULL;
        host = mn_str_make(p + 1, n - 1);
        n++;
    } else {
        n = bare_host(p);
        host = mn_str_make(p, n);
    }
    if (host.n == 0 || !copy(ret->host, sizeof ret->host, host))
        return NULL;
    p += n;
    if (*p != ':')
        return *p == '\0' || *p == '/' ? p : NULL;
    p++;
    uint64_t port;
    n = strcspn(p, "/");
    if (mn_parse_u64(mn_str_make(p, n), 1, 65535, &port) != MN_OK)
        return NULL;
    snprintf(ret->port, sizeof ret->port, "%u", (unsigned)port);
    return p + n;
}

static void print_authority(struct url *url)
{
    bool v6 = strchr(url->host, ':') != NULL;
    snprintf(url->authority, sizeof url->authority, v6 ? "[%s]:%s" : "%s:%s", url->host, url->port);
}

const char *url_default_ws(const char *http, char *out, size_t cap)
{
    static const char scheme[] = "http://";
    struct url url = {.host = "127.0.0.1"};
    if (http && strncmp(http, scheme, sizeof scheme - 1) == 0 &&
        !parse_host(http + sizeof scheme - 1, &url))
        snprintf(url.host, sizeof url.host, "127.0.0.1"); /* --http itself is refused elsewhere */
    snprintf(url.port, sizeof url.port, "9001");
    print_authority(&url);
    snprintf(out, cap, "ws://%s/ws", url.authority);
    return out;
}

static enum mn_err look_up(struct url *url, char *why, size_t why_cap)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(url->host, url->port, &hints, &found);
    if (rc != 0) {
        snprintf(why, why_cap, "%s: %s", url->host, gai_strerror(rc));
        return MN_ENOTFOUND;
    }
    memcpy(&url->addr, found->ai_addr, found->ai_addrlen);
    url->addr_len = found->ai_addrlen;
    freeaddrinfo(found);
    return MN_OK;
}

enum mn_err url_parse(const char *text, const char *scheme, struct url *ret, char *why,
                      size_t why_cap)
{
    struct url url = {0};
    bool ws = strcmp(scheme, "ws") == 0;
    size_t n = strlen(scheme);
    snprintf(url.port, sizeof url.port, "%s", ws ? "9001" : "8080");
    const char *rest = NULL;
    if (strncmp(text, scheme, n) == 0 && strncmp(text + n, "://", 3) == 0)
        rest = parse_host(text + n + 3, &url);
    if (rest && ws && *rest == '\0')
        rest = "/ws";
    if (rest && !ws && strcmp(rest, "/") == 0)
        rest = "";
    if (!rest || strpbrk(rest, " \r\n") || !copy(url.path, sizeof url.path, mn_str_c(rest))) {
        snprintf(why, why_cap, "\"%.80s\" is no address: expected %s://HOST:PORT%s", text, scheme,
                 ws ? "/ws" : "");
        return MN_EINVAL;
    }
    print_authority(&url);
    enum mn_err err = look_up(&url, why, why_cap);
    if (!err)
        *ret = url;
    return err;
}
