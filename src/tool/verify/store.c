/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks a message log at rest: everything that minimd relies on when it
 * reads it (docs/verify.md has the list).
 *
 * How memory stays bounded.  The same facts are stored under several keys:
 * a message by its id, its place by (chat, number), its number by client id.
 * To compare them row by row one side would have to be sorted like the
 * other.  Instead each chat has a sum: every index row adds a hash of what
 * it says, every message takes away the hash of what the index should say.
 * A sum that is not zero at the end tells that something in the chat
 * disagrees (the reverse fails once in 2^64, under a seed of this run), and
 * only those chats are looked at row by row (rows.c).  So a store
 * costs three sequential scans and 48 bytes a chat; one with more chats than
 * fit takes several passes, each of them about its share of the chats.
 */
#include <inttypes.h>

#include "base/id.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "tool/verify/pass.h"

enum {
    PROGRESS_ROWS = 65536,
    /*
     * Ids are taken by loop threads at work at the same time, so that they may come
     * to a chat in another order; by no more than a stalled thread's pause, though.
     */
    RACE_MS = 60000,
    KEY_HEX = 40
};

/* A chat's rows in the index, as they come one after the other. */
struct run {
    int64_t chat;
    struct verify_chat *entry; /* NULL: another pass's, or there was no room */
    bool mine;
    int64_t seq; /* last one */
    int64_t max_id;
    bool in_pair;      /* a number of a chat of two was seen */
    bool count_known;  /* low_count and low_found are those of `seq` */
    int64_t low_count; /* as it should be, by the rows before */
    int64_t low_found; /* as it was found: a fault is told once, not at every row behind it */
};

struct store_pass {
    struct verify_pass base;
    struct run run;
    uint64_t pairs;   /* counting */
    uint64_t numbers; /* rows of the index that give a message its place */
};

/* ---- helpers ---- */

/*
 * What a place says of its message, and a message of its place.  `by`: of a
 * chat of two whether the greater user sent it, of a group who did.
 */
static uint64_t place_sum(const struct verify_pass *pass, int64_t seq, int64_t id, int64_t by,
                          int64_t created_ms)
{
    return verify_mix(pass->seed, (uint64_t)id, (uint64_t)seq,
                      (uint64_t)created_ms ^ mn_hash_u64((uint64_t)by));
}

static uint64_t client_sum(const struct verify_pass *pass, uint64_t hash, int64_t seq)
{
    return verify_mix(~pass->seed, hash, (uint64_t)seq, 1);
}

bool verify_is_mine(const struct verify_pass *pass, int64_t chat)
{
    return pass->count == 1 ||
           mn_hash_u64((uint64_t)chat ^ pass->seed) % pass->count == pass->number;
}

struct verify_chat *verify_chat_of(struct verify_pass *pass, int64_t chat)
{
    struct verify_chat *entry = verify_chats_add(&pass->chats, chat);
    if (!entry) /* the pairs have their room: this one has none */
        verify_found(pass->report, VERIFY_PAIR_MISSING,
                     "chat %" PRId64 " (one of too many: its rows are not compared)", chat);
    return entry;
}

void verify_tick(struct verify_pass *pass, const char *what)
{
    if (++pass->rows % PROGRESS_ROWS == 0)
        verify_progress(pass->report, what, pass->rows);
}

static const char *kind_name(enum mn_scan_kind kind)
{
    static const char *const names[] = {[MN_SCAN_UNKNOWN] = "unknown key",
                                        [MN_SCAN_MSG] = "message",
                                        [MN_SCAN_SEQ] = "number",
                                        [MN_SCAN_CLIENT] = "client id",
                                        [MN_SCAN_PAIR] = "pair",
                                        [MN_SCAN_MEMBER] = "member",
                                        [MN_SCAN_REVOKED] = "revocation",
                                        [MN_SCAN_COUNT] = "count",
                                        [MN_SCAN_WAITING] = "chat to be looked at"};
    return names[kind];
}

