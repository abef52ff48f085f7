/* SPDX-License-Identifier: Apache-2.0 */
/* Scenario files: what is taken has a mode and lines of the file, and becomes options or a reason. */
#include "fuzz/fuzz_file.h"
#include "tool/bench/scenario.h"

static void check_lines(const struct scenario *scenario)
{
    unsigned before = 0;

    FUZZ_CHECK(scenario->mode != NULL && scenario->mode[0] != '\0');
    FUZZ_CHECK(scenario->line_count <= SCENARIO_LINES_MAX);
    for (size_t i = 0; i < scenario->line_count; i++) {
        const struct scenario_line *line = &scenario->line[i];

        FUZZ_CHECK(line->number > before && line->name[0] != '\0' && line->value != NULL);
        before = line->number;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_file file = fuzz_file_make(data, size);
    struct scenario scenario;
    char why[256] = "";

    if (scenario_load(&scenario, file.path, why, sizeof(why)) == MN_OK) {
        struct opts *opts = mn_new(struct opts);

        check_lines(&scenario);
        opts_init(opts, CMD_SINGLE);
        if (scenario_apply(&scenario, opts, CMD_SINGLE, why, sizeof(why)) != MN_OK)
            FUZZ_CHECK(why[0] != '\0');
        mn_free(opts);
        scenario_deinit(&scenario);
    } else {
        FUZZ_CHECK(why[0] != '\0' && strlen(why) < sizeof(why));
    }
    fuzz_file_close(&file);
    return 0;
}
