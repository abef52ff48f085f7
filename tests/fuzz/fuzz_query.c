/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Query strings, and the numbers and dates in them.  A refused parameter is
 * answered and nothing else is; numbers stay in their ranges; a date means
 * only instants that it names.
 */
#include <time.h>

#include "api/input.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    (void)setenv("TZ", "STD0DST-1,M3.5.0/2,M10.5.0/3", 1); /* with an hour twice, and one never */
    tzset();
    return 0;
}

static void check_date(const struct mn_date *date)
{
    int64_t at[MN_DATE_INSTANTS];
    unsigned n = mn_date_instants(date, at);

    FUZZ_CHECK(n <= MN_DATE_INSTANTS);
    for (unsigned i = 0; i < n; i++)
        FUZZ_CHECK(mn_date_is(date, at[i]) && (i == 0 || at[i] > at[i - 1]));
}

static bool read_all(struct mn_api_call *call)
{
    int64_t v = 0;
    bool given = false;
    struct mn_str text;
    struct mn_date date;

    if (!mn_query_clamped(call, "limit", 20, 1, 100, &v))
        return false;
    FUZZ_CHECK(v >= 1 && v <= 100);
    if (!mn_query_id(call, "lastId", &v, &given))
        return false;
    if (!mn_query_date(call, "lastUpdatedAt", &date, &given))
        return false;
    if (given)
        check_date(&date);
    if (!mn_query_text(call, "ids", &text))
        return false;
    FUZZ_CHECK(text.p != NULL && text.n <= call->query_text.n);
    return mn_query_need(call, "peerUserId", &v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    struct mn_http_request *req = mn_new(struct mn_http_request);
    struct mn_api_call *call = mn_new(struct mn_api_call);

    req->query = mn_str_make(text, size);
    call->req = req;
    call->res = mn_http_response_new(10000);
    FUZZ_CHECK(mn_query_parse(call));
    FUZZ_CHECK(call->query_count <= MN_API_QUERY_MAX);
    FUZZ_CHECK(read_all(call) == (call->res->status == 200));
    mn_http_response_free(call->res);
    mn_buf_deinit(&call->query_text);
    mn_free(call);
    mn_free(req);
    mn_free(text);
    return 0;
}
