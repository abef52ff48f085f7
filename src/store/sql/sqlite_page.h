/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_SQLITE_PAGE_H
#define MN_STORE_SQL_SQLITE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The sums in an accounts file, which SQLite knows nothing of.  A page ends
 * with MN_PAGE_TAIL bytes that SQLite leaves alone (the reserve of its
 * file format): a mark, on page 1 with the file's change counter as we left
 * it, and a sum of all before it and of the page's number.  Frames of the
 * write-ahead log have sums of SQLite's own.  For the SQLite driver only;
 * pure functions, any thread.
 */
enum {
    MN_PAGE_BYTES = 4096,
    MN_PAGE_TAIL = 16,
    MN_PAGE_LOCKS = 0x40000000 / MN_PAGE_BYTES + 1, /* holds locks and no data: never written */
    MN_WAL_HEAD = 32,                               /* bytes before the first frame */
    MN_WAL_FRAME_HEAD = 24,
    MN_WAL_FRAME = MN_WAL_FRAME_HEAD + MN_PAGE_BYTES
};

/* Writes the tail.  Pages count from 1. */
void mn_page_stamp(uint8_t page[MN_PAGE_BYTES], uint32_t number);
/* Of page 1: there is room for tails; without, one would be written over what the page holds. */
bool mn_page_has_room(const uint8_t *page1);
bool mn_page_fits(const uint8_t page[MN_PAGE_BYTES], uint32_t number);

enum mn_page_file {
    MN_PAGE_FILE_EMPTY,
    MN_PAGE_FILE_OTHER,  /* no database of SQLite's, as far as page 1 tells */
    MN_PAGE_FILE_PLAIN,  /* without room for sums */
    MN_PAGE_FILE_SUMMED, /* as we left it */
    /*
     * With room for sums, and somebody else has written since: the change
     * counter is not the one that we left (we close with a rollback journal,
     * in which every commit counts), or the log that we were killed with
     * is gone, which whoever opens and closes the file takes into it.
     */
    MN_PAGE_FILE_TOUCHED
};
/* From the first `n` bytes, up to a page; `has_wal`: a write-ahead log is beside it, not empty. */
enum mn_page_file mn_page_file(const uint8_t *page1, size_t n, bool has_wal);

/*
 * Whether a frame is what was written behind the one before it.  `before` is
 * the sum that that one's head ends with, or the log's own head.
 */
bool mn_wal_links(const uint8_t head[MN_WAL_HEAD], const uint8_t before[8],
                  const uint8_t frame_head[MN_WAL_FRAME_HEAD], const uint8_t page[MN_PAGE_BYTES]);
bool mn_wal_head_fits(const uint8_t head[MN_WAL_HEAD]);
/* It is of the generation of frames that the log's head began. */
bool mn_wal_is_current(const uint8_t head[MN_WAL_HEAD],
                       const uint8_t frame_head[MN_WAL_FRAME_HEAD]);
/* The last frame of a transaction. */
bool mn_wal_is_commit(const uint8_t frame_head[MN_WAL_FRAME_HEAD]);

#endif
