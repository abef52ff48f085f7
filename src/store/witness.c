/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See witness.h.  The keeper's thread looks now and then; when nothing
 * changed it writes nothing.  It is its own so that neither the writer of
 * messages nor a worker waits for the accounts' disk.  Silent: a store that
 * cannot be written shows in /readyz by itself.
 */
#include "store/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/log/msglog.h"
#include "store/sql/db.h"

#define ADVICE                                                                                     \
    "nothing was changed: put the whole data directory back from one backup (docs/operations.md, " \
    "\"A part is missing\")"

/* ---- the manifest: RocksDB's table of contents, named by CURRENT ---- */

/* Number and length; false when there is none. */
static bool manifest_look(const char *log_dir, uint64_t *ret_number, uint64_t *ret_bytes, bool sync)
{
    static const char prefix[] = "MANIFEST-";
    char path[4200], name[64];
    struct stat st;
    snprintf(path, sizeof(path), "%.4000s/CURRENT", log_dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, name, sizeof(name) - 1);
    close(fd);
    while (n > 0 && name[n - 1] == '\n')
        n--;
    size_t skip = sizeof(prefix) - 1;
    if (n <= (ssize_t)skip || memcmp(name, prefix, skip) != 0 ||
        mn_parse_u64(mn_str_make(name + skip, (size_t)n - skip), 0, UINT64_MAX, ret_number))
        return false;
    snprintf(path, sizeof(path), "%.4000s/%.*s", log_dir, (int)n, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fstat(fd, &st) == 0 && (!sync || fsync(fd) == 0);
    *ret_bytes = ok ? (uint64_t)st.st_size : 0;
    close(fd);
    return ok;
}

static bool sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* ---- checks ---- */

enum mn_err mn_witness_check_accounts(const char *db_path, const char *log_dir, struct mn_buf *why)
{
    char current[4200];
    struct stat db, st;
    snprintf(current, sizeof(current), "%.4000s/CURRENT", log_dir);
    if (stat(current, &st) != 0 || (stat(db_path, &db) == 0 && db.st_size > 0))
        return MN_OK;
    mn_buf_addf(why, "the accounts database %s is missing beside the message log %s; " ADVICE,
                db_path, log_dir);
    return MN_ECORRUPT;
}

enum mn_err mn_witness_check_files(const struct mn_witness *witness, const char *log_dir,
                                   struct mn_buf *why)
{
    uint64_t number = 0, bytes = 0;
    if (!witness->is_known)
        return MN_OK;
    if (!manifest_look(log_dir, &number, &bytes, false)) {
        mn_buf_addf(why,
                    "the message log %s is missing, or its file CURRENT or MANIFEST is; the "
                    "accounts beside it have seen %llu writes to it; " ADVICE,
                    log_dir, (unsigned long long)witness->reach);
        return MN_ECORRUPT;
    }
    if (number > witness->manifest ||
        (number == witness->manifest && bytes >= witness->manifest_bytes))
        return MN_OK;
    mn_buf_addf(why,
                "the message log %s is older than the accounts beside it, or was cut: "
                "MANIFEST-%06llu has %llu bytes, and MANIFEST-%06llu had %llu; " ADVICE,
                log_dir, (unsigned long long)number, (unsigned long long)bytes,
                (unsigned long long)witness->manifest, (unsigned long long)witness->manifest_bytes);
    return MN_ECORRUPT;
}

enum mn_err mn_witness_check_log(const struct mn_witness *witness, const struct mn_log_end *end,
                                 const char *log_dir, struct mn_buf *why)
{
    if (!witness->is_known)
        return MN_OK;
    if (strcmp(witness->store_id, end->store_id) != 0) {
        mn_buf_addf(why,
                    "the message log %s and the accounts beside it are not of one data directory "
                    "(%s and %s); " ADVICE,
                    log_dir, end->store_id, witness->store_id);
        return MN_ECORRUPT;
    }
    if (end->reach < witness->reach) {
        mn_buf_addf(why,
                    "a part of the message log %s is missing: it ends at write %llu, and %llu were "
                    "on the disk; " ADVICE,
                    log_dir, (unsigned long long)end->reach, (unsigned long long)witness->reach);
        return MN_ECORRUPT;
    }
    if (end->generation > witness->generation) {
        mn_buf_addf(why,
                    "the accounts are older than the message log %s beside them, or were cut "
                    "(generation %llu, and %llu was on the disk); " ADVICE,
                    log_dir, (unsigned long long)witness->generation,
                    (unsigned long long)end->generation);
        return MN_ECORRUPT;
    }
    return MN_OK;
}

/* ---- the keeper ---- */

struct mn_witness_keeper {
    struct mn_db *db;
    struct mn_msglog *log;
    char log_dir[4096];
    uint32_t look_ms;
    struct mn_witness seen; /* as it is in the accounts */
    uint64_t writes;        /* of the accounts, when it was written there */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* for `stopping` */
    pthread_cond_t wake;
    bool stopping;
};

/* What is true now, `reach` writes of the log included; false when that is what is written down. */
static bool look(const struct mn_witness_keeper *k, uint64_t reach, uint64_t writes,
                 struct mn_witness *ret)
{
    uint64_t number = 0, bytes = 0;
    *ret = k->seen;
    ret->is_known = true;
    ret->reach = reach;
    ret->generation += writes != k->writes || !k->seen.is_known;
    if (manifest_look(k->log_dir, &number, &bytes, false) &&
        (number != k->seen.manifest || bytes != k->seen.manifest_bytes) &&
        manifest_look(k->log_dir, &number, &bytes, true) && sync_dir(k->log_dir)) {
        ret->manifest = number;
        ret->manifest_bytes = bytes;
    }
    return memcmp(ret, &k->seen, sizeof(*ret)) != 0;
}

static void renew(struct mn_witness_keeper *k, uint64_t reach)
{
    struct mn_witness now;
    uint64_t writes = mn_db_writes(k->db); /* before: what comes meanwhile is for the next time */
    if (!look(k, reach, writes, &now) || mn_db_witness_put(k->db, &now) != MN_OK)
        return;
    k->seen = now;
    k->writes = writes;
}

static void *run(void *arg)
{
    struct mn_witness_keeper *k = arg;
    pthread_setname_np(pthread_self(), "minim-witness");
    pthread_mutex_lock(&k->lock);
    while (!k->stopping) {
        uint64_t until_ms = mn_mono_ms() + k->look_ms;
        const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                                       .tv_nsec = (long)(until_ms % 1000) * 1000000};
        if (pthread_cond_timedwait(&k->wake, &k->lock, &until) != ETIMEDOUT)
            continue;
        pthread_mutex_unlock(&k->lock);
        renew(k, mn_msglog_reach(k->log));
        mn_msglog_set_generation(k->log, k->seen.generation);
        pthread_mutex_lock(&k->lock);
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

struct mn_witness_keeper *mn_witness_keep(struct mn_db *db, struct mn_msglog *log,
                                          const char *log_dir, uint32_t look_ms)
{
    struct mn_witness_keeper *k = mn_new(struct mn_witness_keeper);
    pthread_condattr_t attr;
    struct mn_log_end end = mn_msglog_end(log);
    k->db = db;
    k->log = log;
    k->look_ms = look_ms;
    snprintf(k->log_dir, sizeof(k->log_dir), "%.4000s", log_dir);
    if (mn_db_witness(db, &k->seen) != MN_OK)
        k->seen = (struct mn_witness){0};
    if (!k->seen.is_known) { /* a new pair */
        memcpy(k->seen.store_id, end.store_id, sizeof(end.store_id));
        k->seen.generation = end.generation;
    }
    k->writes = UINT64_MAX; /* each start is a generation */
    renew(k, end.reach);
    mn_msglog_set_generation(log, k->seen.generation);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->wake, &attr);
    pthread_condattr_destroy(&attr);
    k->has_thread = pthread_create(&k->thread, NULL, run, k) == 0;
    return k;
}

void mn_witness_stop(struct mn_witness_keeper *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->stopping = true;
    pthread_mutex_unlock(&k->lock);
    pthread_cond_signal(&k->wake);
    if (k->has_thread)
        pthread_join(k->thread, NULL);
    renew(k, mn_msglog_reach(k->log));
    mn_msglog_set_generation(k->log, k->seen.generation);
}

void mn_witness_end(struct mn_witness_keeper *k, uint64_t reach)
{
    if (!k)
        return;
    renew(k, reach);
    pthread_mutex_destroy(&k->lock);
    pthread_cond_destroy(&k->wake);
    mn_free(k);
}
