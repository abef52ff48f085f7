/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_NET_UPGRADE_H
#define MN_NET_UPGRADE_H

#include "net/http.h"

/* The table of W-1.2: what to do with a complete request. */
enum mn_upgrade {
    MN_UPGRADE_NONE = 0, /* not the WebSocket path: an ordinary request */
    MN_UPGRADE_OK,       /* 101, ret->accept */
    MN_UPGRADE_VERSION,  /* 426, the connection stays open */
    MN_UPGRADE_BAD       /* 400 with ret->why as its body, closed */
};

struct mn_upgrade_answer {
    char accept[29];
    char why[96];
};

enum mn_upgrade mn_upgrade_judge(const struct mn_http_request *req, struct mn_str ws_path,
                                 struct mn_upgrade_answer *ret);

#endif
