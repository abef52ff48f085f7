/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite driver: the file, its connections and their statements.
 *
 * One connection writes, under a lock, so that writers of this process
 * never meet SQLITE_BUSY; reads borrow one of `readers` connections, which
 * WAL lets run beside the writer.  Connections are opened without SQLite's
 * own mutexes: each is used by one thread at a time.
 *
 * synchronous=FULL: a commit is in the synced WAL before it is reported.
 * A transaction begins IMMEDIATE, with the lock that it will need: it never
 * has to be given up for another one later (MN_EAGAIN).
 *
 * In use the file has a write-ahead log; at rest it has none and is in the
 * mode of a rollback journal, so that it can be seen whether somebody else
 * has written into it meanwhile (sqlite_page.h).
 *
 * Not here: SQL, but for what opening takes; the schema (sqlite_schema.c);
 * the sums of pages (sqlite_vfs.c, sqlite_file.c).
 */
#include "store/sql/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/sql/sql_driver.h"
#include "store/sql/sqlite_file.h"
#include "store/sql/sqlite_vfs.h"

struct sqlite_conn {
    struct mn_sql_conn base;
    sqlite3 *raw;
    struct mn_sqlite_watch watch;
    struct sqlite_conn *next; /* free list of readers */
};

struct sqlite_db {
    struct mn_db base;
    pthread_mutex_t write_lock; /* held while the writer is taken */
    struct sqlite_conn writer;
    pthread_mutex_t pool_lock; /* readers below */
    pthread_cond_t pool_free;
    struct sqlite_conn *idle;
    struct sqlite_conn *readers;
    unsigned reader_count;
    bool sync, is_open;
    char path[4096];
};

enum mn_err mn_sqlite_err(int code)
{
    if (code == SQLITE_IOERR_DATA) /* a sum that does not fit */
        return MN_ECORRUPT;
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return MN_OK;
    case SQLITE_CONSTRAINT:
        return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ? MN_EEXIST
                                                                                        : MN_EINVAL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return MN_EBUSY;
    case SQLITE_FULL:
        return MN_ENOSPC;
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return MN_EIO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return MN_ECORRUPT;
    case SQLITE_NOMEM:
        return MN_ENOMEM;
    case SQLITE_TOOBIG:
        return MN_ELIMIT;
    default:
        return MN_ESYS;
    }
}

const char *mn_sqlite_cause(sqlite3 *raw, enum mn_err err)
{
    int number = err == MN_EIO && raw ? sqlite3_system_errno(raw) : 0;
    return number ? strerrordesc_np(number) : mn_err_text(err);
}

/* ---- connections --------------------------------------------------------- */

static struct sqlite_conn *reader_take(struct sqlite_db *db)
{
    pthread_mutex_lock(&db->pool_lock);
    while (!db->idle)
        pthread_cond_wait(&db->pool_free, &db->pool_lock);
    struct sqlite_conn *conn = db->idle;
    db->idle = conn->next;
    pthread_mutex_unlock(&db->pool_lock);
    return conn;
}

static void reader_give(struct sqlite_db *db, struct sqlite_conn *conn)
{
    pthread_mutex_lock(&db->pool_lock);
    conn->next = db->idle;
    db->idle = conn;
    pthread_mutex_unlock(&db->pool_lock);
    pthread_cond_signal(&db->pool_free);
}

static struct mn_sql_conn *sqlite_take(struct mn_db *base, bool is_writing)
{
    struct sqlite_db *db = mn_container_of(base, struct sqlite_db, base);
    if (!is_writing)
        return &reader_take(db)->base;
    MN_BUG_ON(pthread_mutex_lock(&db->write_lock)); /* EDEADLK: a write within a transaction */
    return &db->writer.base;
}

static void sqlite_give(struct mn_db *base, struct mn_sql_conn *conn, bool is_writing)
{
    struct sqlite_db *db = mn_container_of(base, struct sqlite_db, base);
    if (is_writing)
        pthread_mutex_unlock(&db->write_lock);
    else
        reader_give(db, mn_container_of(conn, struct sqlite_conn, base));
}

static sqlite3 *raw_of(struct mn_sql_conn *conn)
{
    return mn_container_of(conn, struct sqlite_conn, base)->raw;
}

/* ---- statements ---------------------------------------------------------- */

