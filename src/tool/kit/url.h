/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_URL_H
#define MN_TOOL_KIT_URL_H

#include <stddef.h>
#include <sys/socket.h>

#include "base/err.h"

/* ws://host[:port][/path] and http://host[:port][/prefix]; IPv6 hosts in brackets. */
struct url {
    char host[128];
    char port[8];
    char path[256]; /* with its leading slash; "/ws" for ws and "" for http when absent */
    struct sockaddr_storage addr;
    socklen_t addr_len;
};

/* Parses and looks the host up.  MN_EINVAL, MN_ENOTFOUND: `why` tells. */
MN_MUSTCHECK enum mn_err url_parse(const char *text, const char *scheme, struct url *ret, char *why,
                                   size_t why_cap);

#endif
