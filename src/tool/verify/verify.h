/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_VERIFY_VERIFY_H
#define MN_TOOL_VERIFY_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "proto/jwt.h"
#include "tool/verify/report.h"

/*
 * The parts of `minim verify`.  Each looks at one thing and tells what is
 * wrong in the report.  A result other than MN_OK: it could not look at all,
 * or not with these arguments, and `why` says so.  Main thread.
 */

/* store.c: the message log in `dir`; the table of chats takes `memory_bytes`. */
MN_MUSTCHECK enum mn_err verify_messages(struct verify_report *report, const char *dir,
                                         const char *ledger, uint64_t memory_bytes,
                                         struct mn_buf *why);
/* accounts.c: whether both halves are what each knows of the other; false when that is told. */
bool verify_halves(struct verify_report *report, const char *log_dir, const char *db_path);
/* The accounts database. */
MN_MUSTCHECK enum mn_err verify_accounts(struct verify_report *report, const char *path,
                                         struct mn_buf *why);

/* both.c: whether the stores agree on friends and members of groups (docs/decisions/0028). */
void verify_both(struct verify_report *report, const char *log_dir, const char *db_path);

/* http.c: the conversations of a ledger, as a running server shows them. */
MN_MUSTCHECK enum mn_err verify_http(struct verify_report *report, const char *url,
                                     const struct mn_jwt_key *key, const char *ledger,
                                     uint64_t memory_bytes, struct mn_buf *why);

/* For examples: the text in quotes, shortened, with everything but plain ASCII escaped. */
#define VERIFY_QUOTED 100
const char *verify_quote(char out[VERIFY_QUOTED], struct mn_str text);

#endif
