/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads of a message log at rest, see scan.h.  Rows are parsed with
 * the same functions that minimd uses, and judged only as far as one row
 * tells: what belongs together is the caller's business.
 *
 * Whole passes bypass the block cache, so the cache serves the point reads.
 */
#include "store/rocks/scan.h"

#include "base/mem.h"
#include "store/rocks/impl.h"

#define MIB (UINT64_C(1) << 20)

enum {
    CACHE_MIB = 64,
    /* minimd's default; a write-ahead log has at most twice as much. */
    MEMTABLE_MIB = 64
};

struct mn_msglog_scan {
    struct mn_rocks *db;
    uint64_t hash_key[2];
    struct mn_rocks_value msg; /* what mn_msglog_scan_msg() gave last */
};

/* ---- open and close ---- */

static enum mn_err check_format(struct mn_msglog_scan *scan, const char *dir, struct mn_buf *why)
{
    uint64_t version = 0;
    enum mn_err err = mn_rlog_read_format(scan->db, &version);
    if (!err && version == MN_MSGLOG_FORMAT)
        err = mn_rlog_read_hash_key(scan->db, scan->hash_key);
    if (err) {
        mn_buf_addf(why, "message log %s has no usable format version or key in it (%s)", dir,
                    mn_err_text(err));
        return err;
    }
    if (version == MN_MSGLOG_FORMAT)
        return MN_OK;
    mn_buf_addf(why, "message log %s has format %llu, and this program knows format %u: %s", dir,
                (unsigned long long)version, MN_MSGLOG_FORMAT,
                version > MN_MSGLOG_FORMAT ? "use that of the minimd which wrote it"
                                           : "start minimd on it once");
    return MN_EVERSION;
}

enum mn_err mn_msglog_scan_open(const char *dir, struct mn_msglog_scan **ret, struct mn_buf *why)
{
    struct mn_msglog_scan *scan = mn_new(struct mn_msglog_scan);
    const struct mn_rocks_config config = {.dir = dir,
                                           .cache_bytes = CACHE_MIB * MIB,
                                           .memtable_bytes = MEMTABLE_MIB * MIB,
                                           .read_only = true};
    mn_rocks_thread_init();
    enum mn_err err = mn_rocks_open(&config, &scan->db, why);
    if (!err)
        err = check_format(scan, dir, why);
    if (err) {
        mn_msglog_scan_close(scan);
        return err;
    }
    *ret = scan;
    return MN_OK;
}

void mn_msglog_scan_close(struct mn_msglog_scan *scan)
{
    if (!scan)
        return;
    mn_rocks_release(&scan->msg);
    mn_rocks_close(scan->db);
    mn_free(scan);
}

enum mn_err mn_msglog_scan_end(struct mn_msglog_scan *scan, struct mn_log_end *ret)
{
    return mn_rlog_read_end(scan->db, ret);
}

/* ---- rows ---- */

static void parse_message(struct mn_scan_row *row, struct mn_str value)
{
    if (mn_key_msg_parse(row->key, &row->id) != MN_OK || row->id <= 0)
        return;
    row->kind = MN_SCAN_MSG;
    row->damaged = mn_row_msg_parse(value, &row->msg) != MN_OK;
}

static void parse_index(struct mn_scan_row *row, struct mn_str value)
{
    if (mn_key_client_parse(row->key, &row->chat, &row->hash) == MN_OK) {
        if (row->chat <= 0)
            return;
        row->kind = MN_SCAN_CLIENT;
        row->damaged = mn_row_client_parse(value, &row->seq) != MN_OK;
        return;
    }
    if (mn_key_seq_parse(row->key, &row->chat, &row->seq) != MN_OK || row->chat <= 0 ||
        row->seq <= 0)
        return;
    row->kind = MN_SCAN_SEQ;
    row->damaged = mn_row_seq_parse(value, row->seq, &row->place) != MN_OK;
}

