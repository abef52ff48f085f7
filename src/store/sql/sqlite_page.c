/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums of pages and of frames, see sqlite_page.h.  What of SQLite's file
 * format is used is documented and fixed: https://sqlite.org/fileformat2.html
 * 1.3 (header) and 4.1 (log).
 */
#include "store/sql/sqlite_page.h"

#include <endian.h>
#include <string.h>

#include "base/map.h"

/* Of the header on page 1. */
enum { AT_PAGE_SIZE = 16, AT_WRITE_VERSION = 18, AT_RESERVE = 20, AT_COUNTER = 24 };
enum { AT_COUNTER_OF_SIZE = 92 }; /* the counter once more: every commit writes both */
enum { HEADER = 100, VERSION_WAL = 2 };

/* Of the tail. */
enum { AT_MARK = MN_PAGE_BYTES - MN_PAGE_TAIL, AT_LEFT = AT_MARK + 4, AT_SUM = AT_MARK + 8 };
static const uint8_t mark[4] = {'m', 'n', 's', '1'};

/* ---- pages ---- */

static uint64_t sum_of(const uint8_t page[MN_PAGE_BYTES], uint32_t number)
{
    const uint64_t key[2] = {number, UINT64_C(0x6d696e696d2e6462)};
    uint64_t hash[2];
    mn_hash128(key, page, AT_SUM, hash);
    return htole64(hash[0]);
}

void mn_page_stamp(uint8_t page[MN_PAGE_BYTES], uint32_t number)
{
    memcpy(page + AT_MARK, mark, sizeof(mark));
    memset(page + AT_LEFT, 0, 4);
    if (number == 1)
        memcpy(page + AT_LEFT, page + AT_COUNTER, 4);
    uint64_t sum = sum_of(page, number);
    memcpy(page + AT_SUM, &sum, sizeof(sum));
}

bool mn_page_fits(const uint8_t page[MN_PAGE_BYTES], uint32_t number)
{
    uint64_t sum = sum_of(page, number);
    return memcmp(page + AT_SUM, &sum, sizeof(sum)) == 0;
}

bool mn_page_has_room(const uint8_t *page1)
{
    return page1[AT_PAGE_SIZE] == MN_PAGE_BYTES >> 8 && page1[AT_PAGE_SIZE + 1] == 0 &&
           page1[AT_RESERVE] == MN_PAGE_TAIL;
}

/* Somebody counted on; it is not what we left of the count that was damaged. */
static bool was_counted(const uint8_t *page1)
{
    uint8_t same[MN_PAGE_BYTES];
    if (memcmp(page1 + AT_COUNTER, page1 + AT_COUNTER_OF_SIZE, 4) != 0 ||
        memcmp(page1 + AT_COUNTER, page1 + AT_LEFT, 4) == 0)
        return false;
    memcpy(same, page1, sizeof(same));
    memcpy(same + AT_LEFT, same + AT_COUNTER, 4);
    return !mn_page_fits(same, 1);
}

static bool is_of_wal(const uint8_t *page1)
{
    return page1[AT_WRITE_VERSION] == VERSION_WAL && page1[AT_WRITE_VERSION + 1] == VERSION_WAL;
}

enum mn_page_file mn_page_file(const uint8_t *page1, size_t n, bool has_wal)
{
    static const uint8_t zeros[MN_PAGE_TAIL];
    if (n == 0)
        return MN_PAGE_FILE_EMPTY;
    if (n < HEADER || memcmp(page1, "SQLite format 3", 16) != 0)
        return MN_PAGE_FILE_OTHER;
    bool is_marked = n == MN_PAGE_BYTES && memcmp(page1 + AT_MARK, mark, sizeof(mark)) == 0;
    if (!mn_page_has_room(page1)) /* with our mark on it, it was damaged */
        return is_marked ? MN_PAGE_FILE_SUMMED : MN_PAGE_FILE_PLAIN;
    if (n == MN_PAGE_BYTES && memcmp(page1 + AT_MARK, zeros, sizeof(zeros)) == 0)
        return MN_PAGE_FILE_TOUCHED; /* written anew by VACUUM */
    if (is_marked && (was_counted(page1) || (is_of_wal(page1) && !has_wal)))
        return MN_PAGE_FILE_TOUCHED;
    return MN_PAGE_FILE_SUMMED;
}

/* ---- frames ---- */

static uint32_t word(const uint8_t *p, bool is_big)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return is_big ? be32toh(v) : le32toh(v);
}

/* Adds 8 bytes a turn; the head of a log tells in which byte order. */
static void add(uint32_t sum[2], bool is_big, const uint8_t *p, size_t n)
{
    for (; n > 0; p += 8, n -= 8) {
        sum[0] += word(p, is_big) + sum[1];
        sum[1] += word(p + 4, is_big) + sum[0];
    }
}

static bool is_big(const uint8_t head[MN_WAL_HEAD]) { return head[3] & 1; }

static bool is_sum(const uint32_t sum[2], const uint8_t *p)
{
    return sum[0] == word(p, true) && sum[1] == word(p + 4, true);
}

bool mn_wal_head_fits(const uint8_t head[MN_WAL_HEAD])
{
    uint32_t sum[2] = {0, 0};
    add(sum, is_big(head), head, MN_WAL_HEAD - 8);
    return (word(head, true) & ~1U) == 0x377f0682 && word(head + 8, true) == MN_PAGE_BYTES &&
           is_sum(sum, head + MN_WAL_HEAD - 8);
}

bool mn_wal_links(const uint8_t head[MN_WAL_HEAD], const uint8_t before[8],
                  const uint8_t frame_head[MN_WAL_FRAME_HEAD], const uint8_t page[MN_PAGE_BYTES])
{
    uint32_t sum[2] = {word(before, true), word(before + 4, true)};
    add(sum, is_big(head), frame_head, 8); /* page number and size of the database */
    add(sum, is_big(head), page, MN_PAGE_BYTES);
    return is_sum(sum, frame_head + 16);
}

bool mn_wal_is_current(const uint8_t head[MN_WAL_HEAD], const uint8_t frame_head[MN_WAL_FRAME_HEAD])
{
    return memcmp(head + 16, frame_head + 8, 8) == 0;
}

bool mn_wal_is_commit(const uint8_t frame_head[MN_WAL_FRAME_HEAD])
{
    return word(frame_head + 4, true) != 0;
}
