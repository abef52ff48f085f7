/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_API_ENDPOINT_GROUP_JSON_H
#define MN_API_ENDPOINT_GROUP_JSON_H

#include "api/call.h"
#include "api/limit.h"
#include "im/group/groups.h"

/* What group.c and group_join.c share. */

/*
 * A field that must be a positive id; answered with `missing` when it is not
 * there, with `bad` when it is no such id.
 */
bool mn_api_group_id(struct mn_api_call *call, const char *name, const char *missing,
                     const char *bad, int64_t *ret);
/* The same of a query parameter: without it, 400 missing_parameter. */
bool mn_api_group_query_id(struct mn_api_call *call, const char *name, int64_t *ret);
/* Counts the call for its user; true when answered. */
bool mn_api_group_limited(struct mn_api_call *call, enum mn_api_rule rule);

#endif
