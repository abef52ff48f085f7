/* SPDX-License-Identifier: Apache-2.0 */
#include "net/wheel.h"

#include "base/mem.h"
#include "base/rand.h"
#include "unit/net/tests.h"

#define START_MS 123456789

static struct mn_wheel *wheel_at(uint64_t now_ms)
{
    struct mn_wheel *wheel = mn_new(struct mn_wheel);
    mn_wheel_init(wheel, now_ms);
    return wheel;
}

static void fires_at_the_tick_at_or_after_the_deadline(void **state)
{
    (void)state;
    for (uint64_t delay = 0; delay < 300; delay += 7) {
        struct mn_wheel *wheel = wheel_at(START_MS);
        struct mn_wheel_node node;
        mn_wheel_node_init(&node);
        mn_wheel_set(wheel, &node, START_MS + delay);
        uint64_t now_ms = START_MS;
        while (mn_wheel_pop(wheel, now_ms) == NULL)
            now_ms++;
        assert_true(now_ms >= START_MS + delay);
        assert_true(now_ms < START_MS + delay + 2 * MN_WHEEL_TICK_MS);
        assert_false(mn_wheel_is_armed(&node));
        assert_null(mn_wheel_pop(wheel, now_ms));
        mn_free(wheel);
    }
}

static void next_ms_is_never_late(void **state)
{
    struct mn_wheel_node node;
    (void)state;
    struct mn_wheel *wheel = wheel_at(START_MS);
    assert_true(mn_wheel_next_ms(wheel) == UINT64_MAX);
    mn_wheel_node_init(&node);
    /* Far beyond one turn of the wheel: looked at once a turn, fired on time. */
    uint64_t deadline_ms = START_MS + 3 * MN_WHEEL_SLOTS * MN_WHEEL_TICK_MS + 12345;
    mn_wheel_set(wheel, &node, deadline_ms);
    unsigned wakes = 0;
    uint64_t now_ms = START_MS;
    while (mn_wheel_pop(wheel, now_ms) == NULL) {
        now_ms = mn_wheel_next_ms(wheel);
        wakes++;
    }
    assert_true(now_ms >= deadline_ms && now_ms < deadline_ms + MN_WHEEL_TICK_MS);
    assert_true(wakes <= 5);
    mn_free(wheel);
}

static void a_node_moves_both_ways_and_can_be_cleared(void **state)
{
    struct mn_wheel_node node;
    (void)state;
    struct mn_wheel *wheel = wheel_at(START_MS);
    mn_wheel_node_init(&node);
    mn_wheel_clear(wheel, &node); /* not armed: nothing */
    mn_wheel_set(wheel, &node, START_MS + 1000);
    mn_wheel_set(wheel, &node, START_MS + 5000);
    assert_null(mn_wheel_pop(wheel, START_MS + 4000));
    mn_wheel_set(wheel, &node, START_MS + 4500);
    assert_ptr_equal(mn_wheel_pop(wheel, START_MS + 4600), &node);
    mn_wheel_set(wheel, &node, START_MS + 6000);
    mn_wheel_clear(wheel, &node);
    assert_true(mn_wheel_next_ms(wheel) == UINT64_MAX);
    assert_null(mn_wheel_pop(wheel, START_MS + 100000));
    mn_free(wheel);
}

static void a_node_set_to_the_past_while_firing_waits_for_the_next_tick(void **state)
{
    struct mn_wheel_node node;
    (void)state;
    struct mn_wheel *wheel = wheel_at(START_MS);
    mn_wheel_node_init(&node);
    mn_wheel_set(wheel, &node, START_MS + 100);
    unsigned fired = 0;
    while (mn_wheel_pop(wheel, START_MS + 10000) != NULL) {
        fired++;
        mn_wheel_set(wheel, &node, START_MS);
    }
    assert_int_equal(fired, 1);
    assert_ptr_equal(mn_wheel_pop(wheel, START_MS + 10000 + MN_WHEEL_TICK_MS), &node);
    mn_free(wheel);
}

#define NODES 2000

/* Against the obvious: every node fires once, in time, whatever the steps of the clock. */
static void many_nodes_at_random(void **state)
{
    struct mn_rng rng;
    (void)state;
    mn_rng_seed(&rng, 7);
    struct mn_wheel *wheel = wheel_at(START_MS);
    struct mn_wheel_node *nodes = mn_alloc_array(NODES, sizeof(*nodes));
    uint64_t *due = mn_alloc_array(NODES, sizeof(*due));
    for (unsigned i = 0; i < NODES; i++) {
        mn_wheel_node_init(&nodes[i]);
        due[i] = START_MS + mn_rng_below(&rng, 300000);
        mn_wheel_set(wheel, &nodes[i], due[i]);
    }
    uint64_t now_ms = START_MS;
    unsigned fired = 0;
    while (fired < NODES) {
        struct mn_wheel_node *node;
        uint64_t before_ms = now_ms;
        now_ms += mn_rng_below(&rng, 20) == 0 ? mn_rng_below(&rng, 150000)
                                              : mn_rng_below(&rng, 200);
        while ((node = mn_wheel_pop(wheel, now_ms)) != NULL) {
            uint64_t at = due[node - nodes];
            assert_true(at <= now_ms);
            assert_true(at + 2 * MN_WHEEL_TICK_MS > before_ms);
            fired++;
        }
        for (unsigned i = 0; i < NODES; i++)
            assert_true(!mn_wheel_is_armed(&nodes[i]) || due[i] + 2 * MN_WHEEL_TICK_MS > now_ms);
    }
    assert_true(mn_wheel_next_ms(wheel) == UINT64_MAX);
    mn_free(due);
    mn_free(nodes);
    mn_free(wheel);
}

int test_net_wheel(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_at_the_tick_at_or_after_the_deadline),
        cmocka_unit_test(next_ms_is_never_late),
        cmocka_unit_test(a_node_moves_both_ways_and_can_be_cleared),
        cmocka_unit_test(a_node_set_to_the_past_while_firing_waits_for_the_next_tick),
        cmocka_unit_test(many_nodes_at_random),
    };
    return cmocka_run_group_tests_name("net wheel", tests, NULL, NULL);
}
