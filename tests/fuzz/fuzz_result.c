/* SPDX-License-Identifier: Apache-2.0 */
/* Result documents that compare and plot are given: any file is a result or a reason. */
#include "fuzz/fuzz_file.h"
#include "tool/report/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = {
        "server.rss_bytes", "phases.steady.begin_s", "mode", "", ".", "series..x"};
    struct fuzz_file file = fuzz_file_make(data, size);
    json_t *doc = NULL;
    char why[200] = "";

    if (result_load(file.path, &doc, why, sizeof(why)) == MN_OK) {
        FUZZ_CHECK(result_name(doc) != NULL);
        for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
            FUZZ_CHECK(result_str(doc, paths[i]) != NULL);
            (void)result_num(doc, paths[i]);
            (void)result_true(doc, paths[i]);
        }
        json_decref(doc);
    } else {
        FUZZ_CHECK(why[0] != '\0' && strlen(why) < sizeof(why));
    }
    fuzz_file_close(&file);
    return 0;
}
