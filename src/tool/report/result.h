/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_REPORT_RESULT_H
#define MN_TOOL_REPORT_RESULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Version of the result document (docs/bench.md); raised when a field changes its meaning. */
#define RESULT_SCHEMA_VERSION 1

/*
 * A result document (docs/bench.md) that was read from a file, or is about
 * to be written.  A file may hold anything: every getter answers for a
 * member that is missing or of another type.
 */

/*
 * Reads and checks a result of any mode.  MN_EINVAL, MN_EIO: `why` (200
 * bytes or more) names the file and says what is wrong.  The caller
 * releases it with json_decref().
 */
MN_MUSTCHECK enum mn_err result_load(const char *path, json_t **ret_doc, char *why, size_t why_cap);

/* Members by a path such as "server.rss_bytes"; NULL when there is none. */
const json_t *result_get(const json_t *o, const char *path);
/* A number, or NAN. */
double result_num(const json_t *o, const char *path);
/* A string, or "". */
const char *result_str(const json_t *o, const char *path);
bool result_true(const json_t *o, const char *path);
/* The scenario's name, or the mode when it had none. */
const char *result_name(const json_t *doc);

#endif
