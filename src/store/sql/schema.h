/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_SCHEMA_H
#define MN_STORE_SQL_SCHEMA_H

#include <stddef.h>

/*
 * The schema as numbered steps, a text a dialect (as in sql.h; MySQL's come
 * with its driver).  The driver applies them: what of a step is one
 * transaction differs too much between databases.
 */
struct mn_sql_step {
    const char *name, *sqlite;
};

/* Steps count from 1: mn_sql_step(1) to mn_sql_step(mn_sql_steps()). */
size_t mn_sql_steps(void);
const struct mn_sql_step *mn_sql_step(size_t number);

#endif
