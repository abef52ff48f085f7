/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shim over SQLite's own file system, see sqlite_vfs.h.  Of every file but
 * the database and its log it keeps out of the way.
 *
 * It has no memory mapping (version 2 of the methods): mapped pages would
 * get past the check.
 */
#include "store/sql/sqlite_vfs.h"

#include <pthread.h>
#include <string.h>

#include "store/sql/sqlite_page.h"

enum { FCNTL_WATCH = 0x6d6e7301 }; /* ours; those below 100 are SQLite's */
enum { HEADER = 100 };             /* what SQLite reads of page 1 before it knows its size */
enum { LOCK_CHECKPOINT = 1, SHM_ALL_BUT_WRITE = 1 }; /* of the log's shared memory */

struct file {
    sqlite3_file base;
    struct file *db; /* of a log: its database; else itself */
    struct mn_sqlite_watch *watch;
    bool is_log, has_checkpoints;
    /* the real one follows */
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs our_vfs;

static struct file *file_of(sqlite3_file *base) { return (struct file *)base; }
static sqlite3_file *real_of(sqlite3_file *base) { return (sqlite3_file *)(file_of(base) + 1); }

#define REAL(base, method, ...) real_of(base)->pMethods->method(real_of(base), ##__VA_ARGS__)

/* ---- reading and writing ---- */

static int damaged(struct file *file, sqlite3_int64 at)
{
    struct mn_sqlite_watch *watch = file->db->watch;
    if (watch && file->is_log && watch->frame == 0)
        watch->frame = (uint32_t)((at - MN_WAL_HEAD) / MN_WAL_FRAME) + 1;
    if (watch && !file->is_log && watch->page == 0)
        watch->page = (uint32_t)(at / MN_PAGE_BYTES) + 1;
    return SQLITE_IOERR_DATA;
}

/* All pages up to the last are written before they are read: one that is not whole is lost. */
static int read_page(sqlite3_file *base, uint8_t page[MN_PAGE_BYTES], sqlite3_int64 at)
{
    sqlite3_int64 size = 0;
    int code = REAL(base, xRead, page, MN_PAGE_BYTES, at);
    if (code == SQLITE_IOERR_SHORT_READ && REAL(base, xFileSize, &size) == SQLITE_OK && size == 0)
        return code; /* a new file */
    if (code == SQLITE_OK && mn_page_fits(page, (uint32_t)(at / MN_PAGE_BYTES) + 1))
        return SQLITE_OK;
    return code == SQLITE_OK || code == SQLITE_IOERR_SHORT_READ ? damaged(file_of(base), at) : code;
}

/* SQLite looks at the sums of a log only when it is opened after a crash. */
static int read_frame(sqlite3_file *base, uint8_t page[MN_PAGE_BYTES], sqlite3_int64 at)
{
    uint8_t head[MN_WAL_HEAD], frame[MN_WAL_FRAME_HEAD], *before = head + MN_WAL_HEAD - 8, last[8];
    sqlite3_int64 start = at - MN_WAL_FRAME_HEAD;
    int code = REAL(base, xRead, page, MN_PAGE_BYTES, at);
    if (code == SQLITE_OK)
        code = REAL(base, xRead, frame, sizeof(frame), start);
    if (code == SQLITE_OK)
        code = REAL(base, xRead, head, sizeof(head), 0);
    if (code == SQLITE_OK && start > MN_WAL_HEAD) {
        code = REAL(base, xRead, last, sizeof(last), start - MN_PAGE_BYTES - 8);
        before = last;
    }
    if (code == SQLITE_IOERR_SHORT_READ)
        return damaged(file_of(base), at);
    if (code != SQLITE_OK)
        return code;
    bool fits = mn_wal_is_current(head, frame) && mn_wal_links(head, before, frame, page);
    return fits ? SQLITE_OK : damaged(file_of(base), at);
}

/* Where the page begins that has the byte `at`; negative: none has, it is of a head. */
static sqlite3_int64 page_at(const struct file *file, sqlite3_int64 at)
{
    if (!file->is_log)
        return at - at % MN_PAGE_BYTES;
    sqlite3_int64 in = at < MN_WAL_HEAD ? 0 : (at - MN_WAL_HEAD) % MN_WAL_FRAME;
    return in < MN_WAL_FRAME_HEAD ? -1 : at - in + MN_WAL_FRAME_HEAD;
}

static int x_read(sqlite3_file *base, void *p, int n, sqlite3_int64 at)
{
    uint8_t whole[MN_PAGE_BYTES];
    struct file *file = file_of(base);
    sqlite3_int64 start = page_at(file, at);
    if (start < 0 || (!file->is_log && at + n <= HEADER))
        return REAL(base, xRead, p, n, at);
    if (at + n > start + MN_PAGE_BYTES) /* of a page of another size: its header is damaged */
        return damaged(file, at);
    uint8_t *page = n == MN_PAGE_BYTES ? p : whole;
    int code = file->is_log ? read_frame(base, page, start) : read_page(base, page, start);
    if (page == whole)
        memcpy(p, whole + (at - start), (size_t)n);
    return code;
}

static int x_write(sqlite3_file *base, const void *p, int n, sqlite3_int64 at)
{
    uint8_t page[MN_PAGE_BYTES];
    if (file_of(base)->is_log)
        return REAL(base, xWrite, p, n, at);
    if (n != MN_PAGE_BYTES || at % MN_PAGE_BYTES != 0)
        return SQLITE_IOERR_WRITE; /* SQLite writes whole pages */
    if (at == 0 && !mn_page_has_room(p))
        return SQLITE_IOERR_WRITE; /* nothing of ours is made that way */
    memcpy(page, p, sizeof(page));
    mn_page_stamp(page, (uint32_t)(at / MN_PAGE_BYTES) + 1);
    return REAL(base, xWrite, page, n, at);
}

/* ---- locks of the shared memory ---- */

static int x_shm_lock(sqlite3_file *base, int first, int n, int flags)
{
    struct file *file = file_of(base);
    bool keeps = file->watch && file->watch->keeps_checkpoints;
    if (keeps && first == LOCK_CHECKPOINT && n == 1) {
        int code = file->has_checkpoints ? SQLITE_OK : REAL(base, xShmLock, first, n, flags);
        file->has_checkpoints = file->has_checkpoints || code == SQLITE_OK;
        return code;
    }
    if (file->has_checkpoints && first == SHM_ALL_BUT_WRITE) /* a recovery: has this one already */
        return REAL(base, xShmLock, first + 1, n - 1, flags);
    return REAL(base, xShmLock, first, n, flags);
}

static int x_shm_unmap(sqlite3_file *base, int is_last)
{
    struct file *file = file_of(base);
    if (file->has_checkpoints)
        (void)REAL(base, xShmLock, LOCK_CHECKPOINT, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
    file->has_checkpoints = false;
    return REAL(base, xShmUnmap, is_last);
}

/* ---- what goes through ---- */

static int x_close(sqlite3_file *base) { return REAL(base, xClose); }
static int x_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    return REAL(base, xTruncate, size);
}
static int x_sync(sqlite3_file *base, int flags) { return REAL(base, xSync, flags); }
static int x_size(sqlite3_file *base, sqlite3_int64 *ret) { return REAL(base, xFileSize, ret); }
static int x_lock(sqlite3_file *base, int level) { return REAL(base, xLock, level); }
static int x_unlock(sqlite3_file *base, int level) { return REAL(base, xUnlock, level); }
static int x_is_reserved(sqlite3_file *base, int *ret)
{
    return REAL(base, xCheckReservedLock, ret);
}
static int x_sector_size(sqlite3_file *base) { return REAL(base, xSectorSize); }
static int x_features(sqlite3_file *base) { return REAL(base, xDeviceCharacteristics); }
static int x_shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **ret)
{
    return REAL(base, xShmMap, region, size, extend, ret);
}
static void x_shm_barrier(sqlite3_file *base) { REAL(base, xShmBarrier); }

