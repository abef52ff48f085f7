/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in both stores (docs/decisions/0028): friends and their chats,
 * members of groups and their rows in the message log.  What a start has to do
 * yet is no fault, and named.  What cannot be read was told by
 * verify_messages() or verify_accounts(), unless it is told here.
 */
#include <inttypes.h>

#include "store/rocks/scan.h"
#include "store/sql/db_check.h"
#include "tool/verify/verify.h"

/* ---- friends ---- */

struct friends {
    struct verify_report *report;
    struct mn_msglog_scan *scan;
};

static void on_friends(void *arg, int64_t low, int64_t high)
{
    const struct friends *friends = arg;
    int64_t chat = 0;
    enum mn_err err = mn_msglog_scan_pair(friends->scan, low, high, &chat);
    if (err == MN_ENOTFOUND)
        verify_found(friends->report, VERIFY_FRIEND_CHAT_MISSING, "users %" PRId64 " and %" PRId64,
                     low, high);
    else if (err && err != MN_EINVAL) /* a row that is damaged was told */
        verify_found(friends->report, VERIFY_UNREADABLE,
                     "chat of users %" PRId64 " and %" PRId64 ": %s", low, high, mn_err_text(err));
}

/* ---- members ---- */

/*
 * Both stores have them by user and then by group: one goes through the rows
 * of the log, and keeps the accounts beside them.
 */
struct members {
    struct verify_report *report;
    struct mn_db_members *all;
    enum mn_err err;     /* of the accounts; MN_ENOTFOUND: no more */
    int64_t user, group; /* the next one of them */
};

static void next_member(struct members *m)
{
    m->err = mn_db_members_next(m->all, &m->user, &m->group);
}

static void missing(struct members *m)
{
    if (!mn_db_members_is_left(m->all, m->user, m->group))
        verify_found(m->report, VERIFY_GROUP_MEMBER_MISSING,
                     "user %" PRId64 ", group %" PRId64 ": no row in the message log", m->user,
                     m->group);
    next_member(m);
}

static bool is_before(const struct members *m, int64_t user, int64_t group)
{
    return m->err == MN_OK && (m->user < user || (m->user == user && m->group < group));
}

static void on_row(void *arg, const struct mn_scan_row *row)
{
    struct members *m = arg;
    /* Whether a damaged row is a group's nobody can say; it was told. */
    if (row->kind != MN_SCAN_MEMBER || (!row->damaged && row->member.peer != 0))
        return;
    while (is_before(m, row->user, row->chat))
        missing(m);
    if (m->err && m->err != MN_ENOTFOUND)
        return;
    if (m->err == MN_OK && m->user == row->user && m->group == row->chat) {
        next_member(m);
        return;
    }
    if (!row->damaged && !mn_db_members_is_left(m->all, row->user, row->chat))
        verify_found(m->report, VERIFY_GROUP_MEMBER_EXTRA,
                     "user %" PRId64 ", group %" PRId64 ": is no member by the accounts", row->user,
                     row->chat);
}

static void compare_members(struct members *m, struct mn_msglog_scan *scan)
{
    struct mn_buf why;
    mn_buf_init(&why, 1000);
    next_member(m);
    if (mn_msglog_scan_rows(scan, MN_SCAN_CHATS, on_row, m, &why) == MN_OK)
        while (m->err == MN_OK)
            missing(m);
    else /* what was not read would be called missing */
        verify_found(m->report, VERIFY_UNREADABLE, "members: %.*s", (int)why.n, why.n ? why.p : "");
    if (m->err && m->err != MN_ENOTFOUND)
        verify_found(m->report, VERIFY_ACCOUNTS_DAMAGED, "members of groups: %s",
                     mn_err_text(m->err));
    mn_buf_deinit(&why);
}

/* ---- steps that are left ---- */

static void on_todo(void *arg, enum mn_todo_kind kind, int64_t a, int64_t b)
{
    struct verify_report *report = arg;
    report->stats.todos_left++;
    if (kind == MN_TODO_CHAT)
        verify_note(report, "left for the next start: a chat for users %" PRId64 " and %" PRId64, a,
                    b);
    else
        verify_note(report, "left for the next start: user %" PRId64 " %s group %" PRId64, b,
                    kind == MN_TODO_JOIN ? "joins" : "leaves", a);
}

void verify_both(struct verify_report *report, const char *log_dir, const char *db_path)
{
    struct friends friends = {.report = report};
    struct members members = {.report = report};
    struct mn_buf why;
    mn_buf_init(&why, 4096);
    if (mn_msglog_scan_open(log_dir, &friends.scan, &why) == MN_OK) {
        mn_db_check_friends(db_path, on_friends, &friends);
        if (mn_db_members_open(db_path, &members.all) == MN_OK)
            compare_members(&members, friends.scan);
    }
    mn_db_check_todos(db_path, on_todo, report);
    mn_db_members_close(members.all);
    mn_msglog_scan_close(friends.scan);
    mn_buf_deinit(&why);
}
