/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_STORE_DB_SUPPORT_H
#define TESTS_UNIT_STORE_DB_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/sql/db.h"

/* An accounts database in a new directory under $TMPDIR, with `name` in its own; not opened. */
static inline void ts_db_prepare(char dir[64], struct mn_db_config *config, const char *name)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, 64, "%.40s/mn-%.8s-XXXXXX", tmp ? tmp : "/tmp", name);
    assert_non_null(mkdtemp(dir));
    *config = (struct mn_db_config){.readers = 2, .busy_timeout_ms = 2000, .sync = false};
    snprintf(config->path, sizeof(config->path), "%s/minim.db", dir);
}

/* Of one that is closed. */
static inline void ts_db_remove(const char *dir, const struct mn_db_config *config)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char path[4200];
    for (size_t i = 0; i < MN_ARRAY_LEN(suffixes); i++) {
        snprintf(path, sizeof(path), "%s%s", config->path, suffixes[i]);
        unlink(path);
    }
    rmdir(dir);
}

#endif
