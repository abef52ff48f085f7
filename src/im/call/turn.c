/* SPDX-License-Identifier: Apache-2.0 */
/* Servers for media: see turn.h.  Any thread; silent. */
#include "im/call/turn.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

static const struct {
    struct mn_str prefix;
    bool relays;
} kinds[] = {
    {{"stun:", 5}, false}, {{"stuns:", 6}, false}, {{"turn:", 5}, true}, {{"turns:", 6}, true}};

static int kind_of(struct mn_str url)
{
    for (size_t i = 0; i < MN_ARRAY_LEN(kinds); i++)
        if (url.n > kinds[i].prefix.n && memcmp(url.p, kinds[i].prefix.p, kinds[i].prefix.n) == 0)
            return (int)i;
    return -1;
}

/* Up to the last colon, or the whole text; no port: 0. */
static bool split_port(struct mn_str text, struct mn_str *ret_host, uint64_t *ret_port)
{
    size_t n = text.n;
    while (n > 0 && text.p[n - 1] != ':' && text.p[n - 1] != ']')
        n--;
    *ret_host = text;
    *ret_port = 0;
    if (n == 0 || text.p[n - 1] == ']')
        return n == 0 || n == text.n;
    *ret_host = (struct mn_str){text.p, n - 1};
    return mn_parse_u64((struct mn_str){text.p + n, text.n - n}, 1, UINT16_MAX, ret_port) == MN_OK;
}

static bool is_ipv6(struct mn_str text)
{
    unsigned char address[sizeof(struct in6_addr)];
    char plain[INET6_ADDRSTRLEN];
    if (text.n >= sizeof(plain))
        return false;
    memcpy(plain, text.p, text.n);
    plain[text.n] = '\0';
    return inet_pton(AF_INET6, plain, address) == 1;
}

static bool is_host(struct mn_str host)
{
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        return is_ipv6((struct mn_str){host.p + 1, host.n - 2});
    for (size_t i = 0; i < host.n; i++)
        if (!isalnum((unsigned char)host.p[i]) && !strchr(".-_", host.p[i]))
            return false;
    return host.n > 0;
}

bool mn_ice_url_is_valid(struct mn_str url)
{
    int kind = kind_of(url);
    if (kind < 0 || memchr(url.p, '\0', url.n))
        return false;
    struct mn_str host = {url.p + kinds[kind].prefix.n, url.n - kinds[kind].prefix.n};
    const char *query = memchr(host.p, '?', host.n);
    if (query) {
        struct mn_str text = {query, (size_t)(host.p + host.n - query)};
        if (!kinds[kind].relays ||
            !(mn_str_is(text, "?transport=udp") || mn_str_is(text, "?transport=tcp")))
            return false;
        host.n -= text.n;
    }
    uint64_t port;
    return split_port(host, &host, &port) && is_host(host);
}

bool mn_ice_url_is_turn(struct mn_str url)
{
    int kind = kind_of(url);
    return kind >= 0 && kinds[kind].relays;
}

void mn_turn_login_make(struct mn_str secret, int64_t user, int64_t until_s,
                        struct mn_turn_login *ret)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    int len = snprintf(ret->username, sizeof(ret->username), "%lld:%lld", (long long)until_s,
                       (long long)user);
    if (!HMAC(EVP_sha1(), secret.p, (int)secret.n, (const unsigned char *)ret->username,
              (size_t)len, sum, &n))
        n = 0;
    (void)EVP_EncodeBlock((unsigned char *)ret->credential, sum,
                          (int)n); /* 28 characters of 20 bytes */
}
