/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/base/tests.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"

static void ids_carry_time_and_node(void **state)
{
    struct mn_idgen gen;
    int64_t before = mn_unix_ms();

    (void)state;
    mn_idgen_init(&gen, 3, 29);
    int64_t id = mn_idgen_next(&gen);
    assert_in_range((uint64_t)mn_id_unix_ms(id), (uint64_t)before, (uint64_t)mn_unix_ms());
    assert_int_equal(id >> 17 & 31, 3);
    assert_int_equal(id >> 12 & 31, 29);
    mn_idgen_init(&gen, 33, 64); /* modulo 32, W-13.1 */
    id = mn_idgen_next(&gen);
    assert_int_equal(id >> 17 & 31, 1);
    assert_int_equal(id >> 12 & 31, 0);
}

static void ids_increase_strictly(void **state)
{
    struct mn_idgen gen;
    int64_t last = 0;

    (void)state;
    mn_idgen_init(&gen, 1, 1);
    for (int i = 0; i < 100000; i++) { /* far more than a millisecond's 4096 in a tight loop */
        int64_t id = mn_idgen_next(&gen);
        assert_true(id > last);
        last = id;
    }
}

static void never_at_or_below_the_floor(void **state)
{
    struct mn_idgen gen;

    (void)state;
    for (unsigned worker = 0; worker < 32; worker += 31) {
        /* An hour ahead, as if the clock had been set back; from the greatest node. */
        int64_t floor = (mn_unix_ms() + 3600000 - MN_ID_EPOCH_MS) << 22 | 31 << 17 | 31 << 12 | 7;
        mn_idgen_init(&gen, 0, worker);
        mn_idgen_raise(&gen, floor);
        mn_idgen_raise(&gen, 0);
        mn_idgen_raise(&gen, -5);
        mn_idgen_raise(&gen, floor - (INT64_C(1) << 22));
        int64_t last = floor;
        for (int i = 0; i < 10000; i++) {
            int64_t id = mn_idgen_next(&gen);
            assert_true(id > last);
            assert_int_equal(id >> 12 & 31, worker);
            last = id;
        }
        assert_in_range((uint64_t)(mn_id_unix_ms(last) - mn_id_unix_ms(floor)), 1, 4);
    }
}

enum { THREADS = 4, IDS = 20000 };

struct taker {
    struct mn_idgen *gen;
    int64_t id[IDS];
};

static void *take_ids(void *arg)
{
    struct taker *taker = arg;

    for (int i = 0; i < IDS; i++)
        taker->id[i] = mn_idgen_next(taker->gen);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void threads_get_distinct_ids(void **state)
{
    struct taker *taker = mn_alloc_array(THREADS, sizeof *taker);
    int64_t *all = mn_alloc_array(THREADS * IDS, sizeof *all);
    pthread_t thread[THREADS];
    struct mn_idgen gen;

    (void)state;
    mn_idgen_init(&gen, 1, 1);
    for (int t = 0; t < THREADS; t++) {
        taker[t].gen = &gen;
        assert_int_equal(pthread_create(&thread[t], NULL, take_ids, &taker[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(thread[t], NULL);
        for (int i = 1; i < IDS; i++)
            assert_true(taker[t].id[i] > taker[t].id[i - 1]);
        memcpy(all + t * IDS, taker[t].id, sizeof taker[t].id);
    }
    qsort(all, THREADS * IDS, sizeof *all, compare);
    for (int i = 1; i < THREADS * IDS; i++)
        assert_true(all[i] > all[i - 1]);
    mn_free(all);
    mn_free(taker);
}

int test_base_id(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_carry_time_and_node),
        cmocka_unit_test(ids_increase_strictly),
        cmocka_unit_test(never_at_or_below_the_floor),
        cmocka_unit_test(threads_get_distinct_ids),
    };
    return cmocka_run_group_tests_name("base_id", tests, NULL, NULL);
}
