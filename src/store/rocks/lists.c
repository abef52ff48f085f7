/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists on disk: a user's chats of two, newest first ('l'), how many they
 * are ('n'), and those with something undelivered ('d').  Written late, as a
 * message would otherwise cost four more rows at random places: a chat that
 * moved is noted in memory (moved.h) after its commit, readers merge
 * that in, and it is written once for all its messages of two minutes, in
 * slices that go with other batches.
 *
 * After a crash what was only in memory is found again: chats made without a
 * message have a row 'c' until they are in the lists; for the others a mark on disk says
 * up to which message id the lists are complete, and the chats of all
 * messages beyond it are looked at (mn_lists_recover()).  A message with an id
 * at or below the mark, as ids are given before the queue, lowers it in its
 * own batch.  Format 2 begins with no lists at all and makes them in the same
 * way; cut short, it begins again, and rows that are there already are found
 * by the pair's row, which says what the lists have.
 *
 * A row 'd' too many costs a look at its chat, one too few would lose a
 * delivery: it is removed only with a cursor that has caught up.
 *
 * Writer thread, and mn_msglog_open() before there is one.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/rocks/walk.h"

enum {
    WRITE_MS = 120000,        /* how long a chat that moved may wait ... */
    WRITE_MESSAGES = 4000000, /* ... and how many messages a start after a crash looks at */
    CHANGES = 10,             /* rows of a chat at most: 'l' 4, 'd' 2, 'n' 2, 'p', 'c' */
    SLICE_MIN = 64,           /* chats written with a batch */
    RECOVER_SLICE = 512,      /* and while recovering, each in a batch of their own */
    RECOVER_CHATS = 16384     /* remembered meanwhile, so that one is looked at once */
};

static const struct mn_str key_mark = {"lists_mark", 10};
static const struct mn_str key_making = {"lists_making", 12};

/* ---- rows of moved chats ---- */

/* A row to be written, or (no value) to be deleted. */
struct change {
    char key[MN_KEY_LISTED_BYTES], value[MN_ROW_PAIR_MAX];
    uint8_t key_len, value_len;
};

/*
 * Rows that a batch gets, in the order of their keys (docs/decisions/0008);
 * users whose lists become longer, once for each chat.
 */
struct slice {
    struct mn_rlog *log;
    struct change *changes;
    size_t change_count;
    int64_t *longer;
    size_t longer_count;
    bool skipped; /* something could not be read, and was told */
};

static void put(struct slice *s, const char *key, size_t n, struct mn_str value)
{
    struct change *change = &s->changes[s->change_count++];
    memcpy(change->key, key, n);
    if (value.n > 0)
        memcpy(change->value, value.p, value.n);
    change->key_len = (uint8_t)n;
    change->value_len = (uint8_t)value.n;
}

static void drop(struct slice *s, const char *key, size_t n) { put(s, key, n, MN_STR("")); }

static int compare_changes(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    size_t n = x->key_len < y->key_len ? x->key_len : y->key_len;
    int order = memcmp(x->key, y->key, n);
    return order != 0 ? order : (int)x->key_len - (int)y->key_len;
}

static void write_changes(struct slice *s, struct mn_rocks_batch *batch)
{
    qsort(s->changes, s->change_count, sizeof(*s->changes), compare_changes);
    for (size_t i = 0; i < s->change_count; i++) {
        const struct change *change = &s->changes[i];
        struct mn_str key = mn_str_make(change->key, change->key_len);
        if (change->value_len > 0)
            mn_rocks_batch_put(s->log->db, batch, MN_CF_CHAT, key,
                               mn_str_make(change->value, change->value_len));
        else
            mn_rocks_batch_delete(s->log->db, batch, MN_CF_CHAT, key);
    }
}

static void put_place(struct slice *s, const struct mn_moved *moved, struct mn_row_pair *row)
{
    char key[MN_KEY_LISTED_BYTES];
    for (int side = 0; side < 2; side++) {
        if (row->is_listed) {
            mn_key_listed(key, moved->user[side], row->listed_ms, moved->chat);
            drop(s, key, sizeof(key));
        } else {
            s->longer[s->longer_count++] = moved->user[side];
        }
        mn_key_listed(key, moved->user[side], moved->updated_ms, moved->chat);
        put(s, key, sizeof(key), MN_ROW_EMPTY);
    }
    if (row->is_bare && !row->is_listed) {
        char unlisted[MN_KEY_CHAT_BYTES];
        mn_key_unlisted(unlisted, moved->user[0], moved->user[1]);
        drop(s, unlisted, sizeof(unlisted));
    }
    row->is_listed = true;
    row->listed_ms = moved->updated_ms;
}

