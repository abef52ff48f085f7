/* SPDX-License-Identifier: Apache-2.0 */
/* Records of calls as one of the two sees them: see records.h.  Silent. */
#include "im/call/records.h"

#include "store/sql/call.h"

struct giver {
    int64_t user;
    mn_call_put put;
    void *arg;
};

static bool give(void *arg, const struct mn_call_record *record)
{
    const struct giver *giver = arg;
    bool is_outgoing = record->caller == giver->user;
    const struct mn_call_view view = {
        .id = record->id,
        .call = record->call,
        .peer = is_outgoing ? record->callee : record->caller,
        .is_outgoing = is_outgoing,
        .status = mn_str_c(mn_call_status_text(record->status)),
        .reason = record->reason[0] ? mn_str_c(record->reason) : MN_STR_NONE,
        .started_ms = record->started_ms,
        .accepted_ms = record->accepted_ms,
        .ended_ms = record->ended_ms,
        .duration_s = record->duration_s,
    };
    return giver->put(giver->arg, &view);
}

enum mn_err mn_call_records_before(const struct mn_call_records *records, int64_t user,
                                   int64_t before, unsigned limit, mn_call_put put, void *arg)
{
    struct giver giver = {user, put, arg};
    const struct mn_call_query query = {.user = user, .before = before, .limit = limit};
    return mn_db_calls(records->db, &query, give, &giver);
}

enum mn_err mn_call_records_page(const struct mn_call_records *records, int64_t user, int64_t skip,
                                 unsigned limit, mn_call_put put, void *arg, int64_t *ret_total)
{
    struct giver giver = {user, put, arg};
    const struct mn_call_query query = {
        .user = user, .before = INT64_MAX, .skip = (uint64_t)skip, .limit = limit};
    enum mn_err err = mn_db_call_count(records->db, user, ret_total);
    if (err || skip >= *ret_total)
        return err;
    return mn_db_calls(records->db, &query, give, &giver);
}