static enum mn_err exec(sqlite3 *raw, const char *sql)
{
    return mn_sqlite_err(sqlite3_exec(raw, sql, NULL, NULL, NULL));
}

static const char *sqlite_text(const struct mn_sql *sql) { return sql->sqlite; }

static enum mn_err sqlite_begin(struct mn_sql_conn *conn)
{
    return exec(raw_of(conn), "BEGIN IMMEDIATE");
}

static enum mn_err sqlite_commit(struct mn_sql_conn *conn) { return exec(raw_of(conn), "COMMIT"); }

static void sqlite_rollback(struct mn_sql_conn *conn)
{
    /* A full disk and its like have rolled back already. */
    if (!sqlite3_get_autocommit(raw_of(conn)))
        mn_ignore(exec(raw_of(conn), "ROLLBACK")); /* the error before it is the one that is told */
    MN_BUG_ON(!sqlite3_get_autocommit(raw_of(conn)));
}

static enum mn_err sqlite_prepare(struct mn_sql_conn *conn, const char *text, void **ret_stmt)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v3(raw_of(conn), text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (code == SQLITE_OK)
        *ret_stmt = stmt;
    return mn_sqlite_err(code);
}

static void sqlite_finalize(void *stmt)
{
    (void)sqlite3_finalize(stmt); /* repeats the last step's error, known already */
}

static enum mn_err sqlite_bind_i64(void *stmt, unsigned index, int64_t value)
{
    return mn_sqlite_err(sqlite3_bind_int64(stmt, (int)index, value));
}

static enum mn_err sqlite_bind_text(void *stmt, unsigned index, struct mn_str value)
{
    if (!value.p)
        return mn_sqlite_err(sqlite3_bind_null(stmt, (int)index));
    return mn_sqlite_err(
        sqlite3_bind_text64(stmt, (int)index, value.p, value.n, SQLITE_STATIC, SQLITE_UTF8));
}

static enum mn_err sqlite_step(void *stmt, bool *ret_row)
{
    int code = sqlite3_step(stmt);
    *ret_row = code == SQLITE_ROW;
    return mn_sqlite_err(code);
}

static unsigned sqlite_column_count(void *stmt) { return (unsigned)sqlite3_column_count(stmt); }

static const char *sqlite_column_name(void *stmt, unsigned column)
{
    const char *name = sqlite3_column_name(stmt, (int)column);
    return name ? name : ""; /* NULL: no memory */
}

static int64_t sqlite_column_i64(void *stmt, unsigned column)
{
    return sqlite3_column_int64(stmt, (int)column);
}

static struct mn_str sqlite_column_text(void *stmt, unsigned column)
{
    const char *text = (const char *)sqlite3_column_text(stmt, (int)column);
    return text ? mn_str_make(text, (size_t)sqlite3_column_bytes(stmt, (int)column)) : MN_STR_NONE;
}

static enum mn_err sqlite_reset(void *stmt)
{
    enum mn_err err = mn_sqlite_err(sqlite3_reset(stmt));
    (void)sqlite3_clear_bindings(stmt); /* cannot fail */
    return err;
}

static int64_t sqlite_changes(struct mn_sql_conn *conn)
{
    return sqlite3_total_changes64(raw_of(conn));
}

static bool sqlite_damage(struct mn_sql_conn *base, struct mn_db_damage *ret)
{
    struct mn_sqlite_watch *watch = &mn_container_of(base, struct sqlite_conn, base)->watch;
    if (watch->page == 0 && watch->frame == 0)
        return false;
    ret->page = watch->page;
    ret->frame = watch->frame;
    watch->page = watch->frame = 0;
    return true;
}

/* ---- opening ------------------------------------------------------------- */

static void open_failed(const struct sqlite_conn *conn, const char *path, enum mn_err err,
                        struct mn_buf *why)
{
    if (why->n > 0) /* something more precise is known */
        return;
    if (err == MN_ECORRUPT && conn->watch.page)
        mn_buf_addf(why,
                    "the accounts database %s is damaged (page %u does not fit its sum): restore "
                    "it from a backup",
                    path, (unsigned)conn->watch.page);
    else if (err == MN_ECORRUPT)
        mn_buf_addf(why,
                    "%s is no SQLite database, or a damaged one (%s): restore it from a backup, "
                    "or move it away",
                    path, mn_err_text(err));
    else
        mn_buf_addf(why, "cannot open the accounts database %s: %s", path,
                    mn_sqlite_cause(conn->raw, err));
}

