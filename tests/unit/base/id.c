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

static int64_t hand_ms;
static unsigned refusals;

static int64_t clock_by_hand(void) { return hand_ms; }

static void count_refusal(void *ctx, int64_t unix_ms)
{
    assert_ptr_equal(ctx, &hand_ms);
    assert_int_equal(unix_ms, hand_ms);
    refusals++;
}

/* A wrong clock costs ids while it is wrong, and nothing afterwards. */
static void a_clock_out_of_range_gives_no_ids(void **state)
{
    static const int64_t last_ms = MN_ID_EPOCH_MS + (INT64_C(1) << MN_ID_MS_BITS) - 1;
    static const int64_t wrong[] = {last_ms + 1, INT64_C(3502915200000), INT64_C(1) << 43,
                                    INT64_C(1) << 45, INT64_MAX};
    static const int64_t right[] = {INT64_C(1795800000000), 0, -1, INT64_C(1240000000000),
                                    INT64_C(2147483648000)};
    struct mn_idgen gen;
    int64_t last = 0;

    (void)state;
    mn_idgen_init(&gen, 31, 31);
    gen.unix_ms = clock_by_hand;
    gen.on_refusal = count_refusal;
    gen.ctx = &hand_ms;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        hand_ms = right[i];
        int64_t id = mn_idgen_next(&gen);
        assert_true(id > last && mn_idgen_is_open(&gen));
        last = id;
        hand_ms = wrong[i];
        refusals = 0;
        assert_int_equal(mn_idgen_next(&gen), 0);
        assert_false(mn_idgen_is_open(&gen));
        assert_int_equal(refusals, 2);
        hand_ms = right[i];
        id = mn_idgen_next(&gen);
        assert_true(id > last && id < last + (INT64_C(1) << 40)); /* the wrong time left no trace */
        last = id;
    }
    hand_ms = last_ms;
    for (int i = 0; i < 4096; i++) {
        int64_t id = mn_idgen_next(&gen);
        assert_true(id > last);
        last = id;
    }
    refusals = 0;
    assert_int_equal(mn_idgen_next(&gen), 0); /* the last millisecond is used up */
    mn_idgen_init(&gen, 1, 1);
    mn_idgen_raise(&gen, INT64_MAX);
    assert_int_equal(mn_idgen_next(&gen), 0);
}

int test_base_id(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_carry_time_and_node),
        cmocka_unit_test(ids_increase_strictly),
        cmocka_unit_test(never_at_or_below_the_floor),
        cmocka_unit_test(threads_get_distinct_ids),
        cmocka_unit_test(a_clock_out_of_range_gives_no_ids),
    };
    return cmocka_run_group_tests_name("base_id", tests, NULL, NULL);
}
