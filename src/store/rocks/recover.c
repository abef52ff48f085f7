/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Full disks and failing ones.
 *
 * Before it is too late: a look at the free space now and then; below the
 * reserve appends are refused although they might still fit, because a
 * database that runs into the end of the disk in the middle of a log record
 * or a compaction stops altogether.
 *
 * When it is too late: after a failed write RocksDB takes no more, and only
 * closing and opening helps.  That is tried with a growing pause while the
 * cause lasts.  Readers are kept out meanwhile by db_lock.  Writer thread.
 */
#include <sys/statvfs.h>

#include "store/rocks/impl.h"

#define MIB (UINT64_C(1) << 20)

enum { LOOK_MS = 250, BACKOFF_FIRST_MS = 100, BACKOFF_LAST_MS = 2000 };

/* Kept free: a sixteenth, at least 8 and at most 64 MiB (what tables and logs grow in a second). */
static uint64_t reserve_bytes(uint64_t total)
{
    uint64_t reserve = total / 16;
    if (reserve < 8 * MIB)
        return 8 * MIB;
    return reserve > 64 * MIB ? 64 * MIB : reserve;
}

static enum mn_err look_at_space(struct mn_rlog *log)
{
    struct statvfs fs;
    enum mn_err err = mn_rlog_fault(log, MN_FAULT_SPACE);
    if (err)
        return err;
    /* No answer is no reason to refuse: a failing disk shows when it is written. */
    if (statvfs(log->config->dir, &fs) != 0)
        return MN_OK;
    uint64_t unit = fs.f_frsize;
    return fs.f_bavail * unit < reserve_bytes(fs.f_blocks * unit) ? MN_ENOSPC : MN_OK;
}

static enum mn_err reopen(struct mn_rlog *log)
{
    const struct mn_rocks_config config = {.dir = log->config->dir,
                                           .cache_bytes = log->config->cache_bytes,
                                           .memtable_bytes = log->config->memtable_bytes,
                                           .sync = log->config->sync};
    struct mn_buf why;
    mn_buf_init(&why, 4096);
    pthread_rwlock_wrlock(&log->db_lock);
    mn_rocks_close(log->db);
    log->db = NULL;
    enum mn_err err = mn_rlog_fault(log, MN_FAULT_REOPEN);
    if (!err)
        err = mn_rlog_judge(log, mn_rocks_open(&config, &log->db, &why), "reopening", 0);
    pthread_rwlock_unlock(&log->db_lock);
    mn_buf_deinit(&why);
    return err == MN_ENOSPC || err == MN_OK ? err : MN_EIO;
}

static void refuse(struct mn_writer *w, enum mn_err cause, uint64_t now_ms)
{
    w->cause = cause;
    w->backoff_ms = w->backoff_ms == 0 ? BACKOFF_FIRST_MS : 2 * w->backoff_ms;
    if (w->backoff_ms > BACKOFF_LAST_MS)
        w->backoff_ms = BACKOFF_LAST_MS;
    w->look_ms = now_ms + w->backoff_ms;
    mn_msglog_set_writable(w->log->front, false);
}

void mn_writer_fail(struct mn_writer *w, enum mn_err cause, uint64_t now_ms)
{
    mn_chats_clear(&w->chats);
    mn_counts_clear(&w->counts);
    w->broken = true;
    refuse(w, cause == MN_ENOSPC ? MN_ENOSPC : MN_EIO, now_ms);
}

void mn_writer_check_disk(struct mn_writer *w, uint64_t now_ms)
{
    if (now_ms < w->look_ms)
        return;
    enum mn_err err = look_at_space(w->log);
    if (!err && w->broken) {
        err = reopen(w->log);
        if (!err && mn_lists_recover(w->log))
            err = MN_EIO;
        w->lists_mark = 0;
        w->lists_due_ms = 0;
        w->broken = err != MN_OK;
        /* What was loaded while the old one was dying may not be what the new one found. */
        mn_chats_clear(&w->chats);
        mn_counts_clear(&w->counts);
    }
    if (err) {
        refuse(w, err, now_ms);
        return;
    }
    w->look_ms = now_ms + LOOK_MS;
    if (w->cause) {
        w->cause = MN_OK;
        w->backoff_ms = 0;
        mn_msglog_set_writable(w->log->front, true);
    }
}
