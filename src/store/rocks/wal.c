/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format, as RocksDB documents it: blocks of 32 KiB; in them fragments
 * of {masked CRC-32C, length, type, bytes}, none of which crosses a block; a
 * record is one whole fragment or a first, middle ones, and a last.  Our
 * records are batches, which begin with a sequence number and a count.
 *
 * Behind damage the next fragment is searched byte by byte: one whose
 * checksum fits was written there.
 *
 * Any thread; silent.  Not here: what follows from it (rocks.c).
 */
#include "store/rocks/wal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    BLOCK = 32768,
    HEADER = 7,        /* CRC 4, length 2, type 1 */
    BATCH_HEADER = 12, /* sequence number 8, count 4 */
    WHOLE = 1,
    FIRST,
    MIDDLE,
    LAST
};

struct scan {
    uint64_t reach;
    bool in_record;
    unsigned char head[BATCH_HEADER]; /* of the record at hand */
    size_t head_len;
    uint32_t crc_table[256];
    unsigned char block[BLOCK];
};

static uint64_t get_le(const unsigned char *p, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/* ---- CRC-32C (Castagnoli), with RocksDB's mask ---- */

static void crc_init(uint32_t table[256])
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (unsigned bit = 0; bit < 8; bit++)
            c = c & 1 ? (c >> 1) ^ UINT32_C(0x82f63b78) : c >> 1;
        table[i] = c;
    }
}

static uint32_t masked_crc(const uint32_t table[256], const unsigned char *p, size_t n)
{
    uint32_t c = UINT32_MAX;
    for (size_t i = 0; i < n; i++)
        c = table[(c ^ p[i]) & 0xff] ^ (c >> 8);
    c = ~c;
    return ((c >> 15) | (c << 17)) + UINT32_C(0xa282ead8);
}

/* ---- fragments ---- */

/* Length of the fragment at `p`, header included; 0 when there is none that is whole. */
static size_t fragment_at(const struct scan *s, const unsigned char *p, size_t left)
{
    if (left < HEADER || p[6] < WHOLE || p[6] > LAST)
        return 0;
    size_t n = (size_t)get_le(p + 4, 2);
    if (n > left - HEADER || get_le(p, 4) != masked_crc(s->crc_table, p + 6, n + 1))
        return 0;
    return HEADER + n;
}

static void end_record(struct scan *s)
{
    if (s->head_len == BATCH_HEADER) {
        uint64_t last = get_le(s->head, 8) + get_le(s->head + 8, 4);
        if (last > 0 && last - 1 > s->reach)
            s->reach = last - 1;
    }
    s->in_record = false;
}

static void take_fragment(struct scan *s, const unsigned char *p, size_t n)
{
    unsigned type = p[6];
    if (type == WHOLE || type == FIRST) {
        s->in_record = true;
        s->head_len = 0;
    }
    if (!s->in_record) /* its beginning is lost */
        return;
    size_t more = BATCH_HEADER - s->head_len;
    if (more > n - HEADER)
        more = n - HEADER;
    memcpy(s->head + s->head_len, p + HEADER, more);
    s->head_len += more;
    if (type == WHOLE || type == LAST)
        end_record(s);
}

static void scan_block(struct scan *s, size_t len)
{
    for (size_t at = 0; at + HEADER <= len;) {
        size_t n = fragment_at(s, s->block + at, len - at);
        if (n > 0) {
            take_fragment(s, s->block + at, n);
        } else {
            s->in_record = false;
            n = 1;
        }
        at += n;
    }
}

/* ---- files ---- */

static enum mn_err scan_file(struct scan *s, int dir_fd, const char *name)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return mn_err_from_errno(errno);
    s->in_record = false;
    ssize_t n = 0;
    for (off_t off = 0; (n = pread(fd, s->block, BLOCK, off)) > 0; off += BLOCK)
        scan_block(s, (size_t)n);
    close(fd);
    return n < 0 ? MN_EIO : MN_OK;
}

enum mn_err mn_rocks_wal_reach(const char *path, uint64_t *ret_reach)
{
    DIR *dir = opendir(path);
    if (!dir)
        return mn_err_from_errno(errno);
    struct scan *s = mn_new(struct scan);
    crc_init(s->crc_table);
    enum mn_err err = MN_OK;
    for (const struct dirent *e = readdir(dir); e && !err; e = readdir(dir)) {
        size_t n = strlen(e->d_name);
        if (n > 4 && strcmp(e->d_name + n - 4, ".log") == 0)
            err = scan_file(s, dirfd(dir), e->d_name);
    }
    closedir(dir);
    if (!err)
        *ret_reach = s->reach;
    mn_free(s);
    return err;
}
