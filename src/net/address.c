/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many connections each address has, over all loops.  An address is an
 * IPv4 address (also in its IPv6 form), or a network of 64 bits of IPv6: one
 * host has that many to choose from.  A mutex guards the table; it is taken
 * when a connection comes and when it goes.
 */
#include <arpa/inet.h>

#include "net/net_internal.h"

void mn_peer_set(uint8_t ret_peer[16], const struct sockaddr *addr)
{
    memset(ret_peer, 0, 16);
    if (addr->sa_family == AF_INET6) {
        memcpy(ret_peer, &((const struct sockaddr_in6 *)addr)->sin6_addr, 16);
    } else if (addr->sa_family == AF_INET) {
        memset(ret_peer + 10, 0xff, 2); /* ::ffff:a.b.c.d */
        memcpy(ret_peer + 12, &((const struct sockaddr_in *)addr)->sin_addr, 4);
    }
}

static bool is_v4(const uint8_t peer[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(peer, mapped, sizeof(mapped)) == 0;
}

void mn_peer_text(const uint8_t peer[16], char ret[64])
{
    const char *text = is_v4(peer) ? inet_ntop(AF_INET, peer + 12, ret, 64)
                                   : inet_ntop(AF_INET6, peer, ret, 64);
    if (text == NULL)
        ret[0] = '\0';
}

/* IPv4 behind a prefix that no host has (multicast). */
static uint64_t key_of(const uint8_t peer[16])
{
    uint32_t v4;
    uint64_t network;
    memcpy(&v4, peer + 12, sizeof(v4));
    memcpy(&network, peer, sizeof(network));
    return is_v4(peer) ? UINT64_C(0xffffffff) << 32 | v4 : network;
}

bool mn_address_enter(struct mn_net *net, const uint8_t peer[16], uint32_t limit)
{
    uint64_t key = key_of(peer), count = 0;
    pthread_mutex_lock(&net->addresses.lock);
    mn_ignore(mn_map_get(&net->addresses.count, key, &count));
    bool enters = (limit == 0 || count < limit) &&
                  mn_map_put(&net->addresses.count, key, count + 1) == MN_OK;
    pthread_mutex_unlock(&net->addresses.lock);
    return enters;
}

void mn_address_leave(struct mn_net *net, const uint8_t peer[16])
{
    uint64_t key = key_of(peer), count = 0;
    pthread_mutex_lock(&net->addresses.lock);
    MN_BUG_ON(!mn_map_get(&net->addresses.count, key, &count));
    if (count > 1)
        mn_ignore((long)mn_map_put(&net->addresses.count, key, count - 1)); /* it is there */
    else
        mn_ignore(mn_map_remove(&net->addresses.count, key));
    pthread_mutex_unlock(&net->addresses.lock);
}
