/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations of a ledger over HTTP. */
#include "tool/verify.h"

enum mn_err mn_verify_http(struct mn_verify_report *report, const char *url,
                           const struct mn_jwt_key *key, const char *ledger, uint64_t memory_bytes,
                           struct mn_buf *why)
{
    (void)report, (void)url, (void)key, (void)ledger, (void)memory_bytes;
    mn_buf_add_z(why, "--http: not there yet");
    return MN_EINVAL;
}