void verify_bad_row(struct verify_pass *pass, const struct mn_scan_row *row)
{
    char hex[KEY_HEX + 1] = "";
    for (size_t i = 0; i < row->key.n && 2 * i < KEY_HEX; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)row->key.p[i]);
    verify_found(pass->report, VERIFY_ROW_DAMAGED, "%s, key %s", kind_name(row->kind), hex);
}

/* Rows that do not tell their chat are the first pass's. */
static bool is_bad_for_all(struct verify_pass *pass, const struct mn_scan_row *row)
{
    if (row->kind != MN_SCAN_UNKNOWN &&
        !(row->damaged && (row->kind == MN_SCAN_MSG || row->kind == MN_SCAN_PAIR)))
        return false;
    if (pass->number == 0)
        verify_bad_row(pass, row);
    return true;
}

static bool scan_part(struct verify_pass *pass, enum mn_scan_part part, mn_scan_fn fn,
                      const char *what)
{
    struct mn_buf why;
    mn_buf_init(&why, 1000);
    pass->rows = 0;
    enum mn_err err = mn_msglog_scan_rows(pass->scan, part, fn, pass, &why);
    if (err)
        verify_found(pass->report, VERIFY_UNREADABLE, "%s: %.*s", what, (int)why.n,
                     why.n ? why.p : "");
    mn_buf_deinit(&why);
    return err == MN_OK;
}

/* ---- pairs ---- */

static void count_pair(void *arg, const struct mn_scan_row *row)
{
    struct store_pass *pass = arg;
    if (row->kind == MN_SCAN_PAIR)
        pass->pairs++;
    /* There are at most as many groups as memberships. */
    else if (row->kind == MN_SCAN_MEMBER && !row->damaged && row->member.peer == 0)
        pass->pairs++;
}

static void on_pair(void *arg, const struct mn_scan_row *row)
{
    struct verify_pass *pass = arg;
    verify_tick(pass, "pairs of users");
    if (is_bad_for_all(pass, row) || row->kind != MN_SCAN_PAIR || !verify_is_mine(pass, row->chat))
        return;
    struct verify_chat *chat = verify_chat_of(pass, row->chat);
    if (!chat)
        return;
    if (chat->low) {
        verify_found(pass->report, VERIFY_PAIR_DUPLICATE,
                     "chat %" PRId64 ": users %" PRId64 " and %" PRId64 ", and users %" PRId64
                     " and %" PRId64,
                     row->chat, chat->low, chat->high, row->low, row->high);
        return;
    }
    pass->report->stats.chats++;
    chat->low = row->low;
    chat->high = row->high;
    if (row->is_bare)
        chat->flags |= VERIFY_BARE;
}

/* ---- the index ---- */

static void begin_run(struct store_pass *pass, int64_t chat)
{
    pass->run = (struct run){
        .chat = chat, .mine = verify_is_mine(&pass->base, chat), .count_known = true};
    if (pass->run.mine)
        pass->run.entry = verify_chat_of(&pass->base, chat);
}

static void check_gap(struct store_pass *pass, int64_t seq)
{
    struct run *run = &pass->run;
    int64_t first = run->seq + 1;
    run->seq = seq;
    if (seq == first)
        return;
    verify_found(pass->base.report, VERIFY_SEQ_GAP,
                 "chat %" PRId64 ": msgSeq %" PRId64 " to %" PRId64 " missing", run->chat, first,
                 seq - 1);
    run->count_known = false;
}

static void check_count(struct store_pass *pass, const struct mn_scan_row *row)
{
    struct run *run = &pass->run;
    int64_t found = row->place.low_count;
    int64_t step = row->place.from_high ? 0 : 1;
    int64_t expected = run->low_count + step;
    if (!run->count_known) {
        run->count_known = true;
        expected = found;
    } else if (found != expected && found != run->low_found + step) {
        verify_found(pass->base.report, VERIFY_COUNT_WRONG,
                     "chat %" PRId64 ", msgSeq %" PRId64 ": %" PRId64
                     " messages of the lower user, expected %" PRId64,
                     row->chat, row->seq, found, expected);
    }
    run->low_count = expected;
    run->low_found = found;
}

