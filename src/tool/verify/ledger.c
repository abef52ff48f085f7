/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every line of a ledger against the message log: the message is there,
 * under its id, with its place, its users, its client id and its text.  That
 * its number and its client id lead to it is what store.c checks for
 * all messages.  The lines of a run come nearly in the order of the ids, so
 * the point reads find their blocks in the cache.
 */
#include <inttypes.h>

#include "tool/ledger/ledger_file.h"
#include "tool/verify/pass.h"

#define PROGRESS_LINES 16384

/* What differs, or NULL. */
static const char *differs(const struct ledger_line *line, const struct mn_row_msg *msg)
{
    uint64_t hash[2];
    ledger_text_hash(msg->body, hash);
    if (msg->from != line->from || msg->group != (line->group != 0) ||
        (msg->group ? msg->chat != line->group : msg->to != line->to))
        return "sender or receiver differs";
    if (msg->seq != line->seq)
        return "msgSeq differs";
    if (!mn_str_eq(msg->client_id, line->client_id))
        return "clientMsgId differs";
    return hash[0] != line->text_hash[0] || hash[1] != line->text_hash[1] ? "the text differs"
                                                                          : NULL;
}

static void check_line(struct verify_report *report, struct mn_msglog_scan *scan,
                       const struct ledger_line *line, uint64_t number)
{
    struct mn_row_msg msg;
    enum mn_err err = mn_msglog_scan_msg(scan, line->id, &msg);
    const char *what = err ? NULL : differs(line, &msg);
    const char *to = line->group ? "group " : "";
    int64_t receiver = line->group ? line->group : line->to;
    if (err) /* what cannot be read may be there all the same */
        verify_found(report, err == MN_ENOTFOUND ? VERIFY_LEDGER_LOST : VERIFY_UNREADABLE,
                     "line %" PRIu64 ": message %" PRId64 " from %" PRId64 " to %s%" PRId64
                     ", msgSeq %" PRId64 ": %s",
                     number, line->id, line->from, to, receiver, line->seq,
                     err == MN_ENOTFOUND ? "not there" : mn_err_text(err));
    else if (what)
        verify_found(report, VERIFY_LEDGER_DIFFERS,
                     "line %" PRIu64 ": message %" PRId64 " from %" PRId64 " to %s%" PRId64
                     ", msgSeq %" PRId64 ": %s",
                     number, line->id, line->from, to, receiver, line->seq, what);
}

enum mn_err verify_ledger(struct verify_report *report, struct mn_msglog_scan *scan,
                          const char *path, struct mn_buf *why)
{
    struct ledger_reader reader;
    struct ledger_line line;
    enum mn_err err = ledger_reader_open(&reader, path, why);
    while (!err) {
        err = ledger_reader_next(&reader, &line, why);
        if (err)
            break;
        check_line(report, scan, &line, reader.number);
        if (++report->stats.ledger_lines % PROGRESS_LINES == 0)
            verify_progress(report, "lines of the ledger", report->stats.ledger_lines);
    }
    report->stats.ledger_cut = reader.cut;
    ledger_reader_close(&reader);
    return err == MN_ENOTFOUND && why->n == 0 ? MN_OK : err;
}