static enum mn_err conn_open(struct sqlite_conn *conn, const struct mn_db_config *config)
{
    int code = sqlite3_open_v2(config->path, &conn->raw,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, mn_sqlite_vfs());
    if (code != SQLITE_OK)
        return mn_sqlite_err(code);
    mn_sqlite_watch(conn->raw, &conn->watch);
    (void)sqlite3_extended_result_codes(conn->raw, 1); /* fails for a NULL handle only */
    (void)sqlite3_busy_timeout(conn->raw, (int)config->busy_timeout_ms); /* the same */
    return exec(conn->raw, config->sync ? "PRAGMA synchronous=FULL; PRAGMA trusted_schema=OFF"
                                        : "PRAGMA synchronous=OFF; PRAGMA trusted_schema=OFF");
}

static void conn_close(struct sqlite_conn *conn)
{
    mn_sql_conn_deinit(&mn_sqlite_driver, &conn->base);
    MN_BUG_ON(sqlite3_close(conn->raw) != SQLITE_OK);
    *conn = (struct sqlite_conn){0};
}

enum mn_err mn_sqlite_ask(sqlite3 *raw, const char *sql, int64_t *ret)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(raw, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        *ret = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt); /* repeats `code` */
    return mn_sqlite_err(code);
}

/* First column of the first row is the text `want`. */
static enum mn_err pragma_says(sqlite3 *raw, const char *sql, const char *want, bool *ret_same)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(raw, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        *ret_same = text && strcmp(text, want) == 0;
    }
    (void)sqlite3_finalize(stmt); /* repeats `code` */
    return mn_sqlite_err(code);
}

/* Password hashes are nobody else's to read; -wal and -shm take the file's mode. */
static enum mn_err file_create(const char *path, struct mn_buf *why)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        enum mn_err err = mn_err_from_errno(errno);
        mn_buf_addf(why, "cannot open the accounts database %s: %s", path, strerrordesc_np(errno));
        return err;
    }
    close(fd);
    return MN_OK;
}

static enum mn_err check_pages(struct sqlite_db *db, const char *path, struct mn_buf *why)
{
    bool ok = false;
    enum mn_err err = pragma_says(db->writer.raw, "PRAGMA quick_check(1)", "ok", &ok);
    if (err == MN_OK && !ok)
        err = MN_ECORRUPT;
    if (err == MN_ECORRUPT && db->writer.watch.page == 0)
        mn_buf_addf(why,
                    "the accounts database %s is damaged (quick_check failed): restore it from a "
                    "backup, or try sqlite3 %s .recover",
                    path, path);
    return err;
}

static enum mn_err use_wal(struct sqlite_db *db, const char *path, struct mn_buf *why)
{
    bool wal = false;
    enum mn_err err = pragma_says(db->writer.raw, "PRAGMA journal_mode=WAL", "wal", &wal);
    if (err == MN_OK && !wal) {
        mn_buf_addf(why,
                    "the file system of %s does not support shared memory (WAL): use a local disk",
                    path);
        err = MN_EIO;
    }
    return err;
}

/* Before a page is written: of a new file, room for sums; frames are written by commits alone. */
static enum mn_err writer_open(struct sqlite_db *db, const struct mn_db_config *config)
{
    int tail = MN_PAGE_TAIL;
    db->writer.watch.keeps_checkpoints = true;
    enum mn_err err = conn_open(&db->writer, config);
    if (!err) /* a page size takes the room away: first */
        err = exec(db->writer.raw, "PRAGMA page_size=4096; PRAGMA cache_spill=OFF");
    if (!err)
        (void)sqlite3_file_control(db->writer.raw, "main", SQLITE_FCNTL_RESERVE_BYTES, &tail);
    return err;
}

