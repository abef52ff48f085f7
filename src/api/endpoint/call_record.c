/* SPDX-License-Identifier: Apache-2.0 */
/* GET /call/record/...: the calls in which the caller had a part (H-7.10). */
#include "api/endpoint/handlers.h"
#include "api/endpoint/message_json.h"
#include "api/input.h"
#include "store/sql/call.h"

struct printer {
    struct mn_jout *out;
    int64_t user;
};

static bool print_record(void *arg, const struct mn_call_record *record)
{
    const struct printer *printer = arg;
    struct mn_jout *out = printer->out;
    bool called = record->caller == printer->user;
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "id", record->id);
    mn_jout_id(out, "callId", record->call);
    mn_jout_id(out, "peerUserId", called ? record->callee : record->caller);
    mn_jout_str(out, "direction", called ? MN_STR("OUT") : MN_STR("IN"));
    mn_jout_str(out, "status", mn_str_c(mn_call_status_text(record->status)));
    mn_jout_str(out, "failReason", record->reason[0] ? mn_str_c(record->reason) : MN_STR_NONE);
    mn_jout_date(out, "startedAt", record->started_ms);
    mn_jout_date(out, "acceptedAt", record->accepted_ms);
    mn_jout_date(out, "endedAt", record->ended_ms);
    if (record->duration_s >= 0)
        mn_jout_num(out, "durationSeconds", record->duration_s);
    else
        mn_jout_null(out, "durationSeconds");
    mn_jout_close(out, '}');
    return !out->buf->failed;
}

static bool print_records(struct mn_api_call *call, struct mn_jout *out, const char *key,
                          const struct mn_call_query *query)
{
    struct printer printer = {.out = out, .user = call->user};
    mn_jout_open(out, key, '[');
    enum mn_err err = mn_db_calls(call->api->config.db, query, print_record, &printer);
    if (err != MN_OK) {
        mn_api_broken(call, "call_records", err);
        return false;
    }
    mn_jout_close(out, ']');
    return true;
}

void mn_api_call_record_cursor(struct mn_api_call *call)
{
    struct mn_call_query query = {.user = call->user, .before = INT64_MAX};
    int64_t limit = 0, last = 0;
    bool given = false;
    if (!mn_query_clamped(call, "limit", 20, 1, MN_API_PAGE_MAX, &limit) ||
        !mn_query_id(call, "lastId", &last, &given))
        return;
    query.limit = (unsigned)limit;
    if (given && last > 0)
        query.before = last;
    struct mn_jout out = mn_api_data_begin(call);
    if (print_records(call, &out, NULL, &query))
        mn_api_data_end(call);
}

void mn_api_call_record_list(struct mn_api_call *call)
{
    int64_t no = 0, size = 0, skip = 0, total = 0;
    if (!mn_api_page_params(call, &no, &size, &skip))
        return;
    enum mn_err err = mn_db_call_count(call->api->config.db, call->user, &total);
    if (err != MN_OK) {
        mn_api_broken(call, "call_records", err);
        return;
    }
    const struct mn_call_query query = {.user = call->user,
                                        .before = INT64_MAX,
                                        .skip = (uint64_t)skip,
                                        .limit = skip < total ? (unsigned)size : 0};
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    if (!print_records(call, &out, "records", &query))
        return;
    mn_api_print_page_end(&out, total, size, no);
    mn_api_data_end(call);
}