static int x_control(sqlite3_file *base, int what, void *arg)
{
    if (what != FCNTL_WATCH)
        return REAL(base, xFileControl, what, arg);
    file_of(base)->watch = arg;
    return SQLITE_OK;
}

/* ---- opening ---- */

static int x_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *ret_flags)
{
    static const sqlite3_io_methods methods = {
        .iVersion = 2,
        .xClose = x_close,
        .xRead = x_read,
        .xWrite = x_write,
        .xTruncate = x_truncate,
        .xSync = x_sync,
        .xFileSize = x_size,
        .xLock = x_lock,
        .xUnlock = x_unlock,
        .xCheckReservedLock = x_is_reserved,
        .xFileControl = x_control,
        .xSectorSize = x_sector_size,
        .xDeviceCharacteristics = x_features,
        .xShmMap = x_shm_map,
        .xShmLock = x_shm_lock,
        .xShmBarrier = x_shm_barrier,
        .xShmUnmap = x_shm_unmap,
    };
    struct file *file = file_of(base);
    (void)vfs;
    if (!(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
        return real_vfs->xOpen(real_vfs, name, base, flags, ret_flags);
    memset(file, 0, (size_t)our_vfs.szOsFile);
    file->is_log = flags & SQLITE_OPEN_WAL;
    file->db = file->is_log ? file_of(sqlite3_database_file_object(name)) : file;
    int code = real_vfs->xOpen(real_vfs, name, real_of(base), flags, ret_flags);
    if (real_of(base)->pMethods) /* it is to be closed, even if it failed */
        base->pMethods = &methods;
    return code;
}

/* All but opening is the real one's, which is what it gets told to be. */
static void make_known(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    our_vfs = *real_vfs;
    our_vfs.zName = "minim";
    our_vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
    our_vfs.xOpen = x_open;
    our_vfs.pNext = NULL;
    (void)sqlite3_vfs_register(&our_vfs, 0); /* if it fails, nothing can be opened */
}

const char *mn_sqlite_vfs(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_known);
    return our_vfs.zName;
}

void mn_sqlite_watch(sqlite3 *raw, struct mn_sqlite_watch *watch)
{
    (void)sqlite3_file_control(raw, "main", FCNTL_WATCH, watch); /* fails for another VFS only */
}
