/* SPDX-License-Identifier: Apache-2.0 */
/* GET /healthz, /readyz, /metrics: what ops/ prints, served. */
#include "api/endpoint/handlers.h"

void mn_api_healthz(struct mn_api_call *call)
{
    (void)mn_ops_health(call->api->config.ops, &call->res->body);
    mn_api_plain(call, 200, "application/json");
}

void mn_api_readyz(struct mn_api_call *call)
{
    struct mn_ops *ops = call->api->config.ops;
    if (call->on_worker)
        mn_ops_probe(ops);
    bool ready = mn_ops_ready(ops, &call->res->body);
    mn_api_plain(call, ready ? 200 : 503, "application/json");
}

void mn_api_metrics(struct mn_api_call *call)
{
    enum mn_err err = mn_ops_metrics(call->api->config.ops, &call->res->body);
    if (err == MN_EPERM)
        mn_api_error(call, 404, 40400, "not_found");
    else if (err != MN_OK)
        mn_api_broken(call, "metrics", err);
    else
        mn_api_plain(call, 200, "text/plain; version=0.0.4; charset=utf-8");
}
