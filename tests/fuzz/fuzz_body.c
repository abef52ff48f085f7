/* SPDX-License-Identifier: Apache-2.0 */
/* JSON bodies and their fields: a refused one is answered, and nothing else is. */
#include "api/input.h"
#include "fuzz/fuzz.h"

static bool read_all(struct mn_api_call *call)
{
    struct mn_str text;
    int64_t id = 0;
    bool given = false, flag = false;

    if (!mn_body_parse(call) || !mn_body_text(call, "username", &text))
        return false;
    return mn_body_id(call, "id", &id, &given) && mn_body_flag(call, "flag", &flag, &given);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    struct mn_http_request *req = mn_new(struct mn_http_request);
    struct mn_api_call *call = mn_new(struct mn_api_call);

    req->headers[req->header_count++] = (struct mn_http_header){
        .name = MN_STR("Content-Type"), .value = MN_STR("application/json")};
    req->body = mn_str_make(text, size);
    call->req = req;
    call->res = mn_http_response_new(10000);
    FUZZ_CHECK(read_all(call) == (call->res->status == 200));
    mn_buf_deinit(&call->body_text);
    mn_http_response_free(call->res);
    mn_free(call);
    mn_free(req);
    mn_free(text);
    return 0;
}