/* Rows that lists are read from: made from the others. */
static bool is_derived(struct mn_str key)
{
    int64_t a, b, c;
    return mn_key_listed_parse(key, &a, &b, &c) == MN_OK ||
           mn_key_unlisted_parse(key, &a, &b) == MN_OK || mn_key_learnt_parse(key, &a) == MN_OK ||
           (key.n == MN_KEY_TOTAL_BYTES && key.p[0] == 'n');
}

static enum mn_err parse_count(enum mn_key_counted kind, struct mn_str value, int64_t seq,
                               int64_t *ret)
{
    *ret = 1;
    if (kind == MN_KEY_UNMENTION)
        return mn_str_eq(value, MN_ROW_EMPTY) ? MN_OK : MN_ECORRUPT;
    return mn_row_own_parse(value, seq, ret);
}

static bool parse_counted(struct mn_scan_row *row, struct mn_str value)
{
    static const enum mn_key_counted kinds[] = {MN_KEY_OWN, MN_KEY_MENTION, MN_KEY_UNMENTION};
    for (size_t i = 0; i < MN_ARRAY_LEN(kinds); i++) {
        if (mn_key_counted_parse(row->key, kinds[i], &row->chat, &row->user, &row->seq) != MN_OK)
            continue;
        if (row->chat <= 0 || row->user <= 0 || row->seq <= 0)
            return false;
        row->kind = MN_SCAN_COUNT;
        row->counted = kinds[i];
        row->damaged = parse_count(kinds[i], value, row->seq, &row->count) != MN_OK;
        return true;
    }
    return false;
}

static bool parse_waiting(struct mn_scan_row *row, struct mn_str value)
{
    if (mn_key_waiting_parse(row->key, &row->user, &row->chat) != MN_OK || row->user <= 0 ||
        row->chat <= 0)
        return false;
    row->kind = MN_SCAN_WAITING;
    row->damaged = !mn_str_eq(value, MN_ROW_EMPTY);
    return true;
}

static bool parse_revoked(struct mn_scan_row *row, struct mn_str value)
{
    bool group = false;
    int64_t owner = 0, number = 0;
    if (mn_key_revoked_parse(row->key, &group, &owner, &number) != MN_OK || owner <= 0 ||
        number <= 0)
        return false;
    row->kind = MN_SCAN_REVOKED;
    row->damaged = mn_row_revoked_parse(value, &row->revoked) != MN_OK ||
                   (group && row->revoked.chat != owner);
    row->user = group ? 0 : owner;
    return true;
}

static void parse_chat(struct mn_scan_row *row, struct mn_str value)
{
    struct mn_row_pair pair;
    if (mn_key_pair_parse(row->key, &row->low, &row->high) == MN_OK) {
        if (row->low <= 0 || row->low >= row->high)
            return;
        row->kind = MN_SCAN_PAIR;
        row->damaged = mn_row_pair_parse(value, &pair) != MN_OK;
        row->chat = row->damaged ? 0 : pair.chat;
        row->is_bare = !row->damaged && pair.is_bare;
        return;
    }
    if (is_derived(row->key)) {
        row->kind = MN_SCAN_LIST;
        return;
    }
    if (parse_revoked(row, value) || parse_counted(row, value) || parse_waiting(row, value))
        return;
    if (mn_key_member_parse(row->key, &row->user, &row->chat) != MN_OK || row->user <= 0 ||
        row->chat <= 0)
        return;
    row->kind = MN_SCAN_MEMBER;
    row->damaged = mn_row_member_parse(value, &row->member) != MN_OK;
}

typedef void (*parse_fn)(struct mn_scan_row *row, struct mn_str value);

static enum mn_err walk(struct mn_rocks_iter *it, parse_fn parse, mn_scan_fn fn, void *arg,
                        struct mn_buf *why)
{
    struct mn_scan_row row;
    struct mn_str value;
    for (; mn_rocks_iter_get(it, &row.key, &value); mn_rocks_iter_next(it)) {
        row.kind = MN_SCAN_UNKNOWN;
        row.damaged = false;
        parse(&row, value);
        fn(arg, &row);
    }
    return mn_rocks_iter_why(it, why);
}

