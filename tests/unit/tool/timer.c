/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tool/tests.h"

#include "base/mem.h"
#include "base/rand.h"
#include "tool/load/load.h"

enum { CONNS = 200 };

static void the_earliest_is_first_whatever_happens(void **state)
{
    struct load_thread *th = mn_new(struct load_thread);
    struct load_conn *conns = mn_alloc_array(CONNS, sizeof *conns);
    struct mn_rng rng;

    (void)state;
    th->heap = mn_alloc_array(CONNS, sizeof *th->heap);
    assert_null(load_timer_first(th));
    mn_rng_seed(&rng, 7);
    for (int i = 0; i < CONNS; i++)
        conns[i].due_ns = UINT64_MAX;
    for (int round = 0; round < 20000; round++) {
        struct load_conn *conn = &conns[mn_rng_below(&rng, CONNS)];
        bool out = mn_rng_below(&rng, 3) == 0;
        load_timer_set(th, conn, out ? UINT64_MAX : mn_rng_below(&rng, 1000));
        uint64_t earliest = UINT64_MAX;
        for (int i = 0; i < CONNS; i++)
            if (conns[i].due_ns < earliest)
                earliest = conns[i].due_ns;
        struct load_conn *first = load_timer_first(th);
        assert_int_equal(first ? first->due_ns : UINT64_MAX, earliest);
    }
    mn_free(th->heap);
    mn_free(conns);
    mn_free(th);
}

int test_tool_timer(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_is_first_whatever_happens),
    };
    return cmocka_run_group_tests_name("tool timer", tests, NULL, NULL);
}
