/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/store_msglog_support.h"
#include "unit/store_tests.h"

static void appends_get_numbers(void **state)
{
    struct ts_log t;
    (void)state;
    ts_log_init(&t);
    for (int64_t i = 1; i <= 5; i++) {
        char id[16];
        snprintf(id, sizeof(id), "m-%d", (int)i);
        assert_int_equal(ts_append(&t, i % 2 ? 1 : 2, i % 2 ? 2 : 1, id, "x", NULL), i);
    }
    assert_int_equal(ts_append(&t, 1, 3, "m-1", "x", NULL), 1);
    ts_log_deinit(&t);
}

int test_store_msglog(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_get_numbers),
    };
    return cmocka_run_group_tests_name("store: message log", tests, NULL, NULL);
}
