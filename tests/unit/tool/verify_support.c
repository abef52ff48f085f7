/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tool/verify_support.h"

#include "unit/tool/tests.h"

#include <ftw.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "store/log/msglog.h"

enum { TEXT_MAX = 1024 };

/* ---- a store ---- */

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned done;
};

static void on_commit(void *ctx, struct mn_op **ops, size_t count)
{
    struct waiter *waiter = ctx;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ops[i]->result, MN_OK);
        mn_op_unref(ops[i]);
    }
    pthread_mutex_lock(&waiter->lock);
    waiter->done += (unsigned)count;
    pthread_cond_signal(&waiter->changed);
    pthread_mutex_unlock(&waiter->lock);
}

/* Queues one operation and waits; the caller's reference stays. */
static void run(struct mn_msglog *log, struct waiter *waiter, struct mn_op *op)
{
    mn_op_ref(op);
    waiter->done = 0;
    assert_true(mn_msglog_reserve(log, op->bytes));
    mn_msglog_submit(log, op);
    pthread_mutex_lock(&waiter->lock);
    while (waiter->done == 0)
        pthread_cond_wait(&waiter->changed, &waiter->lock);
    pthread_mutex_unlock(&waiter->lock);
}

static int64_t append_body(struct tv_store *store, struct mn_msglog *log, struct waiter *waiter,
                           int64_t from, int64_t to, const char *body)
{
    char client_id[32];
    snprintf(client_id, sizeof client_id, "m-%u", store->count);
    struct mn_op *op = mn_op_new(MN_OP_APPEND, mn_str_c(client_id), MN_STR_NONE, mn_str_c(body));
    assert_non_null(op);
    mn_op_set_pair(op, from, to);
    op->id = store->last_id += 1 << 22; /* a millisecond later */
    op->unix_ms = mn_id_unix_ms(op->id);
    run(log, waiter, op);
    if (store->count < MN_ARRAY_LEN(store->id)) {
        store->id[store->count] = op->id;
        store->chat_of[store->count] = op->at.chat;
    }
    store->count++;
    int64_t chat = op->at.chat;
    mn_op_unref(op);
    return chat;
}

static int64_t append(struct tv_store *store, struct mn_msglog *log, struct waiter *waiter,
                      int64_t from, int64_t to)
{
    char body[64];
    snprintf(body, sizeof body, "text %u from %d to %d", store->count, (int)from, (int)to);
    return append_body(store, log, waiter, from, to, body);
}

