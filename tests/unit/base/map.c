/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/base/tests.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"
#include "support/torture.h"

static void a_zeroed_map_is_empty(void **state)
{
    struct mn_map map = {0};
    size_t pos = 0;
    uint64_t key, value = 7;

    (void)state;
    assert_false(mn_map_get(&map, 0, &value));
    assert_false(mn_map_remove(&map, 0));
    assert_false(mn_map_next(&map, &pos, &key, &value));
    assert_int_equal(value, 7);
    assert_int_equal(mn_map_put(&map, 1, 2), MN_OK);
    assert_true(mn_map_get(&map, 1, &value));
    assert_int_equal(value, 2);
    mn_map_deinit(&map);
    mn_map_deinit(&map);
}

static void key_zero_is_a_key(void **state)
{
    struct mn_map map;
    uint64_t value;

    (void)state;
    mn_map_init(&map);
    assert_int_equal(mn_map_put(&map, 0, 5), MN_OK);
    assert_int_equal(mn_map_put(&map, 0, 6), MN_OK);
    assert_int_equal(mn_map_put(&map, 1, 1), MN_OK);
    assert_int_equal(map.count, 2);
    for (uint64_t i = 2; i < 1000; i++)
        assert_int_equal(mn_map_put(&map, i, i), MN_OK);
    assert_true(mn_map_get(&map, 0, &value));
    assert_int_equal(value, 6);
    assert_true(mn_map_remove(&map, 0));
    assert_false(mn_map_remove(&map, 0));
    assert_false(mn_map_get(&map, 0, &value));
    assert_true(mn_map_get(&map, 1, &value));
    mn_map_deinit(&map);
}

/* Keys from a small range, so that puts and removals meet; a plain array knows the truth. */
static void behaves_like_an_array(void **state)
{
    enum { KEYS = 512 };
    struct {
        bool there;
        uint64_t value;
    } truth[KEYS] = {0};
    struct mn_map map;
    struct mn_rng rng;
    size_t count = 0;

    (void)state;
    mn_rng_seed(&rng, 4);
    mn_map_init(&map);
    for (int i = 0; i < 200000; i++) {
        uint64_t key = mn_rng_below(&rng, KEYS), value = mn_rng_next(&rng), got;
        /* Phases of growth and of decay, each deep enough to reorder chains. */
        if (mn_rng_below(&rng, 100) < (i / 2000 % 2 ? 30u : 60u)) {
            assert_int_equal(mn_map_put(&map, key, value), MN_OK);
            count += !truth[key].there;
            truth[key].there = true;
            truth[key].value = value;
        } else {
            assert_int_equal(mn_map_remove(&map, key), truth[key].there);
            count -= truth[key].there;
            truth[key].there = false;
        }
        key = mn_rng_below(&rng, KEYS);
        assert_int_equal(mn_map_get(&map, key, &got), truth[key].there);
        if (truth[key].there)
            assert_int_equal(got, truth[key].value);
        assert_int_equal(map.count, count);
    }
    assert_true(map.cap <= 1024);
    size_t pos = 0, seen = 0;
    uint64_t key, value;
    while (mn_map_next(&map, &pos, &key, &value)) {
        assert_true(key < KEYS && truth[key].there);
        assert_int_equal(value, truth[key].value);
        truth[key].there = false; /* once only */
        seen++;
    }
    assert_int_equal(seen, count);
    mn_map_deinit(&map);
}

static void no_memory_leaves_the_map_as_it_was(void **state)
{
    struct mn_map map;
    uint64_t value;

    (void)state;
    mn_map_init(&map);
    for (uint64_t key = 0; key < 500; key++) {
        torture_begin(1);
        enum mn_err err = mn_map_put(&map, key, key);
        if (torture_end()) {
            assert_int_equal(err, MN_ENOMEM);
            assert_int_equal(map.count, key);
            assert_false(mn_map_get(&map, key, &value));
            err = mn_map_put(&map, key, key);
        }
        assert_int_equal(err, MN_OK);
        for (uint64_t k = 0; k <= key; k++)
            assert_true(mn_map_get(&map, k, &value) && value == k);
    }
    mn_map_deinit(&map);
}

/* Vectors of the reference implementation (key 00..0f, messages of 0, 1, 2, ... bytes). */
static void siphash_matches_its_reference(void **state)
{
    static const struct {
        size_t n;
        unsigned char hash[16];
    } cases[] = {
        {0,
         {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02,
          0x93}},
        {1,
         {0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc,
          0x45}},
        {2,
         {0x81, 0x77, 0x22, 0x8d, 0xa4, 0xa4, 0x5d, 0xc7, 0xfc, 0xa3, 0x8b, 0xde, 0xf6, 0x0a, 0xff,
          0xe4}},
        {3,
         {0x9c, 0x70, 0xb6, 0x0c, 0x52, 0x67, 0xa9, 0x4e, 0x5f, 0x33, 0xb6, 0xb0, 0x29, 0x85, 0xed,
          0x51}},
    };
    unsigned char in[64];
    uint64_t key[2], hash[2];

    (void)state;
    for (unsigned char i = 0; i < sizeof in; i++)
        in[i] = i;
    memcpy(key, in, 16); /* the test runs on little-endian machines */
    for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
        mn_hash128(key, in, cases[i].n, hash);
        assert_memory_equal(hash, cases[i].hash, 16);
    }
}

static void hash_depends_on_key_and_every_byte(void **state)
{
    static const uint64_t key[2] = {1, 2}, other[2] = {1, 3};
    unsigned char in[33] = {0};
    uint64_t a[2], b[2];

    (void)state;
    for (size_t n = 0; n <= sizeof in; n++) {
        mn_hash128(key, in, n, a);
        mn_hash128(other, in, n, b);
        assert_memory_not_equal(a, b, 16);
        for (size_t i = 0; i < n; i++) {
            in[i] ^= 1;
            mn_hash128(key, in, n, b);
            in[i] ^= 1;
            assert_memory_not_equal(a, b, 16);
        }
    }
    assert_true(mn_hash_u64(1) != mn_hash_u64(2));
}

int test_base_map(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zeroed_map_is_empty),
        cmocka_unit_test(key_zero_is_a_key),
        cmocka_unit_test(behaves_like_an_array),
        cmocka_unit_test(no_memory_leaves_the_map_as_it_was),
        cmocka_unit_test(siphash_matches_its_reference),
        cmocka_unit_test(hash_depends_on_key_and_every_byte),
    };
    return cmocka_run_group_tests_name("base_map", tests, NULL, NULL);
}
