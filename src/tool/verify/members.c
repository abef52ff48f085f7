/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of members of chats, and what a group has besides: counts of each
 * member's own messages and of those that address him, revocations, and whose
 * backlogs look at it.  What one row tells is judged here; whether a row is
 * missing, or one too many, the sums of the chats tell (store.c).
 */
#include <inttypes.h>

#include "tool/verify/pass.h"

/* ---- members ---- */

static void check_cursors(struct verify_pass *pass, const struct mn_scan_row *row, int64_t head)
{
    const struct mn_membership *member = &row->member;
    if (member->has_read && (!member->has_delivered || member->read > member->delivered))
        verify_found(pass->report, VERIFY_CURSOR_ORDER,
                     "user %" PRId64 ", chat %" PRId64 ": read %" PRId64 ", delivered %" PRId64,
                     row->user, row->chat, member->read, member->delivered);
    if (member->peer == 0 && (!member->has_read || member->read < member->joined_seq))
        verify_found(pass->report, VERIFY_CURSOR_ORDER,
                     "user %" PRId64 ", group %" PRId64 ": read %" PRId64
                     ", but he came behind message %" PRId64,
                     row->user, row->chat, member->read, member->joined_seq);
    int64_t cursor = member->read > member->delivered ? member->read : member->delivered;
    if (cursor > head)
        verify_found(pass->report, VERIFY_CURSOR_BEYOND_HEAD,
                     "user %" PRId64 ", chat %" PRId64 ": cursor %" PRId64
                     ", last message %" PRId64,
                     row->user, row->chat, cursor, head);
}

/* A group's: nothing was said in it yet, or all of it is a group's. */
static bool is_of_group(const struct mn_scan_row *row, const struct verify_chat *chat)
{
    return !row->damaged && row->member.peer == 0 && (!chat || !chat->low);
}

/* Whether the row may be there at all; notes that it was. */
static bool check_membership(struct verify_pass *pass, const struct mn_scan_row *row,
                             struct verify_chat *chat)
{
    if (is_of_group(row, chat))
        return true;
    if (!chat) {
        verify_found(pass->report, VERIFY_MEMBER_ORPHAN,
                     "user %" PRId64 ": there is no chat %" PRId64, row->user, row->chat);
        return false;
    }
    if (!chat->low && (row->damaged || !(chat->flags & VERIFY_GROUP)))
        return true; /* nobody can say: row_damaged or pair_missing tells that */
    if (chat->flags & VERIFY_GROUP) {
        verify_found(pass->report, VERIFY_MEMBER_ORPHAN,
                     "user %" PRId64 ": chat %" PRId64 " is a group, and his row one of two",
                     row->user, row->chat);
        return false;
    }
    if (row->user != chat->low && row->user != chat->high) {
        verify_found(pass->report, VERIFY_MEMBER_ORPHAN,
                     "user %" PRId64 ": chat %" PRId64 " is that of users %" PRId64 " and %" PRId64,
                     row->user, row->chat, chat->low, chat->high);
        return false;
    }
    bool is_low = row->user == chat->low;
    chat->flags |= is_low ? VERIFY_LOW_SEEN : VERIFY_HIGH_SEEN;
    if (!row->damaged && row->member.peer != (is_low ? chat->high : chat->low))
        verify_found(pass->report, VERIFY_MEMBER_PEER,
                     "user %" PRId64 ", chat %" PRId64 ": the other side is user %" PRId64
                     ", expected %" PRId64,
                     row->user, row->chat, row->member.peer, is_low ? chat->high : chat->low);
    return true;
}

/* ---- revocations ---- */

/* What it says must be true, whoever has learnt of it. */
static void check_revocation(struct verify_pass *pass, const struct mn_scan_row *row)
{
    const struct mn_row_revoked *revoked = &row->revoked;
    struct mn_row_msg msg;
    if (row->damaged) {
        verify_bad_row(pass, row);
        return;
    }
    enum mn_err err = mn_msglog_scan_msg(pass->scan, revoked->id, &msg);
    verify_check_read(pass, err, "message", revoked->chat, revoked->id);
    if (err && err != MN_ENOTFOUND)
        return; /* a damaged one is told where it is */
    if (err || !msg.revoked || msg.chat != revoked->chat || msg.seq != revoked->seq ||
        msg.from != revoked->from || msg.to != row->user)
        verify_found(pass->report, VERIFY_REVOCATION_WRONG,
                     "message %" PRId64 " (chat %" PRId64 ", msgSeq %" PRId64 "): %s", revoked->id,
                     revoked->chat, revoked->seq,
                     err            ? "is not there"
                     : !msg.revoked ? "is not revoked"
                                    : "is another");
}

