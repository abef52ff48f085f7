/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_URL_H
#define MN_TOOL_KIT_URL_H

#include <stddef.h>
#include <sys/socket.h>

#include "base/err.h"

/*
 * ws://host[:port][/path] and http://host[:port][/prefix].  IPv6 hosts in
 * brackets, or without: what follows their last colon is then the port if
 * that leaves an address.
 */
struct url {
    char host[128]; /* without brackets */
    char port[8];
    char authority[140]; /* host:port for Host headers and messages, with brackets where needed */
    char path[256];      /* with its leading slash; "/ws" for ws and "" for http when absent */
    struct sockaddr_storage addr;
    socklen_t addr_len;
};

/* Parses and looks the host up.  MN_EINVAL, MN_ENOTFOUND: `why` tells. */
MN_MUSTCHECK enum mn_err url_parse(const char *text, const char *scheme, struct url *ret, char *why,
                                   size_t why_cap);
/*
 * ws://HOST:9001/ws, HOST being that of the http address `http` (NULL:
 * 127.0.0.1), into `out`: where a gateway is that nobody named.
 */
const char *url_default_ws(const char *http, char *out, size_t cap);

#endif
