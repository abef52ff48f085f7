/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_SQL_SESSION_H
#define MN_STORE_SQL_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Session versions and refresh tokens (t_session; H-5.4, H-5.5).  Any worker
 * thread; errors besides those named are those of store/sql/db.h.
 */
struct mn_db;

/* SHA-256 of the token's text in lower-case hex. */
#define MN_REFRESH_HASH_LEN 64

/* Current session version, 0 without one; *ret_known: the user exists.  One SELECT. */
MN_MUSTCHECK enum mn_err mn_db_session(struct mn_db *db, int64_t user, int64_t *ret_sv,
                                       bool *ret_known);
/* A clock that was wrong by more than this left tokens that must not be good until its time. */
#define MN_REFRESH_AHEAD_MS (INT64_C(24) * 3600 * 1000)

/* Next session version, and `hash` instead of the user's former refresh token; in one commit. */
MN_MUSTCHECK enum mn_err mn_db_session_begin(struct mn_db *db, int64_t user, const char *hash,
                                             int64_t now_ms, int64_t expires_ms, int64_t *ret_sv);
/*
 * Slides the life of an unexpired token to `expires_ms`.  MN_ENOTFOUND:
 * unknown, expired, or issued or slid more than MN_REFRESH_AHEAD_MS after
 * `now_ms`.
 */
MN_MUSTCHECK enum mn_err mn_db_session_slide(struct mn_db *db, const char *hash, int64_t now_ms,
                                             int64_t expires_ms, int64_t *ret_user,
                                             int64_t *ret_sv);
/* Deletes the user's refresh token and makes the next session version; in one commit. */
MN_MUSTCHECK enum mn_err mn_db_session_end(struct mn_db *db, int64_t user, int64_t *ret_sv);

#endif
