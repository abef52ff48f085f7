/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a ledger by conversation, see lines.h.  Main thread. */
#include "tool/verify/lines.h"

#include <inttypes.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"

enum mn_err verify_lines_open(struct verify_lines *lines, const char *path, uint64_t memory_bytes,
                              struct mn_buf *why)
{
    *lines = (struct verify_lines){.cap = (size_t)(memory_bytes / sizeof *lines->lines)};
    mn_rand_bytes(&lines->seed, sizeof lines->seed);
    enum mn_err err = ledger_reader_open(&lines->reader, path, why);
    if (!err) /* the kernel gives only the pages that are used */
        lines->lines = mn_alloc_array(lines->cap, sizeof *lines->lines);
    return err;
}

void verify_lines_close(struct verify_lines *lines)
{
    ledger_reader_close(&lines->reader);
    mn_free(lines->lines);
    *lines = (struct verify_lines){0};
}

const char *verify_chat_name(char out[VERIFY_CHAT_NAME], int64_t low, int64_t high)
{
    if (low)
        snprintf(out, VERIFY_CHAT_NAME, "users %" PRId64 " and %" PRId64, low, high);
    else
        snprintf(out, VERIFY_CHAT_NAME, "group %" PRId64, high);
    return out;
}

uint64_t verify_facts(const struct verify_lines *lines, int64_t from, int64_t id,
                      struct mn_str client_id)
{
    const uint64_t key[2] = {lines->seed ^ mn_hash_u64((uint64_t)from), (uint64_t)id};
    uint64_t hash[2];
    mn_hash128(key, client_id.p, client_id.n, hash);
    return hash[0];
}

static struct verify_line line_of(const struct verify_lines *lines, const struct ledger_line *from,
                                  int64_t offset)
{
    int64_t other = from->group ? 0 : from->from; /* a group is the pair of nobody and itself */
    int64_t to = from->group ? from->group : from->to;
    return (struct verify_line){.low = other < to ? other : to,
                                .high = other < to ? to : other,
                                .seq = from->seq,
                                .facts = verify_facts(lines, from->from, from->id, from->client_id),
                                .text = from->text_hash[0],
                                .offset = offset};
}

/* Conversations are taken in the order of this, so that a pass is a range of it. */
static uint64_t rank_of(const struct verify_lines *lines, const struct verify_line *line)
{
    return mn_hash_u64((uint64_t)line->low ^ mn_hash_u64((uint64_t)line->high ^ lines->seed));
}

/*
 * The lines do not fit: takes fewer conversations into this pass.  False when
 * there is one left, which is too long for the memory.
 */
static bool narrow(struct verify_lines *lines, uint64_t first, uint64_t *last)
{
    while (lines->count == lines->cap && *last > first) {
        size_t kept = 0;
        *last = first + (*last - first) / 2;
        for (size_t i = 0; i < lines->count; i++)
            if (rank_of(lines, &lines->lines[i]) <= *last)
                lines->lines[kept++] = lines->lines[i];
        lines->count = kept;
    }
    return lines->count < lines->cap;
}

static int compare_i64(int64_t a, int64_t b) { return (a > b) - (a < b); }

static int compare_lines(const void *pa, const void *pb)
{
    const struct verify_line *a = pa, *b = pb;
    int c = compare_i64(a->low, b->low);
    if (c == 0)
        c = compare_i64(a->high, b->high);
    return c != 0 ? c : compare_i64(a->seq, b->seq);
}

enum mn_err verify_lines_read(struct verify_lines *lines, uint64_t first, uint64_t *ret_last,
                              uint64_t *ret_all, struct mn_buf *why)
{
    struct ledger_line from;
    uint64_t last = UINT64_MAX, all = 0;
    lines->count = 0;
    enum mn_err err = ledger_reader_seek(&lines->reader, 0);
    while (!err) {
        int64_t offset = lines->reader.offset;
        err = ledger_reader_next(&lines->reader, &from, why);
        if (err)
            break;
        all++;
        struct verify_line line = line_of(lines, &from, offset);
        uint64_t rank = rank_of(lines, &line);
        if (rank < first || rank > last)
            continue;
        if (lines->count == lines->cap && !narrow(lines, first, &last)) {
            char name[VERIFY_CHAT_NAME];
            mn_buf_addf(why, "%s: more messages than fit: give more --memory",
                        verify_chat_name(name, line.low, line.high));
            return MN_ELIMIT;
        }
        if (rank <= last)
            lines->lines[lines->count++] = line;
    }
    if (err != MN_ENOTFOUND)
        return err;
    qsort(lines->lines, lines->count, sizeof *lines->lines, compare_lines);
    *ret_last = last;
    *ret_all = all;
    return MN_OK;
}

void verify_lines_again(struct verify_lines *lines, const struct verify_line *line,
                        struct ledger_line *ret)
{
    struct mn_buf why;
    mn_buf_init(&why, 256);
    enum mn_err err = ledger_reader_seek(&lines->reader, line->offset);
    if (!err)
        err = ledger_reader_next(&lines->reader, ret, &why);
    if (err)
        *ret = (struct ledger_line){.from = line->low,
                                    .to = line->low ? line->high : 0,
                                    .group = line->low ? 0 : line->high,
                                    .seq = line->seq};
    mn_buf_deinit(&why);
}
