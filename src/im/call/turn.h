/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_CALL_TURN_H
#define MN_IM_CALL_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * What a client needs for media: servers for ICE, and how to log in to them.
 * minim carries no media.
 */

/*
 * Whether browsers take it (RFC 7064, 7065): "stun:", "stuns:", "turn:" or "turns:", a name or an
 * address (IPv6 in brackets), perhaps a port; of the last two ?transport=udp or tcp may follow.
 */
bool mn_ice_url_is_valid(struct mn_str url);
/* Whether the server asks for a login: it relays. */
bool mn_ice_url_is_turn(struct mn_str url);

struct mn_turn_login {
    char username[64], credential[64];
};
/*
 * A login for a user until `until_s` (Unix seconds), as TURN servers that
 * share a secret check it (draft-uberti-behave-turn-rest-00; coturn's
 * use-auth-secret): the time and the user, and the HMAC-SHA1 of that.
 */
void mn_turn_login_make(struct mn_str secret, int64_t user, int64_t until_s,
                        struct mn_turn_login *ret);

#endif
