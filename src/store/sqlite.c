/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite driver: the file, its connections, and the use of statements.
 *
 * One connection writes, under a lock, so that writers of this process
 * never meet SQLITE_BUSY; reads borrow one of `readers` connections, which
 * WAL lets run beside the writer.  Connections are opened without SQLite's
 * own mutexes: each is used by one thread at a time.
 *
 * synchronous=FULL: a commit is in the synced WAL before it is reported.
 *
 * Not here: SQL (sqlite.h), the schema (sqlite_schema.c), rows to structs
 * (sqlite_account.c).
 */
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

static const char *const stmt_sql[MN_SQLITE_STMT_COUNT] = {
#define STMT_SQL(sym, sql) [MN_SQLITE_##sym] = (sql),
    MN_SQLITE_STMT_MAP(STMT_SQL)
#undef STMT_SQL
};

enum mn_err mn_sqlite_err(int code)
{
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

/* ---- statements ---------------------------------------------------------- */

static struct mn_sqlite_conn *reader_take(struct mn_sqlite *db)
{
    pthread_mutex_lock(&db->pool_lock);
    while (!db->idle)
        pthread_cond_wait(&db->pool_free, &db->pool_lock);
    struct mn_sqlite_conn *conn = db->idle;
    db->idle = conn->next;
    pthread_mutex_unlock(&db->pool_lock);
    return conn;
}

static void reader_give(struct mn_sqlite *db, struct mn_sqlite_conn *conn)
{
    pthread_mutex_lock(&db->pool_lock);
    conn->next = db->idle;
    db->idle = conn;
    pthread_cond_signal(&db->pool_free);
    pthread_mutex_unlock(&db->pool_lock);
}

static struct mn_sqlite_use use_begin(struct mn_sqlite *db, struct mn_sqlite_conn *conn,
                                      enum mn_sqlite_stmt stmt, bool writing)
{
    struct mn_sqlite_use use = {.db = db, .conn = conn, .writing = writing};
    sqlite3_stmt **slot = &conn->stmt[stmt];
    if (!*slot)
        use.err = mn_sqlite_err(sqlite3_prepare_v3(conn->raw, stmt_sql[stmt], -1,
                                                   SQLITE_PREPARE_PERSISTENT, slot, NULL));
    use.stmt = *slot;
    return use;
}

struct mn_sqlite_use mn_sqlite_read(struct mn_db *base, enum mn_sqlite_stmt stmt)
{
    struct mn_sqlite *db = mn_container_of(base, struct mn_sqlite, base);
    return use_begin(db, reader_take(db), stmt, false);
}

struct mn_sqlite_use mn_sqlite_write(struct mn_db *base, enum mn_sqlite_stmt stmt)
{
    struct mn_sqlite *db = mn_container_of(base, struct mn_sqlite, base);
    pthread_mutex_lock(&db->write_lock);
    return use_begin(db, &db->writer, stmt, true);
}

static void note(struct mn_sqlite_use *use, int code)
{
    if (use->err == MN_OK)
        use->err = mn_sqlite_err(code);
}

void mn_sqlite_bind_i64(struct mn_sqlite_use *use, int index, int64_t value)
{
    if (use->err == MN_OK)
        note(use, sqlite3_bind_int64(use->stmt, index, value));
}

void mn_sqlite_bind_str(struct mn_sqlite_use *use, int index, struct mn_str value)
{
    if (use->err != MN_OK)
        return;
    if (!value.p)
        note(use, sqlite3_bind_null(use->stmt, index));
    else
        note(use,
             sqlite3_bind_text64(use->stmt, index, value.p, value.n, SQLITE_STATIC, SQLITE_UTF8));
}

bool mn_sqlite_row(struct mn_sqlite_use *use)
{
    if (use->err != MN_OK || use->done)
        return false;
    int code = sqlite3_step(use->stmt);
    note(use, code);
    use->done = code != SQLITE_ROW;
    return !use->done;
}

int64_t mn_sqlite_i64(struct mn_sqlite_use *use, int column)
{
    return sqlite3_column_int64(use->stmt, column);
}

bool mn_sqlite_text(struct mn_sqlite_use *use, int column, char *p, size_t cap)
{
    const unsigned char *text = sqlite3_column_text(use->stmt, column);
    p[0] = '\0';
    if (!text)
        return false;
    size_t n = (size_t)sqlite3_column_bytes(use->stmt, column);
    if (n >= cap) {
        n = cap - 1;
        while (n > 0 && (text[n] & 0xc0) == 0x80)
            n--;
    }
    memcpy(p, text, n);
    p[n] = '\0';
    return true;
}

enum mn_err mn_sqlite_end_changes(struct mn_sqlite_use *use, int *ret_changes)
{
    /* A write with RETURNING commits when it has been stepped to its end. */
    while (mn_sqlite_row(use))
        continue;
    if (ret_changes)
        *ret_changes = use->err == MN_OK ? sqlite3_changes(use->conn->raw) : 0;
    if (use->stmt) {
        note(use, sqlite3_reset(use->stmt));
        (void)sqlite3_clear_bindings(use->stmt); /* cannot fail */
    }
    if (use->writing)
        pthread_mutex_unlock(&use->db->write_lock);
    else
        reader_give(use->db, use->conn);
    return use->err;
}

enum mn_err mn_sqlite_end(struct mn_sqlite_use *use) { return mn_sqlite_end_changes(use, NULL); }

/* ---- connections --------------------------------------------------------- */

static enum mn_err exec(sqlite3 *raw, const char *sql)
{
    return mn_sqlite_err(sqlite3_exec(raw, sql, NULL, NULL, NULL));
}

static enum mn_err conn_open(struct mn_sqlite_conn *conn, const struct mn_db_config *config)
{
    int code = sqlite3_open_v2(config->path, &conn->raw,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        return mn_sqlite_err(code);
    (void)sqlite3_extended_result_codes(conn->raw, 1); /* fails for a NULL handle only */
    (void)sqlite3_busy_timeout(conn->raw, (int)config->busy_timeout_ms); /* the same */
    return exec(conn->raw, config->sync ? "PRAGMA synchronous=FULL; PRAGMA trusted_schema=OFF"
                                        : "PRAGMA synchronous=OFF; PRAGMA trusted_schema=OFF");
}

static void conn_close(struct mn_sqlite_conn *conn)
{
    for (unsigned i = 0; i < MN_SQLITE_STMT_COUNT; i++)
        (void)sqlite3_finalize(conn->stmt[i]); /* repeats the last step's error, known already */
    MN_BUG_ON(sqlite3_close(conn->raw) != SQLITE_OK);
    *conn = (struct mn_sqlite_conn){0};
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

static enum mn_err check_pages(struct mn_sqlite *db, const char *path, struct mn_buf *why)
{
    bool ok = false;
    enum mn_err err = pragma_says(db->writer.raw, "PRAGMA quick_check(1)", "ok", &ok);
    if (err == MN_OK && !ok)
        err = MN_ECORRUPT;
    if (err == MN_ECORRUPT)
        mn_buf_addf(why,
                    "the accounts database %s is damaged (quick_check failed): restore it from a "
                    "backup, or try sqlite3 %s .recover",
                    path, path);
    return err;
}

static enum mn_err use_wal(struct mn_sqlite *db, const char *path, struct mn_buf *why)
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

static enum mn_err open_writer(struct mn_sqlite *db, const struct mn_db_config *config,
                               struct mn_buf *why)
{
    enum mn_err err = file_create(config->path, why);
    if (err == MN_OK)
        err = conn_open(&db->writer, config);
    if (err == MN_OK) /* before anything is changed in a file that is not ours to change */
        err = mn_sqlite_schema_check(db->writer.raw, config->path, why);
    if (err == MN_OK)
        err = check_pages(db, config->path, why);
    if (err == MN_OK)
        err = use_wal(db, config->path, why);
    if (err == MN_OK)
        err = mn_sqlite_schema_update(db->writer.raw, config->path, why);
    return err;
}

static enum mn_err open_readers(struct mn_sqlite *db, const struct mn_db_config *config)
{
    db->reader_count = config->readers > 0 ? config->readers : 1;
    db->readers = mn_alloc_array(db->reader_count, sizeof(*db->readers));
    for (unsigned i = 0; i < db->reader_count; i++) {
        enum mn_err err = conn_open(&db->readers[i], config);
        if (err == MN_OK)
            err = exec(db->readers[i].raw, "PRAGMA query_only=ON");
        if (err != MN_OK)
            return err;
        reader_give(db, &db->readers[i]);
    }
    return MN_OK;
}

static void sqlite_close(struct mn_db *base)
{
    struct mn_sqlite *db = mn_container_of(base, struct mn_sqlite, base);
    for (unsigned i = 0; i < db->reader_count; i++)
        conn_close(&db->readers[i]);
    mn_free(db->readers);
    conn_close(&db->writer); /* last: it checkpoints and removes the WAL */
    pthread_cond_destroy(&db->pool_free);
    pthread_mutex_destroy(&db->pool_lock);
    pthread_mutex_destroy(&db->write_lock);
    mn_free(db);
}

static enum mn_err sqlite_probe(struct mn_db *db)
{
    struct mn_sqlite_use use = mn_sqlite_write(db, MN_SQLITE_PROBE);
    mn_sqlite_bind_i64(&use, 1, mn_unix_ms());
    return mn_sqlite_end(&use);
}

static const struct mn_db_ops sqlite_ops = {
    .close = sqlite_close,
    .probe = sqlite_probe,
    .witness = mn_sqlite_witness,
    .witness_put = mn_sqlite_witness_put,
    .user_by_id = mn_sqlite_user_by_id,
    .user_by_key = mn_sqlite_user_by_key,
    .user_by_friend_code = mn_sqlite_user_by_friend_code,
    .user_create = mn_sqlite_user_create,
    .user_claim = mn_sqlite_user_claim,
    .user_set_friend_code = mn_sqlite_user_set_friend_code,
    .max_user_id = mn_sqlite_max_user_id,
    .session = mn_sqlite_session,
    .session_begin = mn_sqlite_session_begin,
    .session_slide = mn_sqlite_session_slide,
    .session_end = mn_sqlite_session_end,
};

enum mn_err mn_sqlite_open(const struct mn_db_config *config, struct mn_db **ret,
                           struct mn_buf *why)
{
    struct mn_sqlite *db = mn_new(struct mn_sqlite);
    db->base.ops = &sqlite_ops;
    atomic_store(&db->base.writable, true);
    pthread_mutex_init(&db->write_lock, NULL);
    pthread_mutex_init(&db->pool_lock, NULL);
    pthread_cond_init(&db->pool_free, NULL);
    enum mn_err err = open_writer(db, config, why);
    if (err == MN_OK)
        err = open_readers(db, config);
    if (err != MN_OK) {
        if (why->n == 0) /* nothing more precise is known */
            mn_buf_addf(why,
                        err == MN_ECORRUPT ? "%s is no SQLite database, or a damaged one (%s): "
                                             "restore it from a backup, or move it away"
                                           : "cannot open the accounts database %s: %s",
                        config->path, mn_err_text(err));
        sqlite_close(&db->base);
        return err;
    }
    *ret = &db->base;
    return MN_OK;
}
