/* SPDX-License-Identifier: Apache-2.0 */
/* H-6.1: fixed windows, and what happens when there are more keys than room. */
#include "im/ratelimit.h"
#include "unit/im/tests.h"

#include <pthread.h>

#include "base/err.h"

#define MAX 5
#define WINDOW_S 60

static bool hit(struct mn_ratelimit *limit, const char *who, uint64_t now_ms, uint32_t *ret_retry_s)
{
    return mn_ratelimit_hit(limit, 1, mn_str_c(who), MN_STR_NONE, MAX, WINDOW_S, now_ms,
                            ret_retry_s);
}

static void window_starts_with_the_first_call(void **state)
{
    struct mn_ratelimit *limit = mn_ratelimit_new(1024);
    uint32_t retry_s = 0;
    (void)state;
    for (uint64_t i = 0; i < MAX; i++)
        assert_true(hit(limit, "a", 100000 + i * 10000, &retry_s));
    assert_false(hit(limit, "a", 150000, &retry_s));
    assert_int_equal(retry_s, 10);
    assert_false(hit(limit, "a", 159001, &retry_s));
    assert_int_equal(retry_s, 1);
    assert_false(hit(limit, "a", 159999, &retry_s));
    assert_int_equal(retry_s, 1);
    assert_true(hit(limit, "a", 160000, &retry_s));
    mn_ratelimit_free(limit);
}

static void keys_are_apart(void **state)
{
    struct mn_ratelimit *limit = mn_ratelimit_new(1024);
    uint32_t retry_s = 0;
    (void)state;
    for (unsigned i = 0; i <= MAX; i++)
        mn_ignore(hit(limit, "a", 1, &retry_s));
    assert_false(hit(limit, "a", 1, &retry_s));
    assert_true(hit(limit, "b", 1, &retry_s));
    assert_true(mn_ratelimit_hit(limit, 2, MN_STR("a"), MN_STR_NONE, 1, 60, 1, &retry_s));
    /* Parts do not run into each other. */
    assert_true(mn_ratelimit_hit(limit, 3, MN_STR("a"), MN_STR("bc"), 1, 60, 1, &retry_s));
    assert_true(mn_ratelimit_hit(limit, 3, MN_STR("ab"), MN_STR("c"), 1, 60, 1, &retry_s));
    assert_false(mn_ratelimit_hit(limit, 3, MN_STR("ab"), MN_STR("c"), 1, 60, 1, &retry_s));
    mn_ratelimit_free(limit);
}

/* Many strangers: the one who is over his limit stays over it, as he has the most calls. */
static void the_busiest_are_kept(void **state)
{
    struct mn_ratelimit *limit = mn_ratelimit_new(64);
    uint32_t retry_s = 0;
    (void)state;
    for (unsigned i = 0; i < 50; i++)
        mn_ignore(hit(limit, "attacker", 1, &retry_s));
    for (unsigned i = 0; i < 10000; i++) {
        char who[16];
        snprintf(who, sizeof(who), "%u", i);
        assert_true(hit(limit, who, 2, &retry_s));
    }
    assert_true(mn_ratelimit_forgotten(limit) > 9000);
    assert_false(hit(limit, "attacker", 3, &retry_s));
    mn_ratelimit_free(limit);
}

static void ended_windows_make_room(void **state)
{
    struct mn_ratelimit *limit = mn_ratelimit_new(64);
    uint32_t retry_s = 0;
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        char who[16];
        snprintf(who, sizeof(who), "%u", i);
        mn_ignore(hit(limit, who, (uint64_t)i * 60000, &retry_s));
    }
    assert_int_equal(mn_ratelimit_forgotten(limit), 0);
    mn_ratelimit_free(limit);
}

struct racer {
    struct mn_ratelimit *limit;
    unsigned allowed;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    uint32_t retry_s = 0;
    for (unsigned i = 0; i < 10000; i++)
        r->allowed += mn_ratelimit_hit(r->limit, 1, MN_STR("x"), MN_STR_NONE, 777, 60, 5, &retry_s);
    return NULL;
}

static void exact_with_many_threads(void **state)
{
    struct mn_ratelimit *limit = mn_ratelimit_new(64);
    struct racer racer[4];
    pthread_t thread[4];
    unsigned allowed = 0;
    (void)state;
    for (unsigned t = 0; t < 4; t++) {
        racer[t] = (struct racer){.limit = limit};
        assert_int_equal(pthread_create(&thread[t], NULL, race, &racer[t]), 0);
    }
    for (unsigned t = 0; t < 4; t++) {
        pthread_join(thread[t], NULL);
        allowed += racer[t].allowed;
    }
    assert_int_equal(allowed, 777);
    mn_ratelimit_free(limit);
}

int test_im_ratelimit(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_starts_with_the_first_call),
        cmocka_unit_test(keys_are_apart),
        cmocka_unit_test(the_busiest_are_kept),
        cmocka_unit_test(ended_windows_make_room),
        cmocka_unit_test(exact_with_many_threads),
    };
    return cmocka_run_group_tests_name("im/ratelimit", tests, NULL, NULL);
}
