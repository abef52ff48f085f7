/* SPDX-License-Identifier: Apache-2.0 */
/* GET /call/record/...: the calls in which the caller had a part (H-7.10). */
#include "api/endpoint/handlers.h"
#include "api/endpoint/message_json.h"
#include "api/input.h"
#include "im/call/records.h"

static bool print_record(void *arg, const struct mn_call_view *view)
{
    struct mn_jout *out = arg;
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "id", view->id);
    mn_jout_id(out, "callId", view->call);
    mn_jout_id(out, "peerUserId", view->peer);
    mn_jout_str(out, "direction", view->is_outgoing ? MN_STR("OUT") : MN_STR("IN"));
    mn_jout_str(out, "status", view->status);
    mn_jout_str(out, "failReason", view->reason);
    mn_jout_date(out, "startedAt", view->started_ms);
    mn_jout_date(out, "acceptedAt", view->accepted_ms);
    mn_jout_date(out, "endedAt", view->ended_ms);
    if (view->duration_s >= 0)
        mn_jout_num(out, "durationSeconds", view->duration_s);
    else
        mn_jout_null(out, "durationSeconds");
    mn_jout_close(out, '}');
    return !out->buf->failed;
}

static void end(struct mn_api_call *call, enum mn_err err)
{
    if (err)
        mn_api_broken(call, "call_records", err);
    else
        mn_api_data_end(call);
}

void mn_api_call_record_cursor(struct mn_api_call *call)
{
    int64_t limit = 0, last = 0;
    bool given = false;
    if (!mn_query_clamped(call, "limit", 20, 1, MN_API_PAGE_MAX, &limit) ||
        !mn_query_id(call, "lastId", &last, &given))
        return;
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '[');
    enum mn_err err = mn_call_records_before(call->api->config.call_records, call->user,
                                             given && last > 0 ? last : INT64_MAX, (unsigned)limit,
                                             print_record, &out);
    mn_jout_close(&out, ']');
    end(call, err);
}

void mn_api_call_record_list(struct mn_api_call *call)
{
    int64_t no = 0, size = 0, skip = 0, total = 0;
    if (!mn_api_page_params(call, &no, &size, &skip))
        return;
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    mn_jout_open(&out, "records", '[');
    enum mn_err err = mn_call_records_page(call->api->config.call_records, call->user, skip,
                                           (unsigned)size, print_record, &out, &total);
    mn_jout_close(&out, ']');
    mn_api_print_page_end(&out, total, size, no);
    end(call, err);
}
