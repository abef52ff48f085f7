/* SPDX-License-Identifier: Apache-2.0 */
/* All groups of store/; with arguments only those whose names contain one of them. */
#include <stdbool.h>
#include <string.h>

#include "unit/store/tests.h"

/* ThreadSanitizer does not see the synchronisation inside a library that is not built with it. */
const char *__tsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:librocksdb.so\nrace:librocksdb.so\n";
}

static const struct {
    const char *name;
    int (*run)(void);
} groups[] = {
    {"msglog_codec", test_store_msglog_codec},
    {"msglog_parts", test_store_msglog_parts},
    {"msglog", test_store_msglog},
    {"msglog_read", test_store_msglog_read},
    {"msglog_group", test_store_msglog_group},
    {"msglog_damage", test_store_msglog_damage},
    {"msglog_lists", test_store_msglog_lists},
    {"msglog_open", test_store_msglog_open},
    {"msglog_fault", test_store_msglog_fault},
    {"msglog_disk", test_store_msglog_disk},
    {"msglog_crash", test_store_msglog_crash},
    {"rocks", test_store_rocks},
    {"call", test_store_call},
    {"witness", test_store_witness},
    {"power_msglog", test_store_power_msglog},
    {"power_db", test_store_power_db},
    {"power_group", test_store_power_group},
    {"db", test_store_db},
    {"sql", test_store_sql},
    {"cost", test_store_cost},
    {"sums", test_store_sums},
};

/* Arguments are parts of names of groups: only those, or, behind a '-', all but those. */
static bool is_wanted(const char *name, int argc, char **argv)
{
    bool is_named = argc == 1 || argv[1][0] == '-';
    for (int i = 1; i < argc; i++) {
        bool leaves_out = argv[i][0] == '-';
        if (!strstr(name, argv[i] + leaves_out))
            continue;
        if (leaves_out)
            return false;
        is_named = true;
    }
    return is_named;
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc == 2 && strcmp(argv[1], "--small-disk") == 0)
        return store_child_small_disk();
    if (argc == 4 && strcmp(argv[1], "--append") == 0)
        return store_child_append(argv[2], argv[3]);
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        if (groups[i].run && is_wanted(groups[i].name, argc, argv))
            failed += groups[i].run();
    return failed == 0 ? 0 : 1;
}