static void on_revoked(struct verify_pass *pass, const struct mn_scan_row *row)
{
    if (pass->number == 0)
        check_revocation(pass, row);
    if (row->damaged || !verify_is_mine(pass, row->revoked.chat))
        return;
    struct verify_chat *chat = verify_chats_find(&pass->chats, row->revoked.chat);
    if (chat)
        chat->sum += verify_revoked_sum(pass, row->revoked.id, row->revoked.seq, row->revoked.from,
                                        row->user);
}

/* ---- counts of a group ---- */

/* Of one user they are 1, 2, 3 ...: what is read and unread is the difference of two of them. */
static void check_count(struct verify_pass *pass, const struct mn_scan_row *row)
{
    bool is_same = pass->counted.kind == row->counted && pass->counted.chat == row->chat &&
                   pass->counted.user == row->user;
    int64_t expected = (is_same ? pass->counted.count : 0) + 1;
    pass->counted.kind = row->counted;
    pass->counted.chat = row->chat;
    pass->counted.user = row->user;
    pass->counted.count = row->damaged ? expected : row->count;
    if (row->damaged || row->count == expected || row->counted == MN_KEY_UNMENTION)
        return;
    verify_found(pass->report,
                 row->counted == MN_KEY_OWN ? VERIFY_OWN_COUNT_WRONG : VERIFY_MENTION_WRONG,
                 "group %" PRId64 ", user %" PRId64 ", msgSeq %" PRId64 ": number %" PRId64
                 " %s, expected %" PRId64,
                 row->chat, row->user, row->seq, row->count,
                 row->counted == MN_KEY_OWN ? "of his own" : "that addresses him", expected);
}

static void on_count(struct verify_pass *pass, const struct mn_scan_row *row)
{
    struct verify_chat *chat = verify_chats_find(&pass->chats, row->chat);
    bool is_own = row->counted == MN_KEY_OWN;
    pass->own_counts += is_own;
    check_count(pass, row);
    if (!chat) {
        verify_found(pass->report, is_own ? VERIFY_OWN_COUNT_WRONG : VERIFY_MENTION_WRONG,
                     "group %" PRId64 ", user %" PRId64 ": there is no msgSeq %" PRId64, row->chat,
                     row->user, row->seq);
        return;
    }
    if (row->damaged)
        verify_bad_row(pass, row);
    else if (is_own) /* what its number says of the sender was added */
        chat->sum -= verify_count_sum(pass, MN_KEY_OWN, row->user, row->seq, row->count);
    else
        chat->sum += verify_count_sum(pass, row->counted, row->user, row->seq, 0);
}

/* ---- backlogs ---- */

/* Of a group there is one for each member; in a chat of two it may be one too many. */
static void on_waiting(struct verify_pass *pass, const struct mn_scan_row *row)
{
    struct verify_chat *chat = verify_chats_find(&pass->chats, row->chat);
    if (!chat) {
        chat = verify_chat_of(pass, row->chat);
        if (!chat)
            return;
        chat->flags |= VERIFY_WAITED;
    }
    if (row->damaged)
        verify_bad_row(pass, row);
    if (!chat->low)
        chat->sum += verify_waiting_sum(pass, row->user);
}

/* ---- all of them ---- */

static void on_membership(struct verify_pass *pass, const struct mn_scan_row *row)
{
    struct verify_chat *chat = verify_chats_find(&pass->chats, row->chat);
    pass->report->stats.members++;
    if (row->damaged)
        verify_bad_row(pass, row);
    if (is_of_group(row, chat)) {
        chat = verify_chat_of(pass, row->chat);
        if (!chat)
            return;
        pass->report->stats.chats += !(chat->flags & VERIFY_GROUP);
        chat->flags |= VERIFY_GROUP;
        chat->sum -= verify_waiting_sum(pass, row->user);
    }
    if (check_membership(pass, row, chat) && !row->damaged)
        check_cursors(pass, row, chat ? chat->head : 0);
}

void verify_on_member(void *arg, const struct mn_scan_row *row)
{
    struct verify_pass *pass = arg;
    verify_tick(pass, "members");
    if (row->kind == MN_SCAN_REVOKED) { /* the chat is in its value, which may be damaged */
        on_revoked(pass, row);
        return;
    }
    if ((row->kind != MN_SCAN_MEMBER && row->kind != MN_SCAN_COUNT &&
         row->kind != MN_SCAN_WAITING) ||
        !verify_is_mine(pass, row->chat))
        return;
    if (row->kind == MN_SCAN_MEMBER)
        on_membership(pass, row);
    else if (row->kind == MN_SCAN_COUNT)
        on_count(pass, row);
    else
        on_waiting(pass, row);
}