static void put_waiting(struct slice *s, const struct mn_moved *moved, int side, bool is_waiting)
{
    char key[MN_KEY_CHAT_BYTES];
    mn_key_waiting(key, moved->user[side], moved->chat);
    if (is_waiting)
        put(s, key, sizeof(key), MN_ROW_EMPTY);
    else
        drop(s, key, sizeof(key));
}

static void put_moved(struct slice *s, const struct mn_moved *moved, struct mn_str pair)
{
    struct mn_row_pair row;
    char key[MN_KEY_CHAT_BYTES], value[MN_ROW_PAIR_MAX];
    enum mn_err err = mn_row_pair_parse(pair, &row);
    if (!err && row.chat != moved->chat)
        err = MN_ECORRUPT;
    if (err) {
        s->skipped = true;
        mn_ignore(mn_rlog_judge(s->log, err, "lists", moved->chat));
        return;
    }
    bool changed = !row.is_listed || row.listed_ms != moved->updated_ms;
    if (changed)
        put_place(s, moved, &row);
    for (int side = 0; side < 2; side++) {
        bool is_waiting = moved->waiting[side] == MN_WAITING_SET;
        if (moved->waiting[side] == MN_WAITING_KEEP || row.is_waiting[side] == is_waiting)
            continue;
        row.is_waiting[side] = is_waiting;
        put_waiting(s, moved, side, is_waiting);
        changed = true;
    }
    if (!changed)
        return;
    mn_key_pair(key, moved->user[0], moved->user[1]);
    put(s, key, sizeof(key), mn_str_make(value, mn_row_pair_print(value, &row)));
}

static void put_some(struct slice *s, const struct mn_moved *moved, size_t count)
{
    char keys[MN_ROCKS_MANY][MN_KEY_CHAT_BYTES];
    struct mn_str strs[MN_ROCKS_MANY] = {{NULL, 0}};
    struct mn_rocks_value values[MN_ROCKS_MANY];
    for (size_t i = 0; i < count; i++) {
        mn_key_pair(keys[i], moved[i].user[0], moved[i].user[1]);
        strs[i] = mn_str_make(keys[i], MN_KEY_CHAT_BYTES);
    }
    enum mn_err err = mn_rocks_get_many(s->log->db, MN_CF_CHAT, count, strs, values);
    if (err) { /* not written now: the mark stays, and the next start tries again */
        s->skipped = true;
        mn_ignore(mn_rlog_judge(s->log, err, "lists", moved->chat));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        put_moved(s, &moved[i], mn_rocks_has(&values[i]) ? values[i].s : MN_STR(""));
        mn_rocks_release(&values[i]);
    }
}

static enum mn_err get_total(struct mn_rocks *db, int64_t user, int64_t *ret)
{
    char key[MN_KEY_TOTAL_BYTES];
    struct mn_rocks_value value;
    mn_key_total(key, user);
    *ret = 0;
    enum mn_err err = mn_rocks_get(db, MN_CF_CHAT, mn_str_make(key, sizeof(key)), &value);
    if (err)
        return err == MN_ENOTFOUND ? MN_OK : err;
    err = mn_row_total_parse(value.s, ret);
    mn_rocks_release(&value);
    return err;
}