enum mn_err mn_msglog_scan_rows(struct mn_msglog_scan *scan, enum mn_scan_part part, mn_scan_fn fn,
                                void *arg, struct mn_buf *why)
{
    static const struct {
        enum mn_cf cf;
        parse_fn parse;
    } parts[] = {
        [MN_SCAN_MESSAGES] = {MN_CF_MSG, parse_message},
        [MN_SCAN_INDEX] = {MN_CF_INDEX, parse_index},
        [MN_SCAN_CHATS] = {MN_CF_CHAT, parse_chat},
    };
    struct mn_rocks_iter *it = mn_rocks_iter_new_scan(scan->db, parts[part].cf);
    enum mn_err err = walk(it, parts[part].parse, fn, arg, why);
    mn_rocks_iter_free(it);
    return err;
}

enum mn_err mn_msglog_scan_chat(struct mn_msglog_scan *scan, int64_t chat, mn_scan_fn fn, void *arg,
                                struct mn_buf *why)
{
    /* The end is the key behind the greatest of the chat: chat + 1 may not exist. */
    char lower[MN_KEY_SEQ_BYTES], upper[MN_KEY_CLIENT_BYTES + 1] = "";
    mn_key_seq(lower, chat, 0);
    mn_key_client(upper, chat, UINT64_MAX);
    struct mn_str from = mn_str_make(lower, sizeof(lower));
    struct mn_rocks_iter *it = mn_rocks_iter_new(scan->db, MN_CF_INDEX, from,
                                                 mn_str_make(upper, sizeof(upper)));
    mn_rocks_iter_seek(it, from);
    enum mn_err err = walk(it, parse_index, fn, arg, why);
    mn_rocks_iter_free(it);
    return err;
}

void mn_msglog_scan_tables(struct mn_msglog_scan *scan, mn_scan_table_fn fn, void *arg)
{
    mn_rocks_check_tables(scan->db, fn, arg);
}

/* ---- single rows ---- */

/* What a row's parser says: the store could read it, so this is no damage of the store. */
static enum mn_err parsed(enum mn_err err) { return err ? MN_EINVAL : MN_OK; }

enum mn_err mn_msglog_scan_msg(struct mn_msglog_scan *scan, int64_t id, struct mn_row_msg *ret)
{
    char key[MN_KEY_MSG_BYTES];
    mn_rocks_release(&scan->msg);
    mn_key_msg(key, id);
    enum mn_err err = mn_rocks_get(scan->db, MN_CF_MSG, mn_str_make(key, sizeof(key)), &scan->msg);
    return err ? err : parsed(mn_row_msg_parse(scan->msg.s, ret));
}

enum mn_err mn_msglog_scan_seq(struct mn_msglog_scan *scan, int64_t chat, int64_t seq,
                               struct mn_row_seq *ret)
{
    char key[MN_KEY_SEQ_BYTES];
    struct mn_rocks_value value;
    mn_key_seq(key, chat, seq);
    enum mn_err err = mn_rocks_get(scan->db, MN_CF_INDEX, mn_str_make(key, sizeof(key)), &value);
    if (err)
        return err;
    err = parsed(mn_row_seq_parse(value.s, seq, ret));
    mn_rocks_release(&value);
    return err;
}

enum mn_err mn_msglog_scan_pair(struct mn_msglog_scan *scan, int64_t a, int64_t b,
                                int64_t *ret_chat)
{
    char key[MN_KEY_CHAT_BYTES];
    struct mn_rocks_value value;
    struct mn_row_pair pair = {.chat = 0};
    mn_key_pair(key, a < b ? a : b, a < b ? b : a);
    enum mn_err err = mn_rocks_get(scan->db, MN_CF_CHAT, mn_str_make(key, sizeof(key)), &value);
    if (err)
        return err;
    err = parsed(mn_row_pair_parse(value.s, &pair));
    mn_rocks_release(&value);
    *ret_chat = pair.chat;
    return err;
}