/* A chat is a group's with all its numbers, or with none. */
static void check_group(struct store_pass *pass, const struct mn_scan_row *row)
{
    struct run *run = &pass->run;
    run->count_known = false; /* a pair's, should another one follow */
    if (!run->entry)
        return;
    if (run->entry->low || (run->in_pair && !(run->entry->flags & VERIFY_GROUP)))
        verify_found(pass->base.report, VERIFY_ROW_DIFFERS,
                     "chat %" PRId64 ", msgSeq %" PRId64 ": a group's number in a chat of two",
                     row->chat, row->seq);
    else if (!(run->entry->flags & VERIFY_GROUP))
        pass->base.report->stats.chats++;
    run->entry->flags |= VERIFY_GROUP;
}

static void check_id(struct store_pass *pass, const struct mn_scan_row *row)
{
    struct run *run = &pass->run;
    int64_t id = row->place.id;
    if (id > run->max_id) {
        run->max_id = id;
        return;
    }
    if (mn_id_unix_ms(run->max_id) - mn_id_unix_ms(id) <= RACE_MS)
        pass->base.report->stats.ids_raced += id != run->max_id; /* the same: id_duplicate */
    else
        verify_found(pass->base.report, VERIFY_ID_ORDER,
                     "chat %" PRId64 ", msgSeq %" PRId64 ": message %" PRId64
                     " comes after message %" PRId64,
                     row->chat, row->seq, id, run->max_id);
}

static void on_seq(struct store_pass *pass, const struct mn_scan_row *row)
{
    struct run *run = &pass->run;
    pass->numbers++;
    check_gap(pass, row->seq);
    if (run->entry)
        run->entry->head = row->seq;
    if (row->damaged) {
        run->count_known = false;
        return;
    }
    if (row->place.sender)
        check_group(pass, row);
    else
        check_count(pass, row);
    pass->base.group_numbers += row->place.sender != 0;
    run->in_pair |= !row->place.sender;
    check_id(pass, row);
    if (!run->entry)
        return;
    run->entry->sum += place_sum(&pass->base, row->seq, row->place.id,
                                 row->place.sender ? row->place.sender : row->place.from_high,
                                 row->place.created_ms);
    if (row->place.sender)
        run->entry->sum += verify_count_sum(&pass->base, MN_KEY_OWN, row->place.sender, row->seq,
                                            row->place.own_count);
}

static void on_index(void *arg, const struct mn_scan_row *row)
{
    struct store_pass *pass = arg;
    verify_tick(&pass->base, "index rows");
    if (is_bad_for_all(&pass->base, row))
        return;
    if (row->chat != pass->run.chat)
        begin_run(pass, row->chat);
    if (!pass->run.mine)
        return;
    if (row->damaged)
        verify_bad_row(&pass->base, row);
    if (row->kind == MN_SCAN_SEQ) {
        on_seq(pass, row);
        return;
    }
    pass->base.report->stats.client_ids++;
    if (!row->damaged && pass->run.entry)
        pass->run.entry->sum += client_sum(&pass->base, row->hash, row->seq);
}

/* ---- messages ---- */

static void check_text(struct verify_pass *pass, const struct mn_scan_row *row)
{
    char quoted[VERIFY_QUOTED];
    const struct mn_row_msg *msg = &row->msg;
    if (!mn_utf8_valid(msg->body.p, msg->body.n))
        verify_found(pass->report, VERIFY_TEXT_INVALID,
                     "message %" PRId64 " (chat %" PRId64 ", msgSeq %" PRId64 "): %s", row->id,
                     msg->chat, msg->seq, verify_quote(quoted, msg->body));
    if (msg->client_id.n == 0 || msg->client_id.n > MN_CLIENT_ID_MAX ||
        !mn_utf8_valid(msg->client_id.p, msg->client_id.n))
        verify_found(pass->report, VERIFY_TEXT_INVALID, "message %" PRId64 ": client id %s",
                     row->id, verify_quote(quoted, msg->client_id));
}