static int compare_users(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void put_totals(struct slice *s)
{
    qsort(s->longer, s->longer_count, sizeof(*s->longer), compare_users);
    for (size_t i = 0, n; i < s->longer_count; i += n) {
        int64_t user = s->longer[i], total = 0;
        char key[MN_KEY_TOTAL_BYTES], value[MN_ROW_TOTAL_MAX];
        for (n = 1; i + n < s->longer_count && s->longer[i + n] == user;)
            n++;
        if (mn_rlog_judge(s->log, get_total(s->log->db, user, &total), "lists", 0))
            continue;
        mn_key_total(key, user);
        put(s, key, sizeof(key), mn_str_make(value, mn_row_total_print(value, total + (int64_t)n)));
    }
}

/* False: some could not be read, and are left out. */
static bool put_all(struct mn_rlog *log, struct mn_rocks_batch *batch, const struct mn_moved *moved,
                    size_t count)
{
    struct slice s = {.log = log};
    s.longer = mn_alloc_array(2 * count, sizeof(*s.longer));
    s.changes = mn_alloc_array(CHANGES * count, sizeof(*s.changes));
    for (size_t i = 0, n; i < count; i += n) {
        n = count - i < MN_ROCKS_MANY ? count - i : MN_ROCKS_MANY;
        put_some(&s, moved + i, n);
    }
    put_totals(&s);
    write_changes(&s, batch);
    mn_free(s.longer);
    mn_free(s.changes);
    return !s.skipped;
}

/* ---- the mark ---- */

static void put_mark(struct mn_rlog *log, struct mn_rocks_batch *batch, int64_t id)
{
    char text[20];
    mn_rocks_batch_put(log->db, batch, MN_CF_META, key_mark,
                       mn_str_make(text, mn_print_u64(text, (uint64_t)id)));
}

static enum mn_err get_mark(struct mn_rlog *log, int64_t *ret)
{
    struct mn_rocks_value value;
    uint64_t id = 0;
    enum mn_err err = mn_rocks_get(log->db, MN_CF_META, key_mark, &value);
    *ret = 0;
    if (err)
        return err == MN_ENOTFOUND ? MN_OK : err;
    err = mn_parse_u64(value.s, 0, INT64_MAX, &id) ? MN_ECORRUPT : MN_OK;
    mn_rocks_release(&value);
    *ret = (int64_t)id;
    return err;
}

/* ---- the writer: noting and writing ---- */

void mn_lists_lower_mark(struct mn_writer *w)
{
    struct mn_rlog *log = w->log;
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < w->count; i++)
        if (w->slots[i].is_new && w->slots[i].op->id < least)
            least = w->slots[i].op->id;
    if (least <= w->lists_mark)
        w->lists_mark = least - 1;
    if (least <= log->lists_mark) {
        log->lists_mark = least - 1; /* lower than on disk is never wrong */
        put_mark(log, w->batch, log->lists_mark);
    }
}

static void note_slot(struct mn_moved_chats *moves, const struct mn_op_slot *slot, uint32_t reserve)
{
    const struct mn_op *op = slot->op;
    bool in_list = slot->is_new || slot->is_created;
    if (op->key.kind != MN_CHAT_PAIR || !(in_list || slot->caught_up))
        return;
    /* What was caught up with may go unnoticed; room for messages must not. */
    if (!in_list && moves->now.count + reserve > moves->cap)
        return;
    struct mn_moved moved = {.chat = op->at.chat,
                             .user = {op->key.a, op->key.b},
                             .updated_ms = in_list ? op->unix_ms : slot->chat->last_ms,
                             .is_created = slot->is_created};
    bool from_low = op->from == op->key.a;
    if (slot->is_new)
        moved.waiting[from_low ? 1 : 0] = MN_WAITING_SET;
    else if (slot->caught_up)
        moved.waiting[from_low ? 0 : 1] = MN_WAITING_CLEAR;
    mn_moved_chats_put(moves, &moved);
}

void mn_lists_note(struct mn_writer *w)
{
    struct mn_moved_chats *moves = &w->log->moves;
    if (w->count == 0)
        return;
    w->lists_messages += w->count;
    pthread_mutex_lock(&moves->lock);
    for (size_t i = 0; i < w->count; i++)
        note_slot(moves, &w->slots[i], w->log->config->batch_ops);
    pthread_mutex_unlock(&moves->lock);
}

bool mn_lists_are_due(const struct mn_writer *w, uint64_t now_ms, bool stopping)
{
    const struct mn_moved_chats *moves = &w->log->moves;
    if (w->cause)
        return false;
    if (moves->writing.count > 0)
        return true;
    if (moves->now.count == 0)
        return false;
    return stopping || moves->now.count > moves->cap / 8 * 7 ||
           w->lists_messages > WRITE_MESSAGES || (w->lists_due_ms > 0 && now_ms >= w->lists_due_ms);
}

uint64_t mn_lists_deadline_ms(const struct mn_writer *w)
{
    return w->cause || w->lists_due_ms == 0 ? UINT64_MAX : w->lists_due_ms;
}

/* As many as keep ahead of what moves meanwhile, and all when there would be no room for it. */
static uint32_t slice_size(const struct mn_writer *w, bool stopping)
{
    const struct mn_moved_chats *moves = &w->log->moves;
    uint32_t left = moves->writing.count - moves->writing.written;
    uint32_t size = SLICE_MIN + (uint32_t)w->count / 2;
    if (moves->now.count > moves->cap / 2)
        size = SLICE_MIN + 2 * (uint32_t)w->count;
    if (stopping || moves->now.count + 2 * w->log->config->batch_ops > moves->cap || size > left)
        size = left;
    return size;
}