enum mn_err mn_msglog_scan_client(struct mn_msglog_scan *scan, int64_t chat, uint64_t hash,
                                  int64_t *ret_seq)
{
    char key[MN_KEY_CLIENT_BYTES];
    struct mn_rocks_value value;
    mn_key_client(key, chat, hash);
    enum mn_err err = mn_rocks_get(scan->db, MN_CF_INDEX, mn_str_make(key, sizeof(key)), &value);
    if (err)
        return err;
    err = parsed(mn_row_client_parse(value.s, ret_seq));
    mn_rocks_release(&value);
    return err;
}

enum mn_err mn_msglog_scan_member(struct mn_msglog_scan *scan, int64_t user, int64_t chat,
                                  struct mn_membership *ret)
{
    char key[MN_KEY_CHAT_BYTES];
    struct mn_rocks_value value;
    mn_key_member(key, user, chat);
    enum mn_err err = mn_rocks_get(scan->db, MN_CF_CHAT, mn_str_make(key, sizeof(key)), &value);
    if (err)
        return err;
    err = parsed(mn_row_member_parse(value.s, ret));
    mn_rocks_release(&value);
    return err;
}

enum mn_err mn_msglog_scan_count(struct mn_msglog_scan *scan, enum mn_key_counted kind,
                                 int64_t chat, int64_t user, int64_t seq, int64_t *ret)
{
    char key[MN_KEY_OWN_BYTES];
    struct mn_rocks_value value;
    mn_key_counted(key, kind, chat, user, seq);
    enum mn_err err = mn_rocks_get(scan->db, MN_CF_CHAT, mn_str_make(key, sizeof(key)), &value);
    if (err)
        return err;
    err = parsed(parse_count(kind, value.s, seq, ret));
    mn_rocks_release(&value);
    return err;
}

enum mn_err mn_msglog_scan_waiting(struct mn_msglog_scan *scan, int64_t user, int64_t chat)
{
    char key[MN_KEY_CHAT_BYTES];
    struct mn_rocks_value value;
    mn_key_waiting(key, user, chat);
    enum mn_err err = mn_rocks_get(scan->db, MN_CF_CHAT, mn_str_make(key, sizeof(key)), &value);
    if (!err)
        mn_rocks_release(&value);
    return err;
}

enum mn_err mn_msglog_scan_revoked(struct mn_msglog_scan *scan, int64_t owner,
                                   const struct mn_row_revoked *message, unsigned *ret)
{
    char lower[MN_KEY_CHAT_BYTES], upper[MN_KEY_CHAT_BYTES];
    bool group = owner == 0;
    struct mn_str key, value, from = mn_str_make(lower, sizeof(lower));
    /* Both numbers are of one generator, and that of the revocation was given later. */
    mn_key_revoked(lower, group, group ? message->chat : owner, message->id);
    mn_key_revoked(upper, group, group ? message->chat : owner, INT64_MAX);
    struct mn_rocks_iter *it = mn_rocks_iter_new(scan->db, MN_CF_CHAT, from,
                                                 mn_str_make(upper, sizeof(upper)));
    *ret = 0;
    for (mn_rocks_iter_seek(it, from); mn_rocks_iter_get(it, &key, &value);
         mn_rocks_iter_next(it)) {
        struct mn_row_revoked row;
        *ret += mn_row_revoked_parse(value, &row) == MN_OK && row.id == message->id;
    }
    enum mn_err err = mn_rocks_iter_err(it);
    mn_rocks_iter_free(it);
    return err;
}

uint64_t mn_msglog_scan_hash(const struct mn_msglog_scan *scan, int64_t from,
                             struct mn_str client_id)
{
    return mn_client_hash(scan->hash_key, from, client_id) | UINT64_C(1) << 63;
}
