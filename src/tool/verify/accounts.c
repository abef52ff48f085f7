/* SPDX-License-Identifier: Apache-2.0 */
/* The accounts database, for `minim verify`: what store/db_check.h finds, in our report's terms. */
#include <inttypes.h>

#include "store/rocks/scan.h"
#include "store/sql/db_check.h"
#include "tool/verify/verify.h"

static void on_problem(void *arg, enum mn_db_problem problem, const char *text)
{
    static const enum verify_check checks[] = {
        [MN_DB_DAMAGED] = VERIFY_ACCOUNTS_DAMAGED, [MN_DB_SCHEMA] = VERIFY_SCHEMA_DIFFERS,
        [MN_DB_USER] = VERIFY_USER_WRONG,          [MN_DB_SESSION] = VERIFY_SESSION_WRONG,
        [MN_DB_CALL] = VERIFY_CALL_WRONG,          [MN_DB_FRIEND] = VERIFY_FRIEND_WRONG,
        [MN_DB_GROUP] = VERIFY_GROUP_WRONG,        [MN_DB_MOMENT] = VERIFY_MOMENT_WRONG,
        [MN_DB_TODO] = VERIFY_TODO_WRONG};
    verify_found(arg, checks[problem], "%s", text);
}

/* A log that cannot be opened was told by verify_messages(). */
static enum mn_err compare(const struct mn_witness *witness, const char *log_dir,
                           struct mn_buf *why)
{
    struct mn_msglog_scan *scan = NULL;
    struct mn_log_end end;
    enum mn_err err = mn_witness_check_files(witness, log_dir, why);
    if (err)
        return err;
    if (mn_msglog_scan_open(log_dir, &scan, why)) {
        mn_buf_reset(why);
        return MN_OK;
    }
    if (mn_msglog_scan_end(scan, &end) == MN_OK)
        err = mn_witness_check_log(witness, &end, log_dir, why);
    mn_msglog_scan_close(scan);
    return err;
}

bool verify_halves(struct verify_report *report, const char *log_dir, const char *db_path)
{
    struct mn_witness witness;
    struct mn_buf why;
    mn_buf_init(&why, 4096);
    mn_db_check_witness(db_path, &witness);
    bool ok = !witness.is_known || compare(&witness, log_dir, &why) == MN_OK;
    if (!ok)
        verify_found(report, VERIFY_PART_MISSING, "%.*s", (int)why.n, why.p);
    mn_buf_deinit(&why);
    return ok;
}

enum mn_err verify_accounts(struct verify_report *report, const char *path, struct mn_buf *why)
{
    struct mn_db_counts counts = {0};
    enum mn_err err = mn_db_check(path, on_problem, report, &counts, why);
    if (err != MN_OK && err != MN_ENOTFOUND && err != MN_ECORRUPT)
        return err;
    if (err)
        verify_found(report, err == MN_ECORRUPT ? VERIFY_ACCOUNTS_DAMAGED : VERIFY_ACCOUNTS_MISSING,
                     "%.*s", (int)why->n, why->p);
    mn_buf_reset(why);
    report->stats.users = (uint64_t)counts.users;
    report->stats.sessions = (uint64_t)counts.sessions;
    report->stats.groups = (uint64_t)counts.groups;
    report->stats.group_members = (uint64_t)counts.members;
    return MN_OK;
}
