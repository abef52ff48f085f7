/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead log after a crash.  SQLite reads it up to the first frame
 * that does not fit and takes that for the end: a commit that a loss of power
 * cut off.  Whatever was damaged since looks the same to it, and everything
 * behind would silently be undone.
 *
 * They can be told apart.  A transaction is written when the one before it is
 * synced, and its first frame goes on with that one's sum: where one goes on
 * with a commit, that commit was synced.  So if such a pair stands behind
 * the end, there is no honest way to it.  What cannot be told from a loss of
 * power is damage in the last transaction itself.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "store/sql/sqlite_file.h"

struct wal {
    int fd;
    uint8_t head[MN_WAL_HEAD];
    uint8_t sum[8]; /* of the frame before */
    bool is_commit; /* the frame before */
    bool has_ended; /* something did not fit */
};

static ssize_t read_frame(const struct wal *wal, uint64_t number, uint8_t frame[MN_WAL_FRAME])
{
    return pread(wal->fd, frame, MN_WAL_FRAME, (off_t)(MN_WAL_HEAD + (number - 1) * MN_WAL_FRAME));
}

/* False: a commit before this frame was synced, and is behind the end. */
static bool add_frame(struct wal *wal, const uint8_t frame[MN_WAL_FRAME])
{
    bool is_current = !mn_wal_head_fits(wal->head) || mn_wal_is_current(wal->head, frame);
    bool links = is_current && mn_wal_links(wal->head, wal->sum, frame, frame + MN_WAL_FRAME_HEAD);
    if (links && wal->is_commit && wal->has_ended)
        return false;
    wal->has_ended = wal->has_ended || !links;
    wal->is_commit = mn_wal_is_commit(frame);
    memcpy(wal->sum, frame + MN_WAL_FRAME_HEAD - 8, sizeof(wal->sum));
    return true;
}

/* The first frame that shows it, 0: none. */
static uint64_t find_damage(struct wal *wal)
{
    uint8_t frame[MN_WAL_FRAME];
    uint64_t number = 1, end = 0;
    if (pread(wal->fd, wal->head, MN_WAL_HEAD, 0) != MN_WAL_HEAD)
        return 0; /* cut off when it was made */
    wal->has_ended = !mn_wal_head_fits(wal->head);
    if (wal->has_ended) /* the order of bytes in it may be wrong: SQLite writes in the machine's */
        wal->head[3] = (uint8_t)((wal->head[3] & ~1U) | (__BYTE_ORDER == __BIG_ENDIAN));
    memcpy(wal->sum, wal->head + MN_WAL_HEAD - 8, sizeof(wal->sum));
    for (; read_frame(wal, number, frame) == MN_WAL_FRAME; number++) {
        if (!add_frame(wal, frame))
            return end > 0 ? end : 1;
        if (wal->has_ended && end == 0)
            end = number;
    }
    return 0;
}

enum mn_err mn_sqlite_wal_check(const char *path, struct mn_buf *why)
{
    char name[4200];
    mn_ignore(snprintf(name, sizeof(name), "%s-wal", path));
    struct wal wal = {.fd = open(name, O_RDONLY | O_CLOEXEC)};
    if (wal.fd < 0 && errno == ENOENT)
        return MN_OK;
    if (wal.fd < 0) {
        enum mn_err err = mn_err_from_errno(errno);
        mn_buf_addf(why, "cannot open %s: %s", name, strerrordesc_np(errno));
        return err;
    }
    uint64_t frame = find_damage(&wal);
    close(wal.fd);
    if (frame == 0)
        return MN_OK;
    mn_buf_addf(why,
                "the accounts database %s is damaged (its log %s, frame %llu, before commits that "
                "would be lost): restore it from a backup",
                path, name, (unsigned long long)frame);
    return MN_ECORRUPT;
}
