/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_CALL_RECORDS_H
#define MN_IM_CALL_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * The calls in which a user had a part, newest first, as he sees them
 * (H-7.10).  Blocks on the store: workers only, any number at once.  Errors
 * are the store's.
 */
struct mn_call_records {
    struct mn_db *db; /* outlives it */
};

struct mn_call_view {
    int64_t id, call; /* the record's, and the call's */
    int64_t peer;
    bool is_outgoing;
    struct mn_str status; /* "RINGING" and so on */
    struct mn_str reason; /* why it ended; absent: none.  Valid during the callback */
    int64_t started_ms, accepted_ms, ended_ms; /* Unix; 0: not, or not yet */
    int32_t duration_s;                        /* negative: never accepted */
};
/* Return false to stop. */
typedef bool (*mn_call_put)(void *arg, const struct mn_call_view *call);

/* Those with ids below `before` (INT64_MAX: all). */
MN_MUSTCHECK enum mn_err mn_call_records_before(const struct mn_call_records *records, int64_t user,
                                                int64_t before, unsigned limit, mn_call_put put,
                                                void *arg);
/* Those behind the first `skip`; *ret_total: how many there are in all. */
MN_MUSTCHECK enum mn_err mn_call_records_page(const struct mn_call_records *records, int64_t user,
                                              int64_t skip, unsigned limit, mn_call_put put,
                                              void *arg, int64_t *ret_total);

#endif
