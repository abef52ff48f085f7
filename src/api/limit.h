/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_API_LIMIT_H
#define MN_API_LIMIT_H

#include "api/call.h"

/*
 * Call limits (H-6.1).  A rule's numbers are options,
 * what it counts is told by whoever hits it; a route names the rules that
 * may count its calls.  Any thread.
 */

/* Counts the call; seconds until it may be repeated, 0 = allowed. `a` or `b` may be absent. */
uint32_t mn_api_limit_hit(struct mn_api_call *call, enum mn_api_rule rule, struct mn_str a,
                          struct mn_str b);
/* True when `retry_s` is not 0: answered with 429. */
bool mn_api_limited(struct mn_api_call *call, uint32_t retry_s);
/* Counts a read of call->user, or of the address as long as there is none; true when answered. */
bool mn_api_read_limited(struct mn_api_call *call);
/* What the rule counts, with its default: "5 for an address and name". */
const char *mn_api_rule_doc(enum mn_api_rule rule);

#endif
