/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger files: every line that is taken is found again at its offset, and a refusal has a reason. */
#include "base/buf.h"
#include "fuzz/fuzz_file.h"
#include "tool/ledger/ledger_file.h"

static void check_again(const char *path, int64_t offset, const struct ledger_line *line)
{
    struct ledger_reader reader;
    struct ledger_line again;
    struct mn_buf why;

    mn_buf_init(&why, 10000);
    FUZZ_CHECK(ledger_reader_open(&reader, path, &why) == MN_OK);
    FUZZ_CHECK(ledger_reader_seek(&reader, offset) == MN_OK);
    FUZZ_CHECK(ledger_reader_next(&reader, &again, &why) == MN_OK);
    FUZZ_CHECK(again.from == line->from && again.to == line->to && again.id == line->id);
    FUZZ_CHECK(again.seq == line->seq && mn_str_eq(again.client_id, line->client_id));
    FUZZ_CHECK(memcmp(again.text_hash, line->text_hash, sizeof(again.text_hash)) == 0);
    ledger_reader_close(&reader);
    mn_buf_deinit(&why);
}

static void read_all(struct ledger_reader *reader, const char *path, struct mn_buf *why)
{
    struct ledger_line line;
    enum mn_err err;
    int64_t offset = reader->offset;

    for (unsigned n = 0; (err = ledger_reader_next(reader, &line, why)) == MN_OK; n++) {
        FUZZ_CHECK(reader->offset > offset);
        if (n < 8)
            check_again(path, offset, &line);
        offset = reader->offset;
    }
    FUZZ_CHECK(err == MN_ENOTFOUND || (err == MN_EINVAL && why->n > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_file file = fuzz_file_make(data, size);
    struct ledger_reader reader = {0};
    struct mn_buf why;

    mn_buf_init(&why, 10000);
    if (ledger_reader_open(&reader, file.path, &why) == MN_OK)
        read_all(&reader, file.path, &why);
    else
        FUZZ_CHECK(why.n > 0);
    ledger_reader_close(&reader);
    mn_buf_deinit(&why);
    fuzz_file_close(&file);
    return 0;
}
