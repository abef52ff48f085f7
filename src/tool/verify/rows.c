/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row by row through the chats whose sums say that messages and index
 * disagree (store.c): first from the index to the messages, then from
 * the messages to the index; what else belongs to them is group_rows.c's.
 * Rows that cannot be parsed were told before and are passed over here.
 */
#include <inttypes.h>

#include "tool/verify/pass.h"

enum {
    /* Client ids of one chat whose hashes follow each other; by chance there are never two. */
    PROBES = 256
};

/*
 * A row that was asked for by its key did not come, and not because it is not
 * there or is damaged (both are told elsewhere): the store cannot read it.
 */
void verify_check_read(struct verify_pass *pass, enum mn_err err, const char *what, int64_t chat,
                       int64_t number)
{
    if (err && err != MN_ENOTFOUND && err != MN_EINVAL)
        verify_found(pass->report, VERIFY_UNREADABLE, "chat %" PRId64 ", %s %" PRId64 ": %s", chat,
                     what, number, mn_err_text(err));
}

static enum mn_err get_message(struct verify_pass *pass, int64_t chat, int64_t id,
                               struct mn_row_msg *ret)
{
    enum mn_err err = mn_msglog_scan_msg(pass->scan, id, ret);
    verify_check_read(pass, err, "message", chat, id);
    return err;
}

static enum mn_err get_place(struct verify_pass *pass, int64_t chat, int64_t seq,
                             struct mn_row_seq *ret)
{
    enum mn_err err = mn_msglog_scan_seq(pass->scan, chat, seq, ret);
    verify_check_read(pass, err, "msgSeq", chat, seq);
    return err;
}

static enum mn_err get_client(struct verify_pass *pass, int64_t chat, uint64_t hash,
                              int64_t *ret_seq)
{
    enum mn_err err = mn_msglog_scan_client(pass->scan, chat, hash, ret_seq);
    verify_check_read(pass, err, "client id with hash", chat, (int64_t)hash);
    return err;
}

/* ---- from the index ---- */

/* The message says it is elsewhere: is it there as well? */
static void check_elsewhere(struct verify_pass *pass, const struct mn_scan_row *row,
                            const struct mn_row_msg *msg)
{
    struct mn_row_seq place;
    bool both = get_place(pass, msg->chat, msg->seq, &place) == MN_OK && place.id == row->place.id;
    verify_found(pass->report, both ? VERIFY_ID_DUPLICATE : VERIFY_PLACE_DIFFERS,
                 "chat %" PRId64 ", msgSeq %" PRId64 ": message %" PRId64 " %s chat %" PRId64
                 ", msgSeq %" PRId64,
                 row->chat, row->seq, row->place.id, both ? "is also in" : "says it is in",
                 msg->chat, msg->seq);
}

static void check_place(struct verify_pass *pass, const struct mn_scan_row *row)
{
    struct mn_row_msg msg;
    enum mn_err err = get_message(pass, row->chat, row->place.id, &msg);
    if (err == MN_ENOTFOUND)
        verify_found(pass->report, VERIFY_MESSAGE_MISSING,
                     "chat %" PRId64 ", msgSeq %" PRId64 ": message %" PRId64 " is not there",
                     row->chat, row->seq, row->place.id);
    if (err)
        return;
    if (msg.chat != row->chat || msg.seq != row->seq)
        check_elsewhere(pass, row, &msg);
    else if (msg.group ? row->place.sender != msg.from
                       : row->place.sender != 0 || (msg.from > msg.to) != row->place.from_high)
        verify_found(pass->report, VERIFY_ROW_DIFFERS,
                     "chat %" PRId64 ", msgSeq %" PRId64 ": message %" PRId64 " is of user %" PRId64
                     ", not of the other one",
                     row->chat, row->seq, row->place.id, msg.from);
    else if (msg.created_ms != row->place.created_ms)
        verify_found(pass->report, VERIFY_ROW_DIFFERS,
                     "chat %" PRId64 ", msgSeq %" PRId64 ": message %" PRId64 " is of %" PRId64
                     " ms, and of %" PRId64 " ms by its number",
                     row->chat, row->seq, row->place.id, msg.created_ms, row->place.created_ms);
}

/* Whether a row with this hash may be that of a client id which hashes to `first`. */
static bool is_reached(struct verify_pass *pass, int64_t chat, uint64_t first, uint64_t hash)
{
    int64_t seq;
    if (hash - first > PROBES)
        return false;
    for (; first != hash; first++)
        if (get_client(pass, chat, first, &seq) == MN_ENOTFOUND)
            return false;
    return true;
}

