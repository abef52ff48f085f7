/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/base/tests.h"

#include "base/rand.h"

static void bytes_are_filled(void **state)
{
    unsigned char a[1000] = {0}, b[1000] = {0};

    (void)state;
    mn_rand_bytes(a, 0);
    assert_memory_equal(a, b, sizeof a);
    mn_rand_bytes(a, sizeof a);
    mn_rand_bytes(b, sizeof b);
    assert_memory_not_equal(a, b, 16);
    assert_memory_not_equal(a + 984, b + 984, 16);
}

static void a_seed_gives_its_sequence(void **state)
{
    struct mn_rng a, b, c;

    (void)state;
    mn_rng_seed(&a, 1);
    mn_rng_seed(&b, 1);
    mn_rng_seed(&c, 2);
    for (int i = 0; i < 100; i++) {
        uint64_t x = mn_rng_next(&a);
        assert_true(x == mn_rng_next(&b));
        assert_true(x != mn_rng_next(&c));
    }
    /* The published first result for the state 1, 2, 3, 4. */
    a = (struct mn_rng){{1, 2, 3, 4}};
    assert_int_equal(mn_rng_next(&a), 11520);
    assert_int_equal(mn_rng_next(&a), 0);
    assert_int_equal(mn_rng_next(&a), 1509978240);
}

static void below_is_even(void **state)
{
    unsigned count[7] = {0};
    struct mn_rng rng;

    (void)state;
    mn_rng_seed(&rng, 6);
    assert_int_equal(mn_rng_below(&rng, 0), 0);
    assert_int_equal(mn_rng_below(&rng, 1), 0);
    for (int i = 0; i < 70000; i++) {
        uint64_t x = mn_rng_below(&rng, 7);
        assert_true(x < 7);
        count[x]++;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(count[i], 9500, 10500);
    for (int i = 0; i < 1000; i++)
        assert_true(mn_rng_below(&rng, UINT64_MAX) < UINT64_MAX);
}

static void doubles_are_in_the_unit_interval(void **state)
{
    struct mn_rng rng;
    double sum = 0;

    (void)state;
    mn_rng_seed(&rng, 7);
    for (int i = 0; i < 10000; i++) {
        double x = mn_rng_double(&rng);
        assert_true(x >= 0 && x < 1);
        sum += x;
    }
    assert_true(sum > 4800 && sum < 5200);
}

int test_base_rand(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_filled),
        cmocka_unit_test(a_seed_gives_its_sequence),
        cmocka_unit_test(below_is_even),
        cmocka_unit_test(doubles_are_in_the_unit_interval),
    };
    return cmocka_run_group_tests_name("base_rand", tests, NULL, NULL);
}
