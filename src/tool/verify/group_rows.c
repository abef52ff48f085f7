/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row by row (rows.c): counts, backlogs and revocations.  From numbers and
 * messages to the rows that must be there for them, and from each of these
 * rows to the message that it is there for.
 */
#include <inttypes.h>

#include "tool/verify/pass.h"

static enum verify_check check_of(enum mn_key_counted kind)
{
    return kind == MN_KEY_OWN ? VERIFY_OWN_COUNT_WRONG : VERIFY_MENTION_WRONG;
}

/* ---- to the rows ---- */

void verify_own_count(struct verify_pass *pass, const struct mn_scan_row *row)
{
    int64_t count = 0, sender = row->place.sender;
    if (sender == 0)
        return;
    enum mn_err err = mn_msglog_scan_count(pass->scan, MN_KEY_OWN, row->chat, sender, row->seq,
                                           &count);
    verify_check_read(pass, err, "count of msgSeq", row->chat, row->seq);
    if (err == MN_ENOTFOUND)
        verify_found(pass->report, VERIFY_OWN_COUNT_WRONG,
                     "group %" PRId64 ", msgSeq %" PRId64 ": not counted for its sender %" PRId64,
                     row->chat, row->seq, sender);
    else if (!err && count != row->place.own_count)
        verify_found(pass->report, VERIFY_OWN_COUNT_WRONG,
                     "group %" PRId64 ", msgSeq %" PRId64 ": number %" PRId64
                     " of its sender %" PRId64 ", and number %" PRId64 " by its count",
                     row->chat, row->seq, row->place.own_count, sender, count);
}

static void check_mention(struct verify_pass *pass, const struct mn_row_msg *msg,
                          enum mn_key_counted kind, int64_t user)
{
    int64_t count = 0;
    enum mn_err err = mn_msglog_scan_count(pass->scan, kind, msg->chat, user, msg->seq, &count);
    verify_check_read(pass, err, "mention in msgSeq", msg->chat, msg->seq);
    if (err == MN_ENOTFOUND)
        verify_found(pass->report, VERIFY_MENTION_WRONG,
                     "group %" PRId64 ", msgSeq %" PRId64 ": user %" PRId64 " %s", msg->chat,
                     msg->seq, user,
                     kind == MN_KEY_MENTION ? "is addressed, which is not counted"
                                            : "was addressed, which counts although it is revoked");
}

static void check_revocations(struct verify_pass *pass, const struct mn_scan_row *row)
{
    const struct mn_row_msg *msg = &row->msg;
    const struct mn_row_revoked revoked = {.id = row->id, .chat = msg->chat};
    unsigned count = 0;
    enum mn_err err = mn_msglog_scan_revoked(pass->scan, msg->to, &revoked, &count);
    verify_check_read(pass, err, "revocation of msgSeq", msg->chat, msg->seq);
    if (!err && count != 1)
        verify_found(pass->report, VERIFY_REVOCATION_WRONG,
                     "message %" PRId64 " (chat %" PRId64 ", msgSeq %" PRId64
                     "): is revoked, and told so by %u rows",
                     row->id, msg->chat, msg->seq, count);
}

void verify_addressed_rows(struct verify_pass *pass, const struct mn_scan_row *row)
{
    const struct mn_row_msg *msg = &row->msg;
    int64_t user = 0;
    for (size_t i = 0; (user = mn_row_addressed(msg->reply_author, msg->mentions, i)) != 0; i++) {
        check_mention(pass, msg, MN_KEY_MENTION, user);
        if (msg->revoked)
            check_mention(pass, msg, MN_KEY_UNMENTION, user);
    }
    if (msg->revoked)
        check_revocations(pass, row);
}

/* ---- from the rows ---- */

static bool addresses(const struct mn_row_msg *msg, int64_t user)
{
    int64_t other = 0;
    for (size_t i = 0; (other = mn_row_addressed(msg->reply_author, msg->mentions, i)) != 0; i++)
        if (other == user)
            return true;
    return false;
}

/* What is wrong with a count, or NULL; what cannot be read is told. */
static const char *count_is_wrong(struct verify_pass *pass, const struct mn_scan_row *row)
{
    struct mn_row_seq place;
    struct mn_row_msg msg;
    enum mn_err err = mn_msglog_scan_seq(pass->scan, row->chat, row->seq, &place);
    verify_check_read(pass, err, "msgSeq", row->chat, row->seq);
    if (err)
        return err == MN_ENOTFOUND ? "there is no such message" : NULL;
    if (row->counted == MN_KEY_OWN)
        return place.sender == row->user ? NULL : "it is another's";
    err = mn_msglog_scan_msg(pass->scan, place.id, &msg);
    verify_check_read(pass, err, "message", row->chat, place.id);
    if (err) /* told where its number is looked at */
        return NULL;
    if (!addresses(&msg, row->user))
        return "it does not address him";
    return row->counted == MN_KEY_UNMENTION && !msg.revoked ? "it is not revoked" : NULL;
}

static void check_counted(struct verify_pass *pass, const struct mn_scan_row *row)
{
    const char *what = count_is_wrong(pass, row);
    if (what)
        verify_found(pass->report, check_of(row->counted),
                     "group %" PRId64 ", user %" PRId64 ", msgSeq %" PRId64 ": is counted, but %s",
                     row->chat, row->user, row->seq, what);
}

static void check_waiting(struct verify_pass *pass, const struct mn_scan_row *row)
{
    struct mn_membership member;
    enum mn_err err = mn_msglog_scan_member(pass->scan, row->user, row->chat, &member);
    verify_check_read(pass, err, "member", row->chat, row->user);
    if (err == MN_ENOTFOUND)
        verify_found(pass->report, VERIFY_BACKLOG_WRONG,
                     "user %" PRId64 ": chat %" PRId64 " is looked at, and he is not in it",
                     row->user, row->chat);
}

static void check_member(struct verify_pass *pass, const struct mn_scan_row *row)
{
    if (row->member.peer != 0)
        return;
    enum mn_err err = mn_msglog_scan_waiting(pass->scan, row->user, row->chat);
    verify_check_read(pass, err, "backlog of", row->chat, row->user);
    if (err == MN_ENOTFOUND)
        verify_found(pass->report, VERIFY_BACKLOG_WRONG,
                     "user %" PRId64 ": group %" PRId64 " is not looked at for what he lacks",
                     row->user, row->chat);
}

void verify_group_row(void *arg, const struct mn_scan_row *row)
{
    struct verify_pass *pass = arg;
    if (row->damaged ||
        (row->kind != MN_SCAN_COUNT && row->kind != MN_SCAN_WAITING && row->kind != MN_SCAN_MEMBER))
        return;
    const struct verify_chat *chat = verify_chats_find(&pass->chats, row->chat);
    if (!chat || !(chat->flags & VERIFY_DISAGREES))
        return;
    if (chat->low && row->kind != MN_SCAN_COUNT) /* of two: the rest was told, or may be so */
        return;
    if (row->kind == MN_SCAN_COUNT)
        check_counted(pass, row);
    else if (row->kind == MN_SCAN_WAITING)
        check_waiting(pass, row);
    else
        check_member(pass, row);
}