static void check_client(struct verify_pass *pass, const struct mn_scan_row *row)
{
    char quoted[VERIFY_QUOTED];
    struct mn_row_seq place;
    struct mn_row_msg msg;
    enum mn_err err = get_place(pass, row->chat, row->seq, &place);
    if (err == MN_ENOTFOUND)
        verify_found(pass->report, VERIFY_CLIENT_DANGLING,
                     "chat %" PRId64 ", hash %016" PRIx64 ": there is no msgSeq %" PRId64,
                     row->chat, row->hash, row->seq);
    /* A number without its message was told already. */
    if (err || get_message(pass, row->chat, place.id, &msg) != MN_OK ||
        msg.client_id.n > MN_CLIENT_ID_MAX)
        return;
    uint64_t first = mn_msglog_scan_hash(pass->scan, msg.from, msg.client_id);
    if (!is_reached(pass, row->chat, first, row->hash))
        verify_found(pass->report, VERIFY_CLIENT_WRONG,
                     "chat %" PRId64 ", hash %016" PRIx64 ": leads to msgSeq %" PRId64
                     ", which has client id %s of user %" PRId64,
                     row->chat, row->hash, row->seq, verify_quote(quoted, msg.client_id), msg.from);
}

static void on_index(void *arg, const struct mn_scan_row *row)
{
    struct verify_pass *pass = arg;
    if (row->damaged)
        return;
    if (row->kind == MN_SCAN_SEQ) {
        check_place(pass, row);
        verify_own_count(pass, row);
    } else if (row->kind == MN_SCAN_CLIENT) {
        check_client(pass, row);
    }
}

/* ---- from the messages ---- */

static bool is_placed(struct verify_pass *pass, const struct mn_scan_row *row)
{
    const struct mn_row_msg *msg = &row->msg;
    struct mn_row_seq place = {0};
    enum mn_err err = get_place(pass, msg->chat, msg->seq, &place);
    if (err && err != MN_ENOTFOUND)
        return false;
    if (err == MN_OK && place.id == row->id)
        return true;
    if (err)
        verify_found(pass->report, VERIFY_MESSAGE_UNPLACED,
                     "message %" PRId64 ": chat %" PRId64 " has no msgSeq %" PRId64, row->id,
                     msg->chat, msg->seq);
    else
        verify_found(pass->report, VERIFY_MESSAGE_UNPLACED,
                     "message %" PRId64 ": chat %" PRId64 ", msgSeq %" PRId64
                     " is message %" PRId64,
                     row->id, msg->chat, msg->seq, place.id);
    return false;
}

/* The client id leads to `seq`, which is not this message's: is it the same one twice? */
static bool is_twin(struct verify_pass *pass, const struct mn_row_msg *msg, int64_t seq)
{
    struct mn_row_seq place;
    struct mn_row_msg other;
    return get_place(pass, msg->chat, seq, &place) == MN_OK &&
           get_message(pass, msg->chat, place.id, &other) == MN_OK && other.from == msg->from &&
           mn_str_eq(other.client_id, msg->client_id);
}

static void check_client_id(struct verify_pass *pass, const struct mn_scan_row *row)
{
    char quoted[VERIFY_QUOTED];
    const struct mn_row_msg *msg = &row->msg;
    if (msg->client_id.n > MN_CLIENT_ID_MAX)
        return;
    uint64_t hash = mn_msglog_scan_hash(pass->scan, msg->from, msg->client_id);
    for (unsigned i = 0; i < PROBES; i++) {
        int64_t seq = 0;
        enum mn_err err = get_client(pass, msg->chat, hash + i, &seq);
        if (err == MN_ENOTFOUND)
            break;
        if (err || seq == msg->seq)
            return;
        if (is_twin(pass, msg, seq)) {
            verify_found(pass->report, VERIFY_CLIENT_DUPLICATE,
                         "chat %" PRId64 ": client id %s of user %" PRId64 " is msgSeq %" PRId64
                         " and msgSeq %" PRId64,
                         msg->chat, verify_quote(quoted, msg->client_id), msg->from, seq, msg->seq);
            return;
        }
    }
    verify_found(pass->report, VERIFY_CLIENT_MISSING,
                 "message %" PRId64 " (chat %" PRId64 ", msgSeq %" PRId64 "): client id %s",
                 row->id, msg->chat, msg->seq, verify_quote(quoted, msg->client_id));
}

static void on_message(void *arg, const struct mn_scan_row *row)
{
    struct verify_pass *pass = arg;
    if (row->kind != MN_SCAN_MSG || row->damaged || !verify_is_mine(pass, row->msg.chat))
        return;
    const struct verify_chat *chat = verify_chats_find(&pass->chats, row->msg.chat);
    if (chat && (chat->flags & VERIFY_DISAGREES) && is_placed(pass, row)) {
        check_client_id(pass, row);
        verify_addressed_rows(pass, row);
    }
}

void verify_rows(struct verify_pass *pass)
{
    struct mn_buf why;
    enum mn_err err = MN_OK;
    mn_buf_init(&why, 1000);
    for (size_t i = 0; i <= pass->chats.mask && !err; i++)
        if (pass->chats.slots[i].flags & VERIFY_DISAGREES)
            err = mn_msglog_scan_chat(pass->scan, pass->chats.slots[i].id, on_index, pass, &why);
    if (!err)
        err = mn_msglog_scan_rows(pass->scan, MN_SCAN_CHATS, verify_group_row, pass, &why);
    if (!err)
        err = mn_msglog_scan_rows(pass->scan, MN_SCAN_MESSAGES, on_message, pass, &why);
    if (err) /* though a moment ago it could be */
        verify_found(pass->report, VERIFY_UNREADABLE, "%.*s", (int)why.n, why.n ? why.p : "");
    mn_buf_deinit(&why);
}
