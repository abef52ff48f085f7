/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's address behind proxies.  X-Forwarded-For is read from its
 * right end: each trusted hop vouches for the entry it added, so the first
 * untrusted address from the right is the client's; what stands further to
 * the left anybody may have written.
 */
#include "api/client.h"

#include <arpa/inet.h>

#include "base/num.h"

bool mn_list_next(struct mn_str list, size_t *pos, struct mn_str *ret)
{
    if (*pos >= list.n)
        return false;
    const char *from = list.p + *pos;
    const char *comma = memchr(from, ',', list.n - *pos);
    size_t n = comma ? (size_t)(comma - from) : list.n - *pos;
    *pos += n + 1;
    *ret = mn_str_trim(mn_str_make(from, n));
    return true;
}

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const uint8_t addr[16])
{
    return memcmp(addr, v4_prefix, sizeof(v4_prefix)) == 0;
}

/* "1.2.3.4", "::1", and with a port "1.2.3.4:5", "[::1]:5". */
static bool parse_addr(struct mn_str s, uint8_t ret[16])
{
    char text[INET6_ADDRSTRLEN];
    const char *bracket = s.n > 0 && s.p[0] == '[' ? memchr(s.p, ']', s.n) : NULL;
    const char *colon = s.n > 0 ? memchr(s.p, ':', s.n) : NULL;
    const char *dot = s.n > 0 ? memchr(s.p, '.', s.n) : NULL;
    if (bracket)
        s = mn_str_make(s.p + 1, (size_t)(bracket - s.p) - 1);
    else if (colon && dot && dot < colon)
        s.n = (size_t)(colon - s.p);
    if (s.n == 0 || s.n >= sizeof(text))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    memcpy(ret, v4_prefix, sizeof(v4_prefix));
    return inet_pton(AF_INET, text, ret + 12) == 1 || inet_pton(AF_INET6, text, ret) == 1;
}

static enum mn_err add_net(struct mn_proxies *proxies, struct mn_str entry)
{
    uint64_t bits = 0;
    const char *slash = memchr(entry.p, '/', entry.n);
    struct mn_str addr = slash ? mn_str_make(entry.p, (size_t)(slash - entry.p)) : entry;
    if (proxies->count == MN_PROXIES_MAX)
        return MN_ELIMIT;
    uint8_t *to = proxies->net[proxies->count].addr;
    if (!parse_addr(addr, to))
        return MN_EINVAL;
    uint64_t most = is_v4(to) && !memchr(addr.p, ':', addr.n) ? 32 : 128;
    bits = most;
    if (slash) {
        struct mn_str text = mn_str_make(slash + 1, (size_t)(entry.p + entry.n - slash) - 1);
        if (mn_parse_u64(text, 0, most, &bits) != MN_OK)
            return MN_EINVAL;
    }
    proxies->net[proxies->count++].bits = (unsigned)(bits + (128 - most));
    return MN_OK;
}

enum mn_err mn_proxies_parse(struct mn_proxies *proxies, const char *list, struct mn_buf *why)
{
    struct mn_str entry;
    size_t pos = 0;
    proxies->count = 0;
    while (mn_list_next(mn_str_c(list), &pos, &entry)) {
        if (entry.n == 0)
            continue;
        enum mn_err err = add_net(proxies, entry);
        if (err != MN_OK) {
            mn_buf_addf(why, "trusted proxy \"%.*s\": %s", (int)entry.n, entry.p,
                        err == MN_ELIMIT ? "too many entries, at most 64"
                                         : "expected an address or a network such as 10.0.0.0/8");
            return err;
        }
    }
    return MN_OK;
}

bool mn_proxies_have(const struct mn_proxies *proxies, const uint8_t addr[16])
{
    for (unsigned i = 0; i < proxies->count; i++) {
        unsigned bits = proxies->net[i].bits, whole = bits / 8;
        const uint8_t *net = proxies->net[i].addr;
        if (memcmp(addr, net, whole) != 0)
            continue;
        if (bits % 8 == 0 || ((addr[whole] ^ net[whole]) >> (8 - bits % 8)) == 0)
            return true;
    }
    return false;
}

/* Entries of one header line from right to left, while the hop that added them is trusted. */
static bool walk_line(const struct mn_proxies *proxies, struct mn_str line, uint8_t addr[16])
{
    size_t end = line.n;
    for (;;) {
        const char *comma = end > 0 ? memrchr(line.p, ',', end) : NULL;
        size_t from = comma ? (size_t)(comma - line.p) + 1 : 0;
        uint8_t hop[16];
        if (!parse_addr(mn_str_trim(mn_str_make(line.p + from, end - from)), hop))
            return false;
        memcpy(addr, hop, sizeof(hop));
        if (!mn_proxies_have(proxies, addr))
            return false;
        if (!comma)
            return true;
        end = from - 1;
    }
}

static void walk_back(const struct mn_proxies *proxies, const struct mn_http_request *req,
                      uint8_t addr[16])
{
    bool forwarded = false, more = true;
    for (unsigned i = req->header_count; i > 0 && more; i--) {
        const struct mn_http_header *h = &req->headers[i - 1];
        if (!mn_str_eq_nocase(h->name, MN_STR("X-Forwarded-For")))
            continue;
        forwarded = true;
        more = walk_line(proxies, h->value, addr);
    }
    uint8_t real[16];
    if (!forwarded && parse_addr(mn_str_trim(mn_http_header(req, "X-Real-IP")), real))
        memcpy(addr, real, sizeof(real));
}

struct mn_client mn_client_of(const struct mn_proxies *proxies, const struct mn_http_request *req)
{
    struct mn_client client = {.n = 0};
    uint8_t addr[16];
    if (!parse_addr(mn_str_c(req->peer), addr))
        return client; /* not an IP socket: all of them are one client */
    if (mn_proxies_have(proxies, addr))
        walk_back(proxies, req, addr);
    client.n = is_v4(addr) ? 16 : 8;
    memcpy(client.key, addr, client.n);
    return client;
}