uint32_t mn_lists_put(struct mn_writer *w, uint64_t now_ms, bool stopping)
{
    struct mn_rlog *log = w->log;
    struct mn_moved_chats *moves = &log->moves;
    if (moves->now.count > 0 && w->lists_due_ms == 0)
        w->lists_due_ms = now_ms + WRITE_MS;
    if (!mn_lists_are_due(w, now_ms, stopping))
        return 0;
    if (moves->writing.count == 0) {
        mn_moved_chats_turn(moves);
        w->lists_mark = mn_msglog_max_id(log->front);
        w->lists_due_ms = 0;
        w->lists_messages = 0;
    }
    uint32_t count = slice_size(w, stopping);
    const struct mn_moved *moved = moves->writing.entries + moves->writing.written;
    if (!put_all(log, w->batch, moved, count))
        w->lists_mark = log->lists_mark;
    if (moves->writing.written + count == moves->writing.count)
        put_mark(log, w->batch, w->lists_mark);
    return count;
}

void mn_lists_wrote(struct mn_writer *w, uint32_t count)
{
    struct mn_moved_chats *moves = &w->log->moves;
    if (count == 0)
        return;
    if (moves->writing.written + count == moves->writing.count) {
        w->log->lists_mark = w->lists_mark;
        w->lists_mark = 0;
    }
    mn_moved_chats_wrote(moves, count);
}

/* ---- recovery ---- */

struct recovery {
    struct mn_rlog *log;
    struct mn_moved_chats moves; /* of its own: readers look at the log's */
    int64_t last;                /* greatest id seen */
};

static enum mn_err tell(struct mn_rlog *log, int64_t chat)
{
    mn_ignore(mn_rlog_judge(log, MN_ECORRUPT, "lists", chat));
    return MN_OK;
}

/* What the lists should say of a chat. */
static enum mn_err look_at(struct mn_viewer *viewer, struct mn_moved *moved)
{
    for (int side = 0; side < 2; side++) {
        struct mn_membership mine;
        struct mn_chat_view view;
        enum mn_err err = mn_rlog_member(viewer->log, moved->user[side], moved->chat, &mine);
        if (!err)
            err = mn_rlog_view(viewer, moved->chat, moved->user[side], &mine, &view);
        if (err)
            return err == MN_ENOTFOUND ? MN_ECORRUPT : err;
        moved->updated_ms = view.updated_ms;
        moved->waiting[side] = view.undelivered > 0 ? MN_WAITING_SET : MN_WAITING_CLEAR;
    }
    return MN_OK;
}

static enum mn_err write_slice(struct mn_rlog *log, struct mn_rocks_batch *batch,
                               struct mn_moved *moved, size_t count)
{
    struct mn_viewer viewer;
    size_t good = 0;
    enum mn_err err = MN_OK;
    mn_viewer_begin(&viewer, log);
    for (size_t i = 0; i < count && !err; i++) {
        struct mn_moved one = moved[i];
        err = look_at(&viewer, &one);
        if (err == MN_OK)
            moved[good++] = one;
        else if (err == MN_ECORRUPT) /* a damaged chat is told, and keeps nobody from starting */
            err = tell(log, one.chat);
    }
    mn_viewer_end(&viewer);
    if (err || good == 0)
        return err;
    mn_rocks_batch_reset(batch);
    mn_ignore(put_all(log, batch, moved, good));
    return mn_rocks_batch_is_empty(batch) ? MN_OK : mn_rocks_write(log->db, batch);
}

/* Writes what has gathered, and forgets it. */
static enum mn_err settle(struct recovery *r)
{
    struct mn_moved_table *table = &r->moves.now;
    struct mn_rocks_batch *batch = mn_rocks_batch_new();
    enum mn_err err = MN_OK;
    for (uint32_t i = 0, n; i < table->count && !err; i += n) {
        n = table->count - i < RECOVER_SLICE ? table->count - i : RECOVER_SLICE;
        err = write_slice(r->log, batch, table->entries + i, n);
    }
    mn_rocks_batch_free(batch);
    mn_moved_chats_clear(&r->moves);
    return err;
}

static enum mn_err gather(struct recovery *r, int64_t chat, int64_t a, int64_t b)
{
    struct mn_chat_key key = mn_chat_pair(a, b);
    enum mn_err err = r->moves.now.count < r->moves.cap ? MN_OK : settle(r);
    mn_moved_chats_put(&r->moves, &(struct mn_moved){.chat = chat, .user = {key.a, key.b}});
    return err;
}

static enum mn_err gather_message(struct recovery *r, struct mn_str key, struct mn_str value)
{
    struct mn_row_msg msg;
    enum mn_err err = mn_key_msg_parse(key, &r->last);
    if (!err)
        err = mn_row_msg_parse(value, &msg);
    if (err || msg.group)
        return err;
    return gather(r, msg.chat, msg.from, msg.to);
}

