/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/base/tests.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/metrics.h"

static void shards_are_handed_out_once_and_the_last_is_shared(void **state)
{
    struct mn_metrics *metrics = mn_metrics_new();
    struct mn_metrics_shard *last = NULL;

    (void)state;
    for (unsigned i = 0; i < MN_METRIC_SHARDS; i++) {
        struct mn_metrics_shard *shard = mn_metrics_claim(metrics);
        assert_ptr_not_equal(shard, last);
        assert_int_equal((uintptr_t)shard % 64, 0);
        mn_metric_inc(shard, MN_M_ACCEPTED);
        last = shard;
    }
    for (int i = 0; i < 5; i++)
        assert_ptr_equal(mn_metrics_claim(metrics), last);
    mn_metric_add(last, MN_M_ACCEPTED, 10);
    assert_int_equal(mn_metrics_sum(metrics, MN_M_ACCEPTED), MN_METRIC_SHARDS + 10);
    assert_int_equal(mn_metrics_sum(metrics, MN_M_CONN_OPEN), 0);
    mn_metrics_free(metrics);
    mn_metrics_free(NULL);
}

static void gauges_may_be_negative_in_a_shard(void **state)
{
    struct mn_metrics *metrics = mn_metrics_new();
    struct mn_metrics_shard *a = mn_metrics_claim(metrics), *b = mn_metrics_claim(metrics);

    (void)state;
    mn_metric_add(a, MN_M_BYTES_QUEUED, 100);
    mn_metric_add(b, MN_M_BYTES_QUEUED, -70);
    assert_int_equal(mn_metrics_sum(metrics, MN_M_BYTES_QUEUED), 30);
    mn_metrics_free(metrics);
}

static void values_fall_into_their_bucket(void **state)
{
    static const struct {
        uint64_t value;
        unsigned bucket;
    } cases[] = {
        {0, 0},
        {1, 1},
        {2, 2},
        {3, 2},
        {4, 3},
        {1023, 10},
        {1024, 11},
        {(UINT64_C(1) << 30) - 1, 30},
        {UINT64_C(1) << 30, 31},
        {UINT64_MAX, 31},
    };
    uint64_t bucket[MN_METRIC_BUCKETS], sum;

    (void)state;
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        struct mn_metrics *metrics = mn_metrics_new();
        mn_metrics_claim(metrics);
        mn_metric_observe(mn_metrics_claim(metrics), MN_MH_COMMIT_US, cases[i].value);
        mn_metrics_sum_hist(metrics, MN_MH_COMMIT_US, bucket, &sum);
        assert_int_equal(sum, cases[i].value);
        for (unsigned b = 0; b < MN_METRIC_BUCKETS; b++)
            assert_int_equal(bucket[b], b == cases[i].bucket);
        mn_metrics_free(metrics);
    }
}

static void *count(void *arg)
{
    struct mn_metrics_shard *shard = mn_metrics_claim(arg);

    for (int i = 0; i < 10000; i++) {
        mn_metric_inc(shard, MN_M_READS);
        mn_metric_observe(shard, MN_MH_LOOP_US, 5);
    }
    return NULL;
}

static void threads_count_while_one_reads(void **state)
{
    struct mn_metrics *metrics = mn_metrics_new();
    uint64_t bucket[MN_METRIC_BUCKETS], sum;
    pthread_t thread[4];
    int64_t last = 0;

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, count, metrics), 0);
    for (int i = 0; i < 100; i++) {
        int64_t now = mn_metrics_sum(metrics, MN_M_READS);
        assert_true(now >= last);
        last = now;
    }
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(mn_metrics_sum(metrics, MN_M_READS), 40000);
    mn_metrics_sum_hist(metrics, MN_MH_LOOP_US, bucket, &sum);
    assert_int_equal(sum, 200000);
    assert_int_equal(bucket[3], 40000);
    mn_metrics_free(metrics);
}

int test_base_metrics(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_are_handed_out_once_and_the_last_is_shared),
        cmocka_unit_test(gauges_may_be_negative_in_a_shard),
        cmocka_unit_test(values_fall_into_their_bucket),
        cmocka_unit_test(threads_count_while_one_reads),
    };
    return cmocka_run_group_tests_name("base_metrics", tests, NULL, NULL);
}
