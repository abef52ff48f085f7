/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The accounts file outside SQLite, see sqlite_file.h.
 *
 * A file without sums is not changed: VACUUM INTO makes a new one with room
 * for them, which takes its place when it is whole and synced.  In a file
 * with room only the tails of pages are written, that of page 1 last: until
 * then it tells that somebody else was there, so what was cut off is taken
 * up again.
 */
#include "store/sql/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sql/sqlite.h"

enum { PATH_CAP = 4200 };

struct file {
    const char *path;
    struct mn_buf *why;
    int fd;
    uint32_t pages;
};

static enum mn_err failed(struct mn_buf *why, const char *path)
{
    enum mn_err err = mn_err_from_errno(errno);
    mn_buf_addf(why, "cannot open the accounts database %s: %s", path, strerrordesc_np(errno));
    return err;
}

static enum mn_err damaged(struct mn_buf *why, const char *path, const char *what)
{
    mn_buf_addf(why, "the accounts database %s is damaged (%s): restore it from a backup", path,
                what);
    return MN_ECORRUPT;
}

static void name_beside(char name[PATH_CAP], const char *path, const char *suffix)
{
    mn_ignore(snprintf(name, PATH_CAP, "%s%s", path, suffix));
}

static bool has_bytes(const char *path, const char *suffix)
{
    char name[PATH_CAP];
    struct stat st;
    name_beside(name, path, suffix);
    return stat(name, &st) == 0 && st.st_size > 0;
}

enum mn_err mn_sqlite_file_sync_names(const char *path)
{
    char copy[PATH_CAP];
    name_beside(copy, path, "");
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    enum mn_err err = ok ? MN_OK : mn_err_from_errno(errno);
    if (fd >= 0)
        close(fd);
    return err;
}

/* ---- pages ---- */

static enum mn_err file_open(struct file *file, int flags)
{
    struct stat st;
    file->fd = open(file->path, flags | O_CLOEXEC);
    if (file->fd < 0 || fstat(file->fd, &st))
        return failed(file->why, file->path);
    file->pages = (uint32_t)(st.st_size / MN_PAGE_BYTES);
    return MN_OK;
}

static void file_close(struct file *file)
{
    if (file->fd >= 0)
        close(file->fd);
}

static enum mn_err file_read(const struct file *file, uint32_t number, uint8_t page[MN_PAGE_BYTES])
{
    ssize_t n = pread(file->fd, page, MN_PAGE_BYTES, (off_t)(number - 1) * MN_PAGE_BYTES);
    if (n == MN_PAGE_BYTES)
        return MN_OK;
    errno = n < 0 ? errno : EIO;
    return failed(file->why, file->path);
}

static enum mn_page_file kind_of(const struct file *file)
{
    uint8_t page[MN_PAGE_BYTES];
    ssize_t n = pread(file->fd, page, sizeof(page), 0);
    return n < 0 ? MN_PAGE_FILE_OTHER
                 : mn_page_file(page, (size_t)n, has_bytes(file->path, "-wal"));
}