static enum mn_err gather_pair(struct recovery *r, struct mn_str key, struct mn_str value)
{
    struct mn_row_pair row;
    int64_t low = 0, high = 0;
    enum mn_err err = mn_key_pair_parse(key, &low, &high);
    if (!err)
        err = mn_row_pair_parse(value, &row);
    return err ? err : gather(r, row.chat, low, high);
}

static enum mn_err gather_unlisted(struct recovery *r, struct mn_str key, struct mn_str value)
{
    int64_t low = 0, high = 0, chat = 0;
    (void)value;
    enum mn_err err = mn_key_unlisted_parse(key, &low, &high);
    if (!err)
        err = mn_rlog_get_pair(r->log->db, low, high, &chat);
    if (err)
        return err == MN_ENOTFOUND ? MN_ECORRUPT : err;
    return gather(r, chat, low, high);
}

typedef enum mn_err (*gather_fn)(struct recovery *r, struct mn_str key, struct mn_str value);

static enum mn_err walk(struct recovery *r, enum mn_cf cf, struct mn_str lower, struct mn_str upper,
                        gather_fn fn)
{
    struct mn_str key, value;
    enum mn_err err = MN_OK;
    struct mn_rocks_iter *it = mn_rocks_iter_new(r->log->db, cf, lower, upper);
    mn_rocks_iter_seek(it, lower);
    for (; !err && mn_rocks_iter_get(it, &key, &value); mn_rocks_iter_next(it)) {
        err = fn(r, key, value);
        if (err == MN_ECORRUPT)
            err = tell(r->log, 0);
    }
    if (!err)
        err = mn_rocks_iter_err(it);
    mn_rocks_iter_free(it);
    return err ? err : settle(r);
}

static enum mn_err finish(struct recovery *r, bool making)
{
    struct mn_rocks_batch *batch = mn_rocks_batch_new();
    put_mark(r->log, batch, r->last);
    if (making)
        mn_rocks_batch_delete(r->log->db, batch, MN_CF_META, key_making);
    enum mn_err err = mn_rocks_write(r->log->db, batch);
    mn_rocks_batch_free(batch);
    if (!err)
        r->log->lists_mark = r->last;
    return err;
}

void mn_lists_begin(struct mn_rlog *log, struct mn_rocks_batch *batch)
{
    mn_rocks_batch_put(log->db, batch, MN_CF_META, key_making, MN_ROW_EMPTY);
}

static enum mn_err recover(struct recovery *r)
{
    struct mn_rocks_value value;
    char lower[MN_KEY_MSG_BYTES];
    enum mn_err err = mn_rocks_get(r->log->db, MN_CF_META, key_making, &value);
    bool making = err == MN_OK;
    if (making) {
        mn_rocks_release(&value);
        r->last = r->log->floor_id;
        err = walk(r, MN_CF_CHAT, MN_STR("p"), MN_STR("q"), gather_pair);
    } else if (err == MN_ENOTFOUND) {
        err = get_mark(r->log, &r->last);
        r->log->lists_mark = r->last;
        mn_key_msg(lower, r->last + 1);
        if (!err)
            err = walk(r, MN_CF_MSG, mn_str_make(lower, sizeof(lower)),
                       MN_STR("\xff\xff\xff\xff\xff\xff\xff\xff"), gather_message);
    }
    if (!err)
        err = walk(r, MN_CF_CHAT, MN_STR("c"), MN_STR("d"), gather_unlisted);
    if (!err && (making || r->last > r->log->lists_mark))
        err = finish(r, making);
    return err;
}

enum mn_err mn_lists_recover(struct mn_rlog *log)
{
    struct recovery r = {.log = log};
    mn_moved_chats_init(&r.moves, RECOVER_CHATS);
    enum mn_err err = recover(&r);
    mn_moved_chats_deinit(&r.moves);
    if (!err)
        mn_moved_chats_clear(&log->moves);
    return err;
}

enum mn_err mn_rlog_count_chats(void *store, int64_t user, int64_t *ret)
{
    struct mn_rlog *log = store;
    struct mn_moved_own *own = NULL;
    size_t count = 0;
    struct mn_rocks *db = mn_rlog_hold(log);
    pthread_mutex_lock(&log->moves.lock);
    enum mn_err err = mn_moved_chats_of_user(&log->moves, user, &own, &count);
    pthread_mutex_unlock(&log->moves.lock);
    if (!err)
        err = db ? get_total(db, user, ret) : MN_EIO;
    mn_rlog_release(log);
    for (size_t i = 0; i < count && !err; i++)
        *ret += own[i].is_created;
    mn_free(own);
    return mn_rlog_judge(log, err, "lists", 0);
}
