/* SPDX-License-Identifier: Apache-2.0 */
/* Servers for media: see turn.h.  Any thread; silent. */
#include "im/call/turn.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

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

bool mn_ice_url_is_valid(struct mn_str url)
{
    for (size_t i = 0; i < url.n; i++)
        if ((unsigned char)url.p[i] <= ' ' || (unsigned char)url.p[i] >= 0x7f || url.p[i] == '"')
            return false;
    return kind_of(url) >= 0;
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