enum mn_page_file mn_sqlite_file_kind(const char *path)
{
    struct file file = {.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    enum mn_page_file kind = file.fd < 0 ? MN_PAGE_FILE_OTHER : kind_of(&file);
    file_close(&file);
    return kind;
}

static enum mn_err scan(const struct file *file, void (*fn)(void *arg, uint32_t page), void *arg)
{
    uint8_t page[MN_PAGE_BYTES];
    for (uint32_t i = 1; i <= file->pages; i++) {
        if (i == MN_PAGE_LOCKS)
            continue;
        enum mn_err err = file_read(file, i, page);
        if (err)
            return err;
        if (!mn_page_fits(page, i))
            fn(arg, i);
    }
    return MN_OK;
}

enum mn_err mn_sqlite_file_scan(const char *path, void (*fn)(void *arg, uint32_t page), void *arg)
{
    struct mn_buf why;
    struct file file = {.path = path, .why = &why};
    if (has_bytes(path, "-wal") || has_bytes(path, "-journal"))
        return MN_OK; /* pages may be torn that are whole there */
    mn_buf_init(&why, PATH_CAP + 256);
    enum mn_err err = file_open(&file, O_RDONLY);
    if (!err)
        err = scan(&file, fn, arg);
    file_close(&file);
    mn_buf_deinit(&why);
    return err;
}

/* Pages that do not fit. */
struct misfits {
    uint32_t first;
    uint64_t count;
};

static void count_misfit(void *arg, uint32_t page)
{
    struct misfits *misfits = arg;
    if (misfits->count++ == 0)
        misfits->first = page;
}

static enum mn_err stamp_one(const struct file *file, uint32_t number)
{
    uint8_t page[MN_PAGE_BYTES];
    enum mn_err err = file_read(file, number, page);
    if (err || mn_page_fits(page, number))
        return err;
    mn_page_stamp(page, number);
    off_t at = (off_t)number * MN_PAGE_BYTES - MN_PAGE_TAIL;
    ssize_t n = pwrite(file->fd, page + MN_PAGE_BYTES - MN_PAGE_TAIL, MN_PAGE_TAIL, at);
    if (n == MN_PAGE_TAIL)
        return MN_OK;
    errno = n < 0 ? errno : EIO;
    return failed(file->why, file->path);
}

/* What page 1 says of the others must not be on disk before them. */
static enum mn_err stamp_all(const struct file *file)
{
    enum mn_err err = MN_OK;
    for (uint32_t i = file->pages; i > 1 && !err; i--)
        err = i == MN_PAGE_LOCKS ? MN_OK : stamp_one(file, i);
    if (!err && fsync(file->fd))
        err = failed(file->why, file->path);
    if (!err)
        err = stamp_one(file, 1);
    if (!err && fsync(file->fd))
        err = failed(file->why, file->path);
    return err;
}

/* ---- with SQLite as it comes, without a check of sums ---- */

static enum mn_err exec(sqlite3 *raw, const char *sql)
{
    return mn_sqlite_err(sqlite3_exec(raw, sql, NULL, NULL, NULL));
}

/* One answer of one word; another one is a damaged or a busy file. */
static enum mn_err says(const struct file *file, sqlite3 *raw, const char *sql, const char *want,
                        enum mn_err otherwise)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(raw, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    enum mn_err err = mn_sqlite_err(code);
    const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (!err && (!text || strcmp(text, want) != 0))
        err = otherwise;
    if (err == MN_ECORRUPT)
        err = damaged(file->why, file->path, text ? text : sqlite3_errmsg(raw));
    else if (err == MN_EBUSY)
        mn_buf_addf(file->why, "another program has the accounts database %s open: close it",
                    file->path);
    (void)sqlite3_finalize(stmt); /* repeats `code` */
    return err;
}

/* What a crash left is taken into it; nobody else can write from then on. */
static enum mn_err open_as_it_comes(const struct file *file, sqlite3 **ret_raw)
{
    int code = sqlite3_open_v2(file->path, ret_raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                               NULL);
    (void)sqlite3_extended_result_codes(*ret_raw, 1); /* fails for a NULL handle only */
    enum mn_err err = mn_sqlite_err(code);
    if (!err)
        err = exec(*ret_raw, "PRAGMA trusted_schema=OFF");
    if (!err)
        err = mn_sqlite_schema_check(*ret_raw, file->path, file->why);
    if (!err)
        err = says(file, *ret_raw, "PRAGMA journal_mode=DELETE", "delete", MN_EBUSY);
    if (!err)
        err = exec(*ret_raw, "PRAGMA locking_mode=EXCLUSIVE");
    if (!err)
        err = says(file, *ret_raw, "PRAGMA integrity_check(1)", "ok", MN_ECORRUPT);
    return err;
}

static enum mn_err close_again(const struct file *file, sqlite3 *raw, enum mn_err err)
{
    if (err == MN_ECORRUPT && file->why->n == 0)
        err = damaged(file->why, file->path, sqlite3_errmsg(raw));
    if (err && file->why->n == 0)
        mn_buf_addf(file->why, "cannot give sums to the accounts database %s: %s (%s)", file->path,
                    sqlite3_errmsg(raw), mn_sqlite_cause(raw, err));
    MN_BUG_ON(sqlite3_close(raw) != SQLITE_OK);
    return err;
}

/* ---- a file that somebody else wrote into ---- */

static enum mn_err adopt(const struct file *file)
{
    sqlite3 *raw = NULL;
    struct file now = {.path = file->path, .why = file->why, .fd = -1};
    enum mn_err err = open_as_it_comes(file, &raw);
    if (!err)
        err = file_open(&now, O_RDWR); /* it may have become longer */
    if (!err)
        err = stamp_all(&now);
    err = close_again(file, raw, err);
    file_close(&now); /* after SQLite, whose locks go with it */
    return err;
}

/* ---- a file without room for sums ---- */

static enum mn_err vacuum_into(sqlite3 *raw, const char *name)
{
    sqlite3_stmt *stmt = NULL;
    int tail = MN_PAGE_TAIL;
    enum mn_err err = exec(raw, "PRAGMA page_size=4096"); /* takes the room away: first */
    if (err)
        return err;
    (void)sqlite3_file_control(raw, "main", SQLITE_FCNTL_RESERVE_BYTES, &tail); /* cannot fail */
    int code = sqlite3_prepare_v2(raw, "VACUUM main INTO ?1", -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    (void)sqlite3_finalize(stmt); /* repeats `code` */
    return mn_sqlite_err(code);
}

/* An empty one, for us alone to read; one that was cut off is thrown away. */
static enum mn_err make_empty(const struct file *file, const char *name)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(file->why, name);
    close(fd);
    return MN_OK;
}

static enum mn_err write_copy(const struct file *file, sqlite3 *raw, const char *name,
                              uint64_t *ret_pages)
{
    struct file copy = {.path = name, .why = file->why, .fd = -1};
    enum mn_err err = make_empty(file, name);
    if (!err)
        err = vacuum_into(raw, name);
    if (!err)
        err = file_open(&copy, O_RDWR);
    if (!err && kind_of(&copy) != MN_PAGE_FILE_TOUCHED)
        err = MN_ESYS;
    if (!err)
        err = stamp_all(&copy);
    *ret_pages = copy.pages;
    file_close(&copy);
    return err;
}

/* The old log must be gone for good before the new file has the name that it belongs to. */
static enum mn_err replace(const struct file *file, const char *name)
{
    enum mn_err err = mn_sqlite_file_sync_names(file->path);
    if (!err && rename(name, file->path))
        err = mn_err_from_errno(errno);
    return err ? err : mn_sqlite_file_sync_names(file->path);
}

static enum mn_err rewrite(const struct file *file, uint64_t *ret_pages)
{
    char name[PATH_CAP];
    sqlite3 *raw = NULL;
    name_beside(name, file->path, "-new");
    enum mn_err err = open_as_it_comes(file, &raw);
    if (!err)
        err = write_copy(file, raw, name, ret_pages);
    if (!err)
        err = replace(file, name);
    if (err)
        (void)unlink(name); /* it is written anew the next time */
    return close_again(file, raw, err);
}

/* ---- what the file is ---- */

/* With a journal it may be a new one that was cut off: SQLite makes it empty again. */
static enum mn_err check_other(const struct file *file)
{
    if (has_bytes(file->path, "-journal"))
        return MN_OK;
    mn_buf_addf(file->why,
                "%s is no SQLite database, or a damaged one: restore it from a backup, or move it "
                "away",
                file->path);
    return MN_ECORRUPT;
}

static enum mn_err check_summed(const struct file *file)
{
    char what[64];
    struct misfits misfits = {0};
    if (has_bytes(file->path, "-wal") || has_bytes(file->path, "-journal"))
        return MN_OK; /* pages may be torn that are whole there; SQLite knows which */
    enum mn_err err = scan(file, count_misfit, &misfits);
    if (err || misfits.count == 0)
        return err;
    snprintf(what, sizeof(what), "page %u, %llu in all", (unsigned)misfits.first,
             (unsigned long long)misfits.count);
    return damaged(file->why, file->path, what);
}

static enum mn_err take_over(const struct file *file, uint64_t *ret_trusted)
{
    struct misfits misfits = {0};
    enum mn_err err = scan(file, count_misfit, &misfits);
    if (err || misfits.count == 0)
        return err;
    *ret_trusted = misfits.count;
    return adopt(file);
}

enum mn_err mn_sqlite_file_prepare(const char *path, uint64_t *ret_trusted, struct mn_buf *why)
{
    struct file file = {.path = path, .why = why, .fd = -1};
    *ret_trusted = 0;
    enum mn_err err = mn_sqlite_wal_check(path, why);
    if (!err)
        err = file_open(&file, O_RDONLY);
    if (err) {
        file_close(&file);
        return err;
    }
    switch (kind_of(&file)) {
    case MN_PAGE_FILE_EMPTY:
        break;
    case MN_PAGE_FILE_OTHER:
        err = check_other(&file);
        break;
    case MN_PAGE_FILE_PLAIN:
        err = rewrite(&file, ret_trusted);
        break;
    case MN_PAGE_FILE_SUMMED:
        err = check_summed(&file);
        break;
    case MN_PAGE_FILE_TOUCHED:
        err = take_over(&file, ret_trusted);
        break;
    }
    file_close(&file);
    return err;
}