static enum mn_err open_writer(struct sqlite_db *db, const struct mn_db_config *config,
                               struct mn_buf *why)
{
    enum mn_err err = file_create(config->path, why);
    if (err == MN_OK)
        err = mn_sqlite_file_prepare(config->path, &db->base.trusted_pages, why);
    if (err == MN_OK)
        err = writer_open(db, config);
    if (err == MN_OK) /* before anything is changed in a file that is not ours to change */
        err = mn_sqlite_schema_check(db->writer.raw, config->path, why);
    if (err == MN_OK)
        err = check_pages(db, config->path, why);
    if (err == MN_OK)
        err = use_wal(db, config->path, why);
    if (err == MN_OK)
        err = mn_sqlite_schema_update(db->writer.raw, config->path, why);
    if (err == MN_OK) /* the first checkpoint: from now on they are ours */
        err = exec(db->writer.raw, "PRAGMA wal_checkpoint");
    if (err != MN_OK)
        open_failed(&db->writer, config->path, err, why);
    return err;
}

static enum mn_err open_readers(struct sqlite_db *db, const struct mn_db_config *config,
                                struct mn_buf *why)
{
    db->reader_count = config->readers > 0 ? config->readers : 1;
    db->readers = mn_alloc_array(db->reader_count, sizeof(*db->readers));
    for (unsigned i = 0; i < db->reader_count; i++) {
        enum mn_err err = conn_open(&db->readers[i], config);
        if (err == MN_OK)
            err = exec(db->readers[i].raw, "PRAGMA query_only=ON");
        if (err != MN_OK) {
            open_failed(&db->readers[i], config->path, err, why);
            return err;
        }
        reader_give(db, &db->readers[i]);
    }
    return MN_OK;
}

/*
 * Last of all, so it takes the log into the file and removes it.  With
 * another program on the file it stays as after a crash.
 */
static void writer_close(struct sqlite_db *db)
{
    mn_sql_conn_deinit(&mn_sqlite_driver, &db->writer.base);
    if (db->is_open) {
        (void)sqlite3_busy_timeout(db->writer.raw, 0); /* fails for a NULL handle only */
        mn_ignore(exec(db->writer.raw, "PRAGMA journal_mode=DELETE"));
    }
    conn_close(&db->writer);
    if (db->is_open && db->sync)
        mn_ignore(mn_sqlite_file_sync_names(db->path)); /* nothing is lost without */
}

static void sqlite_close(struct mn_db *base)
{
    struct sqlite_db *db = mn_container_of(base, struct sqlite_db, base);
    for (unsigned i = 0; i < db->reader_count; i++)
        conn_close(&db->readers[i]);
    mn_free(db->readers);
    writer_close(db);
    pthread_cond_destroy(&db->pool_free);
    pthread_mutex_destroy(&db->pool_lock);
    pthread_mutex_destroy(&db->write_lock);
    mn_free(db);
}

static struct sqlite_db *sqlite_new(void)
{
    struct sqlite_db *db = mn_new(struct sqlite_db);
    pthread_mutexattr_t checked;
    pthread_mutexattr_init(&checked);
    pthread_mutexattr_settype(&checked, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&db->write_lock, &checked);
    pthread_mutexattr_destroy(&checked);
    pthread_mutex_init(&db->pool_lock, NULL);
    pthread_cond_init(&db->pool_free, NULL);
    return db;
}

static enum mn_err sqlite_open(const struct mn_db_config *config, struct mn_db **ret,
                               struct mn_buf *why)
{
    struct sqlite_db *db = sqlite_new();
    db->sync = config->sync;
    snprintf(db->path, sizeof(db->path), "%s", config->path);
    enum mn_err err = open_writer(db, config, why);
    if (err == MN_OK)
        err = open_readers(db, config, why);
    if (err != MN_OK) {
        sqlite_close(&db->base);
        return err;
    }
    db->is_open = true;
    *ret = &db->base;
    return MN_OK;
}

const struct mn_sql_driver mn_sqlite_driver = {
    .open = sqlite_open,
    .close = sqlite_close,
    .text = sqlite_text,
    .take = sqlite_take,
    .give = sqlite_give,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .prepare = sqlite_prepare,
    .finalize = sqlite_finalize,
    .bind_i64 = sqlite_bind_i64,
    .bind_text = sqlite_bind_text,
    .step = sqlite_step,
    .column_count = sqlite_column_count,
    .column_name = sqlite_column_name,
    .column_i64 = sqlite_column_i64,
    .column_text = sqlite_column_text,
    .reset = sqlite_reset,
    .changes = sqlite_changes,
    .damage = sqlite_damage,
};