static void check_users(struct verify_pass *pass, const struct mn_scan_row *row,
                        const struct verify_chat *chat)
{
    const struct mn_row_msg *msg = &row->msg;
    if (msg->group && !chat->low)
        return;
    int64_t low = msg->from < msg->to ? msg->from : msg->to;
    int64_t high = msg->from < msg->to ? msg->to : msg->from;
    if (low != high && (!chat->low || (chat->low == low && chat->high == high)))
        return;
    verify_found(pass->report, VERIFY_USERS_DIFFER,
                 "message %" PRId64 " (chat %" PRId64 ", msgSeq %" PRId64 "): from %" PRId64
                 " to %" PRId64 ", expected users %" PRId64 " and %" PRId64,
                 row->id, msg->chat, msg->seq, msg->from, msg->to, chat->low, chat->high);
}

/* What must be there besides, for whom it addresses and for who has it although it was revoked. */
static void take_what_follows(struct verify_pass *pass, const struct mn_scan_row *row,
                              struct verify_chat *chat)
{
    const struct mn_row_msg *msg = &row->msg;
    int64_t user = 0;
    for (size_t i = 0; (user = mn_row_addressed(msg->reply_author, msg->mentions, i)) != 0; i++) {
        chat->sum -= verify_count_sum(pass, MN_KEY_MENTION, user, msg->seq, 0);
        if (msg->revoked)
            chat->sum -= verify_count_sum(pass, MN_KEY_UNMENTION, user, msg->seq, 0);
    }
    if (msg->revoked)
        chat->sum -= verify_revoked_sum(pass, row->id, msg->seq, msg->from, msg->to);
}

static void on_message(void *arg, const struct mn_scan_row *row)
{
    struct verify_pass *pass = arg;
    const struct mn_row_msg *msg = &row->msg;
    verify_tick(pass, "messages");
    if (is_bad_for_all(pass, row) || !verify_is_mine(pass, msg->chat))
        return;
    pass->report->stats.messages++;
    pass->report->stats.text_bytes += msg->body.n;
    check_text(pass, row);
    struct verify_chat *chat = verify_chat_of(pass, msg->chat);
    if (!chat)
        return;
    check_users(pass, row, chat);
    chat->sum -= place_sum(pass, msg->seq, row->id, msg->group ? msg->from : msg->from > msg->to,
                           msg->created_ms);
    if (msg->client_id.n <= MN_CLIENT_ID_MAX)
        chat->sum -= client_sum(pass, mn_msglog_scan_hash(pass->scan, msg->from, msg->client_id),
                                msg->seq);
    take_what_follows(pass, row, chat);
}

/* ---- a pass ---- */

static void check_chat(struct verify_pass *pass, const struct verify_chat *chat)
{
    struct verify_report *report = pass->report;
    if (chat->flags & VERIFY_GROUP)
        return; /* with a pair too: told where it was seen */
    if (!chat->low && chat->head == 0 && (chat->flags & VERIFY_WAITED))
        return; /* a row of a backlog is all there is: a sum tells that */
    if (!chat->low) {
        verify_found(report, VERIFY_PAIR_MISSING, "chat %" PRId64 ", last message %" PRId64,
                     chat->id, chat->head);
        return;
    }
    if (chat->head == 0 && !(chat->flags & VERIFY_BARE))
        verify_found(report, VERIFY_CHAT_EMPTY,
                     "chat %" PRId64 " of users %" PRId64 " and %" PRId64, chat->id, chat->low,
                     chat->high);
    if (!(chat->flags & VERIFY_LOW_SEEN))
        verify_found(report, VERIFY_MEMBER_MISSING, "user %" PRId64 ", chat %" PRId64, chat->low,
                     chat->id);
    if (!(chat->flags & VERIFY_HIGH_SEEN))
        verify_found(report, VERIFY_MEMBER_MISSING, "user %" PRId64 ", chat %" PRId64, chat->high,
                     chat->id);
}

