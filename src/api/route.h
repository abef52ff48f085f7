/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_API_ROUTE_H
#define MN_API_ROUTE_H

#include "api/call.h"

/* The route of an exact path, or NULL. */
const struct mn_api_route *mn_api_route_find(struct mn_str path);
/* Whether the route takes that method; OPTIONS is not asked here. */
bool mn_api_route_takes(const struct mn_api_route *route, enum mn_http_method method);
/* For the Allow header; static text. */
const char *mn_api_route_allow(const struct mn_api_route *route);
/* Every route, for tests. */
const struct mn_api_route *mn_api_routes(unsigned *ret_count);

#endif
