/* SPDX-License-Identifier: Apache-2.0 */
/* The accounts database, for `minim verify`: what store/db_check.h finds, in our report's terms. */
#include "store/db_check.h"
#include "tool/verify/verify.h"

static void on_problem(void *arg, enum mn_db_problem problem, const char *text)
{
    static const enum verify_check checks[] = {[MN_DB_DAMAGED] = VERIFY_ACCOUNTS_DAMAGED,
                                               [MN_DB_SCHEMA] = VERIFY_SCHEMA_DIFFERS,
                                               [MN_DB_USER] = VERIFY_USER_WRONG,
                                               [MN_DB_SESSION] = VERIFY_SESSION_WRONG};
    verify_found(arg, checks[problem], "%s", text);
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
    return MN_OK;
}