static void run_pass(struct store_pass *pass)
{
    struct verify_pass *base = &pass->base;
    bool disagree = false;
    bool all = scan_part(base, MN_SCAN_CHATS, on_pair, "pairs");
    all = scan_part(base, MN_SCAN_INDEX, on_index, "index") && all;
    all = scan_part(base, MN_SCAN_CHATS, verify_on_member, "members") && all;
    all = scan_part(base, MN_SCAN_MESSAGES, on_message, "messages") && all;
    if (!all)
        return; /* what was not read would be called missing */
    for (size_t i = 0; i <= base->chats.mask; i++) {
        struct verify_chat *chat = &base->chats.slots[i];
        if (chat->id == 0)
            continue;
        check_chat(base, chat);
        if (chat->sum != 0) {
            chat->flags |= VERIFY_DISAGREES;
            disagree = true;
        }
    }
    if (!disagree)
        return;
    verify_rows(base);
    if (verify_is_clean(base->report))
        verify_found(base->report, VERIFY_UNREADABLE,
                     "rows that disagree in one pass, and one by one do not");
}

static void on_bad_table(void *arg, const char *name, const char *why)
{
    struct verify_pass *pass = arg;
    verify_found(pass->report, VERIFY_UNREADABLE, "table %s: %s", name[0] == '/' ? name + 1 : name,
                 why);
}

/*
 * The last word.  A pass that ended early without a word has read less than
 * the others, and the sums of the chats disagree; this holds even if that were
 * not told row by row.  And where anything is wrong, a table that cannot be
 * read may be why: each is read by itself, so that all are named.
 */
static void conclude(struct store_pass *pass)
{
    struct verify_pass *base = &pass->base;
    const struct verify_stats *stats = &base->report->stats;
    if (verify_is_clean(base->report) &&
        (stats->messages != pass->numbers || stats->messages != stats->client_ids ||
         base->group_numbers != base->own_counts))
        verify_found(base->report, VERIFY_UNREADABLE,
                     "%" PRIu64 " messages, but %" PRIu64 " numbers and %" PRIu64
                     " client ids; of groups %" PRIu64 ", but %" PRIu64 " counts",
                     stats->messages, pass->numbers, stats->client_ids, base->group_numbers,
                     base->own_counts);
    if (!verify_is_clean(base->report))
        mn_msglog_scan_tables(base->scan, on_bad_table, base);
}

static void run_passes(struct store_pass *pass, uint64_t memory_bytes)
{
    struct verify_pass *base = &pass->base;
    mn_rand_bytes(&base->seed, sizeof base->seed);
    if (!scan_part(base, MN_SCAN_CHATS, count_pair, "pairs")) {
        conclude(pass);
        return;
    }
    size_t room = verify_chats_room(memory_bytes);
    base->count = (pass->pairs + room - 1) / room;
    if (base->count == 0)
        base->count = 1;
    base->report->stats.passes = base->count;
    for (base->number = 0; base->number < base->count; base->number++) {
        verify_chats_init(&base->chats, pass->pairs / base->count + 1, memory_bytes);
        pass->run = (struct run){0};
        run_pass(pass);
        verify_chats_deinit(&base->chats);
    }
    conclude(pass);
}

enum mn_err verify_messages(struct verify_report *report, const char *dir, const char *ledger,
                            uint64_t memory_bytes, struct mn_buf *why)
{
    struct store_pass pass = {.base = {.report = report, .count = 1}};
    enum mn_err err = mn_msglog_scan_open(dir, &pass.base.scan, why);
    if (err == MN_ECORRUPT) {
        verify_found(report, VERIFY_UNREADABLE, "%.*s", (int)why->n, why->p);
        return MN_OK;
    }
    if (err)
        return err;
    run_passes(&pass, memory_bytes);
    if (ledger)
        err = verify_ledger(report, pass.base.scan, ledger, why);
    verify_progress(report, NULL, 0);
    mn_msglog_scan_close(pass.base.scan);
    return err;
}