static void move(struct mn_msglog *log, struct waiter *waiter, enum mn_cursor_kind kind,
                 int64_t chat, int64_t seq)
{
    struct mn_op *op = mn_op_new(MN_OP_CURSOR, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    assert_non_null(op);
    op->cursor = (uint8_t)kind;
    mn_op_set_pair(op, 2, 1);
    op->at = (struct mn_place){chat, seq};
    run(log, waiter, op);
    mn_op_unref(op);
}

static void fill(struct tv_store *store, struct mn_msglog *log, struct waiter *waiter,
                 unsigned count)
{
    (void)count;
    for (int i = 0; i < 6; i++)
        store->chat[0] = append(store, log, waiter, i % 3 ? 1 : 2, i % 3 ? 2 : 1);
    for (int i = 0; i < 4; i++)
        store->chat[1] = append(store, log, waiter, 3, 4);
    for (int i = 0; i < 2; i++)
        store->chat[2] = append(store, log, waiter, 3 - 2 * i, 1 + 2 * i);
    move(log, waiter, MN_CURSOR_READ, store->chat[0], 3);
    move(log, waiter, MN_CURSOR_DELIVERED, store->chat[0], 4);
}

static void fill_chats(struct tv_store *store, struct mn_msglog *log, struct waiter *waiter,
                       unsigned chats)
{
    for (unsigned i = 0; i < chats; i++) {
        append(store, log, waiter, 10 + 2 * i, 11 + 2 * i);
        append(store, log, waiter, 11 + 2 * i, 10 + 2 * i);
    }
}

static void fill_tables(struct tv_store *store, struct mn_msglog *log, struct waiter *waiter,
                        unsigned messages)
{
    struct mn_rng rng;
    char body[201];
    mn_rng_seed(&rng, 1);
    for (unsigned i = 0; i < messages; i++) {
        for (unsigned k = 0; k + 1 < sizeof body; k++)
            body[k] = (char)(' ' + mn_rng_next(&rng) % 95);
        body[sizeof body - 1] = '\0';
        append_body(store, log, waiter, 10 + i % 40, 10 + (i + 1 + i / 40 % 3) % 40, body);
    }
}

static void member(struct mn_msglog *log, struct waiter *waiter, enum mn_op_kind kind,
                   int64_t group, int64_t user)
{
    struct mn_op *op = mn_op_new(kind, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    assert_non_null(op);
    op->key = mn_chat_group(group);
    op->from = user;
    op->unix_ms = 1;
    run(log, waiter, op);
    mn_op_unref(op);
}

/* To TV_GROUP; `mentions`: users one after the other, 0 at the end. */
static void say(struct tv_store *store, struct mn_msglog *log, struct waiter *waiter, int64_t from,
                const int64_t *mentions, int64_t author)
{
    char client_id[32], uids[4 * MN_UID_BYTES];
    size_t n = 0;
    for (; mentions[n]; n++)
        mn_uids_set(uids, n, mentions[n]);
    snprintf(client_id, sizeof client_id, "g-%u", store->count);
    struct mn_op *op = mn_op_new_append(mn_str_c(client_id), MN_STR_NONE, MN_STR("to all"),
                                        mn_str_make(uids, n * MN_UID_BYTES));
    assert_non_null(op);
    op->key = mn_chat_group(TV_GROUP);
    op->from = from;
    op->id = store->last_id += 1 << 22;
    op->unix_ms = mn_id_unix_ms(op->id);
    op->reply_author = author;
    op->reply_to = author ? store->id[0] : 0;
    run(log, waiter, op);
    store->id[store->count] = op->id;
    store->chat_of[store->count++] = TV_GROUP;
    mn_op_unref(op);
}

static void revoke_message(struct tv_store *store, struct mn_msglog *log, struct waiter *waiter,
                           unsigned number)
{
    struct mn_op *op = mn_op_new(MN_OP_REVOKE, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    assert_non_null(op);
    op->from = 1;
    op->id = store->id[number];
    op->unix_ms = mn_id_unix_ms(store->last_id);
    run(log, waiter, op);
    assert_true(op->number > op->id);
    mn_op_unref(op);
}

static void fill_group(struct tv_store *store, struct mn_msglog *log, struct waiter *waiter,
                       unsigned count)
{
    static const int64_t nobody[] = {0}, second[] = {2, 0}, both[] = {2, 3, 0};
    (void)count;
    for (int64_t user = 1; user <= 3; user++)
        member(log, waiter, MN_OP_JOIN, TV_GROUP, user);
    member(log, waiter, MN_OP_JOIN, TV_GROUP, 5);
    say(store, log, waiter, 1, second, 0);
    say(store, log, waiter, 2, nobody, 1);
    say(store, log, waiter, 1, both, 0);
    say(store, log, waiter, 3, nobody, 0);
    say(store, log, waiter, 1, second, 0);
    member(log, waiter, MN_OP_LEAVE, TV_GROUP, 5);
    member(log, waiter, MN_OP_JOIN, TV_GROUP, 4);
    say(store, log, waiter, 4, nobody, 0);
    member(log, waiter, MN_OP_JOIN, TV_GROUP + 1, 1);
    store->chat[0] = append(store, log, waiter, 1, 2);
    append(store, log, waiter, 1, 2);
    revoke_message(store, log, waiter, 2);
    revoke_message(store, log, waiter, 7);
}

typedef void (*fill_fn)(struct tv_store *store, struct mn_msglog *log, struct waiter *waiter,
                        unsigned count);

static void make(struct tv_store *store, fill_fn fill_it, unsigned count, uint64_t memtable_bytes)
{
    static struct waiter waiter = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    struct mn_idgen ids;
    const char *tmp = getenv("TMPDIR");
    struct mn_msglog_config config = {.queue_ops = 64,
                                      .queue_bytes = 1 << 20,
                                      .batch_ops = 16,
                                      .cursor_flush_ms = 1000,
                                      .cache_bytes = 1 << 20,
                                      .memtable_bytes = memtable_bytes,
                                      .chat_cache = 64,
                                      .recent_cache = 64,
                                      .idgen = &ids,
                                      .on_commit = on_commit,
                                      .ctx = &waiter};
    struct mn_metrics *metrics = mn_metrics_new();
    struct mn_msglog *log = NULL;
    struct mn_buf why;
    *store = (struct tv_store){.last_id = INT64_C(400000000000) << 22};
    mn_idgen_init(&ids, 1, 1);
    mn_idgen_raise(&ids, store->last_id + (INT64_C(1000) << 22)); /* revocations come later */
    snprintf(store->dir, sizeof store->dir, "%.40s/mn-verify-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(store->dir));
    snprintf(store->messages, sizeof store->messages, "%s/messages", store->dir);
    snprintf(config.dir, sizeof config.dir, "%s", store->messages);
    mn_buf_init(&why, 4096);
    assert_int_equal(mn_msglog_open(&config, metrics, &log, &why), MN_OK);
    fill_it(store, log, &waiter, count);
    mn_msglog_close(log);
    mn_metrics_free(metrics);
    mn_buf_deinit(&why);
}

void tv_make(struct tv_store *store) { make(store, fill, 0, 4 << 20); }

void tv_make_group(struct tv_store *store) { make(store, fill_group, 0, 4 << 20); }

void tv_make_many(struct tv_store *store, unsigned chats)
{
    make(store, fill_chats, chats, 4 << 20);
}

void tv_make_tables(struct tv_store *store, unsigned messages)
{
    make(store, fill_tables, messages, 512 << 10);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

void tv_remove(struct tv_store *store) { nftw(store->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

/* ---- changes behind its back ---- */

static void check(char *text)
{
    if (text)
        fail_msg("%s", text);
}

void tv_edit_begin(struct tv_edit *edit, const struct tv_store *store)
{
    static const char *const names[MN_CF_COUNT] = {"default", "msg", "index", "chat"};
    char *text = NULL;
    size_t n = 0;
    edit->options = rocksdb_options_create();
    const rocksdb_options_t *options[MN_CF_COUNT] = {edit->options, edit->options, edit->options,
                                                     edit->options};
    edit->db = rocksdb_open_column_families(edit->options, store->messages, MN_CF_COUNT, names,
                                            options, edit->cf, &text);
    check(text);
    rocksdb_readoptions_t *read = rocksdb_readoptions_create();
    char *key = rocksdb_get_cf(edit->db, read, edit->cf[MN_CF_META], "hash_key", 8, &n, &text);
    check(text);
    assert_int_equal(n, sizeof edit->hash_key);
    memcpy(edit->hash_key, key, n);
    rocksdb_free(key);
    rocksdb_readoptions_destroy(read);
}

void tv_edit_end(struct tv_edit *edit)
{
    for (size_t i = 0; i < MN_CF_COUNT; i++)
        rocksdb_column_family_handle_destroy(edit->cf[i]);
    rocksdb_close(edit->db);
    rocksdb_options_destroy(edit->options);
}

void tv_put(struct tv_edit *edit, enum mn_cf cf, const char *key, size_t key_len, const char *value,
            size_t value_len)
{
    char *text = NULL;
    rocksdb_writeoptions_t *write = rocksdb_writeoptions_create();
    rocksdb_put_cf(edit->db, write, edit->cf[cf], key, key_len, value, value_len, &text);
    rocksdb_writeoptions_destroy(write);
    check(text);
}

/* The value, copied; how many bytes it has. The row must be there. */
static size_t get(struct tv_edit *edit, enum mn_cf cf, const char *key, size_t key_len,
                  char out[TEXT_MAX])
{
    char *text = NULL;
    size_t n = 0;
    rocksdb_readoptions_t *read = rocksdb_readoptions_create();
    char *value = rocksdb_get_cf(edit->db, read, edit->cf[cf], key, key_len, &n, &text);
    rocksdb_readoptions_destroy(read);
    check(text);
    assert_non_null(value);
    assert_true(n <= TEXT_MAX);
    memcpy(out, value, n);
    rocksdb_free(value);
    return n;
}

void tv_delete(struct tv_edit *edit, enum mn_cf cf, const char *key, size_t key_len)
{
    char *text = NULL, value[TEXT_MAX];
    get(edit, cf, key, key_len, value); /* it must have been there */
    rocksdb_writeoptions_t *write = rocksdb_writeoptions_create();
    rocksdb_delete_cf(edit->db, write, edit->cf[cf], key, key_len, &text);
    rocksdb_writeoptions_destroy(write);
    check(text);
}

struct mn_row_seq tv_get_seq(struct tv_edit *edit, int64_t chat, int64_t seq)
{
    char key[MN_KEY_SEQ_BYTES], value[TEXT_MAX];
    struct mn_row_seq row;
    mn_key_seq(key, chat, seq);
    size_t n = get(edit, MN_CF_INDEX, key, sizeof key, value);
    assert_int_equal(mn_row_seq_parse(mn_str_make(value, n), seq, &row), MN_OK);
    return row;
}

void tv_put_seq(struct tv_edit *edit, int64_t chat, int64_t seq, const struct mn_row_seq *row)
{
    char key[MN_KEY_SEQ_BYTES], value[MN_ROW_SEQ_MAX];
    mn_key_seq(key, chat, seq);
    tv_put(edit, MN_CF_INDEX, key, sizeof key, value, mn_row_seq_print(value, row));
}

void tv_delete_seq(struct tv_edit *edit, int64_t chat, int64_t seq)
{
    char key[MN_KEY_SEQ_BYTES];
    mn_key_seq(key, chat, seq);
    tv_delete(edit, MN_CF_INDEX, key, sizeof key);
}

struct mn_row_msg tv_get_msg(struct tv_edit *edit, int64_t id)
{
    static char value[TEXT_MAX];
    char key[MN_KEY_MSG_BYTES];
    struct mn_row_msg row;
    mn_key_msg(key, id);
    size_t n = get(edit, MN_CF_MSG, key, sizeof key, value);
    assert_int_equal(mn_row_msg_parse(mn_str_make(value, n), &row), MN_OK);
    return row;
}

void tv_put_msg(struct tv_edit *edit, int64_t id, const struct mn_row_msg *row)
{
    char key[MN_KEY_MSG_BYTES], value[MN_ROW_MSG_HEAD_MAX + TEXT_MAX];
    size_t n = mn_row_msg_head(value, row);
    mn_key_msg(key, id);
    memcpy(value + n, row->client_id.p, row->client_id.n);
    memcpy(value + n + row->client_id.n, row->body.p, row->body.n);
    n += row->client_id.n + row->body.n;
    if (row->mentions.n)
        memcpy(value + n, row->mentions.p, row->mentions.n);
    tv_put(edit, MN_CF_MSG, key, sizeof key, value, n + row->mentions.n);
}

void tv_put_client(struct tv_edit *edit, int64_t chat, uint64_t hash, int64_t seq)
{
    char key[MN_KEY_CLIENT_BYTES], value[MN_ROW_CLIENT_MAX];
    mn_key_client(key, chat, hash);
    tv_put(edit, MN_CF_INDEX, key, sizeof key, value, mn_row_client_print(value, seq));
}

void tv_delete_client(struct tv_edit *edit, int64_t chat, uint64_t hash)
{
    char key[MN_KEY_CLIENT_BYTES];
    mn_key_client(key, chat, hash);
    tv_delete(edit, MN_CF_INDEX, key, sizeof key);
}

uint64_t tv_hash(struct tv_edit *edit, int64_t chat, int64_t seq)
{
    struct mn_row_msg msg = tv_get_msg(edit, tv_get_seq(edit, chat, seq).id);
    return mn_client_hash(edit->hash_key, msg.from, msg.client_id);
}

void tv_put_pair(struct tv_edit *edit, int64_t low, int64_t high, int64_t chat)
{
    char key[MN_KEY_CHAT_BYTES], value[MN_ROW_PAIR_MAX];
    mn_key_pair(key, low, high);
    tv_put(edit, MN_CF_CHAT, key, sizeof key, value,
           mn_row_pair_print(value, &(struct mn_row_pair){.chat = chat}));
}

void tv_put_member(struct tv_edit *edit, int64_t user, int64_t chat,
                   const struct mn_membership *row)
{
    char key[MN_KEY_CHAT_BYTES], value[MN_ROW_MEMBER_MAX];
    mn_key_member(key, user, chat);
    tv_put(edit, MN_CF_CHAT, key, sizeof key, value, mn_row_member_print(value, row));
}

void tv_delete_member(struct tv_edit *edit, int64_t user, int64_t chat)
{
    char key[MN_KEY_CHAT_BYTES];
    mn_key_member(key, user, chat);
    tv_delete(edit, MN_CF_CHAT, key, sizeof key);
}

void tv_put_count(struct tv_edit *edit, enum mn_key_counted kind, int64_t chat, int64_t user,
                  int64_t seq, int64_t count)
{
    char key[MN_KEY_OWN_BYTES], value[MN_ROW_OWN_MAX];
    mn_key_counted(key, kind, chat, user, seq);
    if (kind == MN_KEY_UNMENTION)
        tv_put(edit, MN_CF_CHAT, key, sizeof key, MN_ROW_EMPTY.p, MN_ROW_EMPTY.n);
    else
        tv_put(edit, MN_CF_CHAT, key, sizeof key, value, mn_row_own_print(value, count));
}

void tv_delete_count(struct tv_edit *edit, enum mn_key_counted kind, int64_t chat, int64_t user,
                     int64_t seq)
{
    char key[MN_KEY_OWN_BYTES];
    mn_key_counted(key, kind, chat, user, seq);
    tv_delete(edit, MN_CF_CHAT, key, sizeof key);
}

int64_t tv_find_revoked(struct tv_edit *edit, bool group, int64_t owner, struct mn_row_revoked *ret)
{
    char lower[MN_KEY_CHAT_BYTES];
    size_t n = 0;
    int64_t found = 0, number = 0;
    bool is_group = false;
    mn_key_revoked(lower, group, owner, 0);
    rocksdb_readoptions_t *read = rocksdb_readoptions_create();
    rocksdb_iterator_t *it = rocksdb_create_iterator_cf(edit->db, read, edit->cf[MN_CF_CHAT]);
    rocksdb_iter_seek(it, lower, sizeof lower);
    assert_true(rocksdb_iter_valid(it));
    const char *p = rocksdb_iter_key(it, &n);
    assert_int_equal(mn_key_revoked_parse(mn_str_make(p, n), &is_group, &found, &number), MN_OK);
    assert_true(is_group == group && found == owner);
    p = rocksdb_iter_value(it, &n);
    assert_int_equal(mn_row_revoked_parse(mn_str_make(p, n), ret), MN_OK);
    rocksdb_iter_destroy(it);
    rocksdb_readoptions_destroy(read);
    return number;
}

/* ---- the check ---- */

const char *tv_report(const struct verify_report *report)
{
    static char text[1024];
    size_t n = 0;
    text[0] = '\0';
    for (int i = 0; i < VERIFY_CHECK_COUNT; i++)
        if (report->found[i] > 0)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s:%u", n ? " " : "",
                                  verify_name((enum verify_check)i), (unsigned)report->found[i]);
    return text;
}

const char *tv_messages(const struct tv_store *store, const char *ledger, uint64_t memory_bytes)
{
    struct verify_report report;
    struct mn_buf why;
    mn_buf_init(&why, 4096);
    verify_report_init(&report, 20, false);
    enum mn_err err = verify_messages(&report, store->messages, ledger, memory_bytes, &why);
    if (err)
        print_error("%.*s\n", (int)why.n, why.p);
    assert_int_equal(err, MN_OK);
    const char *text = tv_report(&report);
    verify_report_deinit(&report);
    mn_buf_deinit(&why);
    return text;
}
