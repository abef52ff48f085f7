/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_API_CLIENT_H
#define MN_API_CLIENT_H

#include "base/buf.h"
#include "net/http.h"

/*
 * Who is asking, for call limits.  Forwarding headers are believed only
 * from configured proxies (H-6.1).
 */
#define MN_PROXIES_MAX 64

struct mn_proxies {
    unsigned count;
    struct {
        uint8_t addr[16]; /* IPv4 as ::ffff:a.b.c.d */
        unsigned bits;
    } net[MN_PROXIES_MAX];
};

/* Comma-separated addresses and networks. MN_EINVAL or MN_ELIMIT: `why` names the entry. */
MN_MUSTCHECK enum mn_err mn_proxies_parse(struct mn_proxies *proxies, const char *list,
                                          struct mn_buf *why);

/* Whether the address (IPv4 in its IPv6 form) is one of them. */
bool mn_proxies_have(const struct mn_proxies *proxies, const uint8_t addr[16]);

/* An IPv4 address, or an IPv6 network of 64 bits: one host has that many to choose from. */
struct mn_client {
    uint8_t key[16];
    size_t n;
};
struct mn_client mn_client_of(const struct mn_proxies *proxies, const struct mn_http_request *req);
static inline struct mn_str mn_client_str(const struct mn_client *client)
{
    return mn_str_make((const char *)client->key, client->n);
}

/* Next entry of a comma-separated list, trimmed; false at its end.  *pos starts as 0. */
bool mn_list_next(struct mn_str list, size_t *pos, struct mn_str *ret);

#endif
