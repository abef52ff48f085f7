/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/base/tests.h"

#include "base/list.h"

static void first_in_first_out(void **state)
{
    struct mn_list head, node[3];

    (void)state;
    mn_list_init(&head);
    assert_true(mn_list_is_empty(&head));
    assert_null(mn_list_pop(&head));
    for (int i = 0; i < 3; i++)
        mn_list_push(&head, &node[i]);
    assert_false(mn_list_is_empty(&head));
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(mn_list_pop(&head), &node[i]);
    assert_true(mn_list_is_empty(&head));
}

static void nodes_leave_from_anywhere_and_twice(void **state)
{
    struct mn_list head, node[3];

    (void)state;
    mn_list_init(&head);
    for (int i = 0; i < 3; i++)
        mn_list_push(&head, &node[i]);
    mn_list_remove(&node[1]);
    mn_list_remove(&node[1]);
    assert_true(mn_list_is_empty(&node[1]));
    mn_list_push(&head, &node[1]);
    assert_ptr_equal(mn_list_pop(&head), &node[0]);
    assert_ptr_equal(mn_list_pop(&head), &node[2]);
    assert_ptr_equal(mn_list_pop(&head), &node[1]);
    assert_null(mn_list_pop(&head));
}

int test_base_list(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out),
        cmocka_unit_test(nodes_leave_from_anywhere_and_twice),
    };
    return cmocka_run_group_tests_name("base_list", tests, NULL, NULL);
}
