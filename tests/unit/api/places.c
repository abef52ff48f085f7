/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where calls run: password hashes on threads of their own, and probes even
 * when every queue is full.  The linker puts this file's pools, and the end
 * of an answer, in the place of the real ones.
 */
#include "unit/api/support.h"
#include "unit/api/tests.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/pool.h"
#include "net/net.h"

enum pool { NONE = 0, COMMON, HASHERS };

static char common, hashers; /* their addresses are the two pools */
static bool full;
static enum pool asked;
static unsigned status; /* of the answer */
static struct mn_metrics_shard *shard;

enum mn_err __wrap_mn_pool_submit(struct mn_pool *pool, struct mn_job *job);
void __wrap_mn_http_respond(struct mn_http_request *req, struct mn_http_response *res);
struct mn_metrics_shard *__wrap_mn_loop_metrics(struct mn_loop *loop);

enum mn_err __wrap_mn_pool_submit(struct mn_pool *pool, struct mn_job *job)
{
    asked = (void *)pool == &common ? COMMON : HASHERS;
    if (full)
        return MN_EBUSY;
    job->run(job, 0);
    return MN_OK;
}

void __wrap_mn_http_respond(struct mn_http_request *req, struct mn_http_response *res)
{
    (void)req; /* the test's */
    status = res->status;
    mn_http_response_free(res);
}

struct mn_metrics_shard *__wrap_mn_loop_metrics(struct mn_loop *loop)
{
    (void)loop;
    return shard;
}

static struct mn_api *api_with_pools(struct ta *t)
{
    struct mn_api *api = NULL;
    struct mn_buf why;
    struct mn_api_config config = {.account = t->account,
                                   .conversations = &t->conversations,
                                   .ops = t->ops,
                                   .metrics = t->metrics,
                                   .log = &t->log,
                                   .pool = (struct mn_pool *)&common,
                                   .hash_pool = (struct mn_pool *)&hashers,
                                   .ratelimit_keys = 1024};
    config.options = ta_options();
    mn_buf_init(&why, 1000);
    assert_int_equal(mn_api_new(&config, &api, &why), MN_OK);
    mn_buf_deinit(&why);
    shard = mn_metrics_claim(t->metrics);
    return api;
}

/* One call by way of the loop: which pool it went to, and what was answered. */
static void goes_to(struct mn_api *api, enum mn_http_method method, const char *path,
                    const char *body, enum pool pool, unsigned want)
{
    struct mn_http_request req = {.method = method, .path = mn_str_c(path)};
    snprintf(req.peer, sizeof(req.peer), "192.0.2.1");
    if (body) {
        req.headers[req.header_count++] = (struct mn_http_header){MN_STR("Content-Type"),
                                                                  MN_STR("application/json")};
        req.body = mn_str_c(body);
    }
    asked = NONE;
    status = 0;
    req.mono_ns = mn_mono_ns();
    mn_api_on_http(api, NULL, &req);
    if (asked != pool || status != want)
        print_error("%s: pool %d, status %u\n", path, (int)asked, status);
    assert_int_equal(asked, pool);
    assert_int_equal(status, want);
}

#define LOGIN "{\"username\":\"anna\",\"password\":\"secret\"}"
#define REFRESH "{\"refreshToken\":\"unknown\"}"

static void hashes_have_threads_of_their_own(void **state)
{
    struct mn_api *api = api_with_pools(*state);
    full = false;
    goes_to(api, MN_HTTP_POST, "/auth/login", LOGIN, HASHERS, 200);
    goes_to(api, MN_HTTP_POST, "/auth/refresh", REFRESH, COMMON, 400);
    goes_to(api, MN_HTTP_GET, "/metrics", NULL, COMMON, 200);
    mn_api_free(api);
}

static void probes_are_answered_when_every_queue_is_full(void **state)
{
    struct mn_api *api = api_with_pools(*state);
    full = true;
    goes_to(api, MN_HTTP_POST, "/auth/login", LOGIN, HASHERS, 503);
    goes_to(api, MN_HTTP_POST, "/auth/refresh", REFRESH, COMMON, 503);
    goes_to(api, MN_HTTP_GET, "/metrics", NULL, COMMON, 200);
    goes_to(api, MN_HTTP_GET, "/healthz", NULL, NONE, 200);
    mn_api_free(api);
}

int test_api_places(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hashes_have_threads_of_their_own, ta_setup, ta_teardown),
        cmocka_unit_test_setup_teardown(probes_are_answered_when_every_queue_is_full, ta_setup,
                                        ta_teardown),
    };
    return cmocka_run_group_tests_name("api/places", tests, NULL, NULL);
}
