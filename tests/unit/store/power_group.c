/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in both stores, with power cuts: groups and who is in them, their
 * messages, counts and revocations, friends and their chats; and moments.
 *
 * It is done one after the other, through the rules that the daemon has for
 * it.  So after a cut, and the start that follows it (docs/decisions/0028),
 * both stores together must be exactly what the first n of all this made of
 * them, where n is what had been answered, or one more: nothing is half there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "im/friend/friend.h"
#include "im/group/groups.h"
#include "im/log_wait.h"
#include "im/moment/moment.h"
#include "store/sql/db.h"
#include "unit/store/msglog_support.h"
#include "unit/store/power_support.h"
#include "unit/store/tests.h"

enum { USERS = 5, GROUPS = 2, MAX_WRITES = 400, MAX_MESSAGES = 4000, TEXT_MAX = 2000 };
#define NEVER SIZE_MAX

struct group {
    int64_t id;    /* 0: there is none */
    int64_t ended; /* the one before */
    int64_t last;  /* number of its last message */
    enum mn_role role[USERS];
    bool is_muted[USERS];
    int64_t joined[USERS]; /* number of the last message when he came */
    int64_t request[USERS];
};

/* Of two users, the smaller of whom asks. */
struct friendship {
    int64_t request; /* that is pending */
    bool is_friend;
};

/* Of one user, at most one. */
struct post {
    int64_t id;
    bool is_liked;
    unsigned comments;
};

struct state {
    struct group group[GROUPS];
    struct friendship friendship[USERS][USERS];
    struct post post[USERS];
};

struct message {
    int64_t group, seq, id;
    unsigned from;
    bool mentions[USERS];
    size_t written, revoked; /* by which write; NEVER */
};

struct stores {
    struct mn_db *db;
    struct mn_msglog *log;
    struct mn_log_todo *todo;
    struct mn_rosters *rosters;
    struct mn_groups *groups;
    struct mn_friends *friends;
    struct mn_moments *moments;
};

struct world {
    struct state *states; /* states[n] is what n writes make */
    size_t *done_at;      /* position in the trace when the write n had returned */
    size_t count;         /* writes of the session at hand */
    struct message *messages;
    size_t message_count;
    struct mn_metrics *metrics;
};

static int64_t user_of(unsigned i) { return 1000 + i; }

static void *begin(void)
{
    struct world *w = mn_new(struct world);
    w->states = mn_alloc_array(MAX_WRITES + 2, sizeof(*w->states));
    w->done_at = mn_alloc_array(MAX_WRITES + 2, sizeof(*w->done_at));
    w->messages = mn_alloc_array(MAX_MESSAGES, sizeof(*w->messages));
    w->metrics = mn_metrics_new();
    return w;
}

static void end(void *world)
{
    struct world *w = world;
    mn_metrics_free(w->metrics);
    mn_free(w->messages);
    mn_free(w->states);
    mn_free(w->done_at);
    mn_free(w);
}

/* ---- both stores, opened as app/ does it ---- */

static void on_commit(void *ctx, struct mn_op **ops, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        mn_log_done(ops[i]);
        mn_op_unref(ops[i]);
    }
}

static enum mn_err members(void *ctx, int64_t group, mn_roster_put put, void *arg)
{
    return mn_db_group_members(ctx, group, put, arg);
}

static void start_rules(struct world *w, struct stores *s)
{
    const struct mn_roster_source source = {.ctx = s->db, .members = members};
    s->rosters = mn_rosters_new(&source, 1 << 20, w->metrics);
    const struct mn_groups_config groups = {.db = s->db,
                                            .todo = s->todo,
                                            .rosters = s->rosters,
                                            .ids = ts_idgen(),
                                            .code_len = 8,
                                            .max_members = USERS};
    s->groups = mn_groups_new(&groups);
    const struct mn_friends_config friends = {.db = s->db, .todo = s->todo, .ids = ts_idgen()};
    s->friends = mn_friends_new(&friends);
    s->moments = mn_moments_new(s->db, ts_idgen());
}

static enum mn_err open_both(struct world *w, const char *dir, struct stores *s, struct mn_buf *why)
{
    static struct mn_msglog_config log;
    static struct mn_db_config db;
    log = (struct mn_msglog_config){.sync = true,
                                    .idgen = ts_idgen(),
                                    .queue_ops = 64,
                                    .queue_bytes = 1 << 20,
                                    .batch_ops = 64,
                                    .cursor_flush_ms = 1,
                                    .cache_bytes = 1 << 20,
                                    .memtable_bytes = 64 << 10,
                                    .chat_cache = 64,
                                    .recent_cache = 64,
                                    .on_commit = on_commit};
    db = (struct mn_db_config){.readers = 1, .busy_timeout_ms = 1000, .sync = true};
    snprintf(log.dir, sizeof(log.dir), "%s/messages", dir);
    snprintf(db.path, sizeof(db.path), "%s/minim.db", dir);
    enum mn_err err = mn_db_open(&db, &s->db, why);
    if (!err)
        err = mn_msglog_open(&log, w->metrics, &s->log, why);
    const struct mn_log_todo_config todo = {.db = s->db, .msglog = s->log, .ids = ts_idgen()};
    if (!err)
        err = mn_log_todo_start(&todo, &s->todo);
    return err;
}

static bool open_stores(struct world *w, const char *dir, struct stores *s)
{
    struct mn_buf why;
    *s = (struct stores){0};
    mn_buf_init(&why, 4096);
    enum mn_err err = open_both(w, dir, s, &why);
    if (err)
        print_error("%s: %.*s\n", mn_err_text(err), (int)why.n, why.n ? why.p : "");
    else
        start_rules(w, s);
    mn_buf_deinit(&why);
    return err == MN_OK;
}

static void close_stores(struct stores *s)
{
    mn_moments_free(s->moments);
    mn_friends_free(s->friends);
    mn_groups_free(s->groups);
    mn_rosters_free(s->rosters);
    mn_log_todo_stop(s->todo);
    mn_msglog_close(s->log);
    mn_db_close(s->db);
}

/* ---- writes: each does one thing, to the stores and to the state ---- */

static unsigned members_of(const struct group *g)
{
    unsigned count = 0;
    for (unsigned i = 0; i < USERS; i++)
        count += g->role[i] != MN_ROLE_NONE;
    return count;
}

static unsigned owner_of(const struct group *g)
{
    unsigned i = 0;
    while (g->role[i] != MN_ROLE_OWNER)
        i++;
    return i;
}

static void comes(struct group *g, unsigned i, enum mn_role role)
{
    g->role[i] = role;
    g->joined[i] = g->last;
    g->is_muted[i] = false;
}

static void create(struct stores *s, struct group *g, unsigned a)
{
    assert_int_equal(mn_groups_create(s->groups, user_of(a), MN_STR("Team"), &g->id), MN_OK);
    g->last = 0;
    comes(g, a, MN_ROLE_OWNER);
}

static void join(struct stores *s, struct group *g, unsigned a, struct mn_rng *rng)
{
    struct mn_group group;
    struct mn_join_request request;
    const char *reason = NULL;
    int64_t by = user_of(owner_of(g));
    bool accept = mn_rng_below(rng, 4) > 0;
    assert_int_equal(mn_db_group(s->db, g->id, &group), MN_OK);
    if (g->request[a] == 0) {
        assert_int_equal(mn_groups_ask(s->groups, user_of(a), mn_str_c(group.code), MN_STR_NONE,
                                       &g->request[a], &reason),
                         MN_OK);
        return;
    }
    assert_int_equal(mn_groups_decide(s->groups, by, g->request[a], accept, &request, &reason),
                     MN_OK);
    g->request[a] = 0;
    if (accept)
        comes(g, a, MN_ROLE_MEMBER);
}

static void leave(struct stores *s, struct group *g, unsigned a)
{
    const char *reason = NULL;
    if (members_of(g) == 1) {
        const struct group none = {.ended = g->id};
        assert_int_equal(mn_groups_leave(s->groups, user_of(a), g->id, &reason), MN_OK);
        *g = none;
        return;
    }
    if (g->role[a] == MN_ROLE_OWNER) /* who must not go before he has handed it over */
        return;
    assert_int_equal(mn_groups_leave(s->groups, user_of(a), g->id, &reason), MN_OK);
    g->role[a] = MN_ROLE_NONE;
}

static void manage(struct stores *s, struct group *g, unsigned a, struct mn_rng *rng)
{
    const char *reason = NULL;
    unsigned o = owner_of(g);
    bool yes = mn_rng_below(rng, 2);
    enum mn_err err = MN_OK;
    switch (mn_rng_below(rng, 4)) {
    case 0:
        err = mn_groups_kick(s->groups, user_of(o), g->id, user_of(a), &reason);
        g->role[a] = MN_ROLE_NONE;
        break;
    case 1:
        err = mn_groups_transfer(s->groups, user_of(o), g->id, user_of(a), &reason);
        g->role[o] = MN_ROLE_MEMBER;
        g->role[a] = MN_ROLE_OWNER;
        g->is_muted[a] = false;
        break;
    case 2:
        err = mn_groups_set_admin(s->groups, user_of(o), g->id, user_of(a), yes, &reason);
        g->role[a] = yes ? MN_ROLE_ADMIN : MN_ROLE_MEMBER;
        break;
    default:
        err = mn_groups_mute(s->groups, user_of(o), g->id, user_of(a), yes ? -1 : 0, &reason);
        g->is_muted[a] = yes;
        break;
    }
    assert_int_equal(err, MN_OK);
}

static void say(struct world *w, struct stores *s, struct group *g, unsigned a, struct mn_rng *rng)
{
    static char body[TEXT_MAX];
    char client_id[24], mentions[USERS * MN_UID_BYTES];
    size_t n = 0;
    assert_true(w->message_count < MAX_MESSAGES);
    struct message *m = &w->messages[w->message_count];
    *m = (struct message){.group = g->id, .from = a, .written = w->count + 1, .revoked = NEVER};
    for (unsigned i = 0; i < USERS; i++) {
        m->mentions[i] = i != a && g->role[i] != MN_ROLE_NONE && mn_rng_below(rng, 4) == 0;
        if (m->mentions[i])
            mn_uids_set(mentions, n++, user_of(i));
    }
    memset(body, 'b', sizeof(body));
    snprintf(client_id, sizeof(client_id), "%zu", w->message_count);
    struct mn_op *op = mn_op_new_append(mn_str_c(client_id), MN_STR_NONE,
                                        mn_str_make(body, 1 + mn_rng_below(rng, TEXT_MAX - 1)),
                                        mn_str_make(mentions, n * MN_UID_BYTES));
    assert_non_null(op);
    op->key = mn_chat_group(g->id);
    op->from = user_of(a);
    op->id = m->id = ts_id();
    op->unix_ms = mn_unix_ms();
    assert_int_equal(mn_log_do(s->log, op), MN_OK);
    assert_int_equal(op->at.seq, ++g->last);
    m->seq = g->last;
    w->message_count++;
    mn_op_unref(op);
}

static void take_back(struct world *w, struct stores *s, struct mn_rng *rng)
{
    size_t recent = w->message_count < 20 ? w->message_count : 20;
    if (recent == 0)
        return;
    struct message *m = &w->messages[w->message_count - 1 - mn_rng_below(rng, recent)];
    if (m->written == NEVER || m->revoked != NEVER)
        return;
    struct mn_op *op = mn_op_new(MN_OP_REVOKE, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    assert_non_null(op);
    op->from = user_of(m->from);
    op->id = m->id;
    op->unix_ms = mn_unix_ms();
    assert_int_equal(mn_log_do(s->log, op), MN_OK);
    m->revoked = w->count + 1;
    mn_op_unref(op);
}

static void write_in_group(struct world *w, struct stores *s, struct group *g, struct mn_rng *rng)
{
    unsigned a = (unsigned)mn_rng_below(rng, USERS);
    if (g->id == 0)
        create(s, g, a);
    else if (g->role[a] == MN_ROLE_NONE)
        join(s, g, a, rng);
    else if (mn_rng_below(rng, 12) == 0)
        leave(s, g, a);
    else if (g->role[a] != MN_ROLE_OWNER && mn_rng_below(rng, 3) == 0)
        manage(s, g, a, rng);
    else if (mn_rng_below(rng, 5) == 0)
        take_back(w, s, rng);
    else
        say(w, s, g, a, rng);
}

static void befriend(struct stores *s, struct state *now, unsigned a, unsigned b,
                     struct mn_rng *rng)
{
    struct friendship *f = &now->friendship[a][b];
    const struct mn_friend_question question = {.from = user_of(a), .to = user_of(b)};
    struct mn_friend_asked asked;
    int64_t chat = 0;
    bool accept = mn_rng_below(rng, 4) > 0;
    if (f->is_friend)
        return;
    if (f->request == 0) {
        assert_int_equal(mn_friend_ask(s->friends, &question, &asked), MN_OK);
        f->request = asked.id;
        return;
    }
    assert_int_equal(mn_friend_decide(s->friends, f->request, user_of(b), accept, &chat), MN_OK);
    assert_int_equal(chat != 0, accept);
    f->request = 0;
    f->is_friend = accept;
}

static void post_or_comment(struct stores *s, struct post *p, unsigned a, struct mn_rng *rng)
{
    int64_t id = 0, likes = 0;
    if (p->id == 0) {
        assert_int_equal(mn_moment_post(s->moments, user_of(a), MN_STR("a post"), &p->id), MN_OK);
    } else if (mn_rng_below(rng, 8) == 0) {
        assert_int_equal(mn_db_post_delete(s->db, p->id, user_of(a), mn_unix_ms()), MN_OK);
        *p = (struct post){0};
    } else if (mn_rng_below(rng, 2) == 0) {
        bool liked = false;
        assert_int_equal(
            mn_moment_like(s->moments, p->id, user_of(a), MN_MOMENT_TOGGLE, &liked, &likes), MN_OK);
        p->is_liked = liked;
    } else {
        assert_int_equal(mn_moment_comment(s->moments, p->id, user_of(a), MN_STR("mine"), &id),
                         MN_OK);
        p->comments++;
    }
}

static void write_one(struct world *w, struct stores *s, struct mn_rng *rng, struct state *now)
{
    unsigned a = (unsigned)mn_rng_below(rng, USERS - 1);
    unsigned b = a + 1 + (unsigned)mn_rng_below(rng, USERS - 1 - a);
    switch (mn_rng_below(rng, 8)) {
    case 0:
        befriend(s, now, a, b, rng);
        break;
    case 1:
        post_or_comment(s, &now->post[a], a, rng);
        break;
    default:
        write_in_group(w, s, &now->group[mn_rng_below(rng, GROUPS)], rng);
        break;
    }
}

static void work(void *world, const char *dir, struct mn_rng *rng)
{
    struct world *w = world;
    struct stores s;
    assert_true(open_stores(w, dir, &s));
    power_opened_now();
    w->done_at[0] = 0;
    size_t writes = mn_rng_below(rng, 4) ? mn_rng_below(rng, 60) : mn_rng_below(rng, MAX_WRITES);
    for (w->count = 0; w->count < writes;) {
        struct state now = w->states[w->count];
        write_one(w, &s, rng, &now);
        w->states[++w->count] = now;
        w->done_at[w->count] = power_now();
    }
    close_stores(&s);
}

/* ---- is it what n writes made? ---- */

struct look {
    const struct world *w;
    const struct stores *s;
    const struct group *g;
    size_t n;
    int64_t seq; /* of the message at hand, number of those read */
    unsigned count;
    bool ok;
};

static void on_member(void *arg, int64_t user, unsigned role, int64_t mute_until_ms)
{
    struct look *look = arg;
    unsigned i = (unsigned)(user - user_of(0));
    look->count++;
    look->ok = look->ok && i < USERS && look->g->role[i] == (enum mn_role)role &&
               (mute_until_ms > 0) == look->g->is_muted[i];
}

static bool on_request(void *arg, const struct mn_join_request *request)
{
    struct look *look = arg;
    unsigned i = (unsigned)(request->from - user_of(0));
    look->count++;
    look->ok = look->ok && i < USERS && look->g->request[i] == request->id;
    return true;
}

/* The message of that group and number as of write n, or NULL. */
static const struct message *message_at(const struct world *w, int64_t group, int64_t seq, size_t n)
{
    for (size_t i = w->message_count; i-- > 0;) {
        const struct message *m = &w->messages[i];
        if (m->group == group && m->seq == seq && m->written <= n)
            return m;
    }
    return NULL;
}

static bool on_message(void *arg, const struct mn_msg *msg)
{
    struct look *look = arg;
    const struct message *m = message_at(look->w, look->g->id, ++look->seq, look->n);
    look->ok = m && msg->at.seq == look->seq && msg->id == m->id && msg->from == user_of(m->from) &&
               (msg->status == MN_MSG_REVOKED) == (m->revoked <= look->n);
    for (unsigned i = 0; i < USERS && look->ok; i++)
        look->ok = mn_msg_addresses(msg, user_of(i)) == m->mentions[i];
    return look->ok;
}

static bool has_messages(struct look *look)
{
    const struct mn_range all = {.chat = look->g->id, .before = INT64_MAX, .limit = UINT32_MAX};
    look->seq = 0;
    look->ok = true;
    return mn_msglog_read(look->s->log, &all, on_message, look) == MN_OK && look->ok &&
           look->seq == look->g->last;
}

/* His counts, as they follow from the messages since he came. */
static bool has_counts(const struct look *look, unsigned i)
{
    const struct group *g = look->g;
    struct mn_chat_view view;
    enum mn_err err = mn_msglog_chat(look->s->log, g->id, user_of(i), &view);
    int64_t unread = 0, mentions = 0;
    if (g->role[i] == MN_ROLE_NONE)
        return err == MN_ENOTFOUND;
    for (int64_t seq = g->joined[i] + 1; seq <= g->last; seq++) {
        const struct message *m = message_at(look->w, g->id, seq, look->n);
        unread += m->from != i;
        mentions += m->mentions[i] && m->revoked > look->n;
    }
    return err == MN_OK && view.last_seq == g->last && view.read == g->joined[i] &&
           view.unread == unread && view.mentions == mentions;
}

static bool is_gone(const struct look *look, int64_t group)
{
    struct mn_group row;
    struct mn_chat_view view;
    for (unsigned i = 0; i < USERS; i++)
        if (mn_msglog_chat(look->s->log, group, user_of(i), &view) != MN_ENOTFOUND)
            return false;
    return mn_db_group(look->s->db, group, &row) == MN_ENOTFOUND;
}

static bool has_members(struct look *look)
{
    look->count = 0;
    look->ok = true;
    return mn_db_group_members(look->s->db, look->g->id, on_member, look) == MN_OK && look->ok &&
           look->count == members_of(look->g);
}

static bool has_requests(struct look *look)
{
    const struct mn_join_query open = {
        .group = look->g->id, .before = INT64_MAX, .status = MN_JOIN_PENDING, .limit = USERS + 1};
    unsigned expected = 0;
    for (unsigned i = 0; i < USERS; i++)
        expected += look->g->request[i] != 0;
    look->count = 0;
    look->ok = true;
    return mn_db_join_requests(look->s->db, &open, on_request, look) == MN_OK && look->ok &&
           look->count == expected;
}

static const char *group_differs(struct look *look)
{
    const struct group *g = look->g;
    if (g->ended && !is_gone(look, g->ended))
        return "a group that ended";
    if (g->id == 0)
        return NULL;
    if (!has_members(look))
        return "members";
    if (!has_requests(look))
        return "requests to join";
    if (!has_messages(look))
        return "messages";
    for (unsigned i = 0; i < USERS; i++)
        if (!has_counts(look, i))
            return "counts";
    return NULL;
}

/* What he is told of after AUTH: what was revoked of his groups since he came to them. */
static bool has_revocations(const struct look *look, const struct state *state, unsigned i)
{
    static struct mn_revocation found[256];
    unsigned count = 0, expected = 0;
    if (mn_msglog_revocations(look->s->log, user_of(i), 0, MN_ARRAY_LEN(found), found, &count))
        return false;
    for (unsigned k = 0; k < GROUPS; k++) {
        const struct group *g = &state->group[k];
        for (int64_t seq = g->joined[i] + 1; g->role[i] && seq <= g->last; seq++)
            expected += message_at(look->w, g->id, seq, look->n)->revoked <= look->n;
    }
    return count == (expected < MN_ARRAY_LEN(found) ? expected : MN_ARRAY_LEN(found));
}

static bool on_asked(void *arg, const struct mn_friend_request *request)
{
    int64_t *pending = arg;
    if (request->status == MN_FRIEND_PENDING)
        pending[request->to - user_of(0)] = request->id;
    return true;
}

/* Friends have their chat, and nobody else has one. */
static bool has_friends(const struct stores *s, const struct state *state, unsigned a)
{
    const struct mn_friend_request_query asked = {
        .user = user_of(a), .box = MN_FRIEND_OUTBOX, .before = INT64_MAX, .limit = 1000};
    int64_t pending[USERS] = {0}, chat = 0;
    if (mn_db_friend_requests(s->db, &asked, on_asked, pending))
        return false;
    for (unsigned b = a + 1; b < USERS; b++) {
        const struct friendship *f = &state->friendship[a][b];
        bool is_friend = false;
        if (mn_db_friend_is(s->db, user_of(a), user_of(b), &is_friend))
            return false;
        enum mn_err err = mn_msglog_pair(s->log, user_of(b), user_of(a), &chat);
        if (is_friend != f->is_friend || err != (is_friend ? MN_OK : MN_ENOTFOUND) ||
            pending[b] != f->request)
            return false;
    }
    return true;
}

struct posts {
    struct mn_moment_post last;
    unsigned count, comments;
};

static void on_post(void *arg, const struct mn_moment_post *post)
{
    struct posts *posts = arg;
    posts->count++;
    posts->last = *post;
}

static void on_comment(void *arg, const struct mn_moment_comment *comment)
{
    struct posts *posts = arg;
    (void)comment;
    posts->comments++;
}

static bool has_post(const struct stores *s, const struct post *p, unsigned a)
{
    static struct posts posts;
    struct mn_moment_page page = {
        .viewer = user_of(a), .of = user_of(a), .before = INT64_MAX, .limit = 1000};
    posts = (struct posts){.count = 0};
    if (mn_db_posts_of_user(s->db, &page, on_post, &posts) || posts.count != (p->id != 0))
        return false;
    if (p->id == 0)
        return true;
    page.of = p->id;
    return mn_db_comments(s->db, &page, on_comment, &posts) == MN_OK && posts.last.id == p->id &&
           posts.last.likes == (p->is_liked ? 1 : 0) && posts.last.liked_by_me == p->is_liked &&
           posts.last.comments == p->comments && posts.comments == p->comments;
}

/* The first thing that is not as n writes made it; NULL: all of it is. */
static const char *differs(const struct world *w, const struct stores *s, size_t n)
{
    const struct state *state = &w->states[n];
    struct look look = {.w = w, .s = s, .n = n};
    struct mn_todo todo;
    size_t todos = 0;
    if (mn_db_todos(s->db, 0, 0, &todo, 1, &todos) || todos > 0)
        return "something is still to be done";
    for (unsigned k = 0; k < GROUPS; k++) {
        look.g = &state->group[k];
        const char *what = group_differs(&look);
        if (what)
            return what;
    }
    for (unsigned i = 0; i < USERS; i++) {
        if (!has_revocations(&look, state, i))
            return "revocations";
        if (!has_friends(s, state, i))
            return "friends";
        if (!has_post(s, &state->post[i], i))
            return "moments";
    }
    return NULL;
}

/* ---- checks ---- */

static bool check_state(const struct world *w, const struct stores *s, size_t position,
                        size_t *ret_n)
{
    size_t n = 0;
    while (n < w->count && w->done_at[n + 1] <= position)
        n++;
    const char *what = differs(w, s, n);
    if (what && n < w->count) {
        POWER_CHECK(!differs(w, s, n + 1), "not what %zu of %zu writes made: %s; nor one more: %s",
                    n, w->count, what, differs(w, s, n + 1));
        n++;
        what = NULL;
    }
    POWER_CHECK(!what, "not what all %zu writes made: %s", n, what);
    *ret_n = n;
    return true;
}

/* What was not written by then was not written at all; the rest was there before. */
static void rebase(struct world *w, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->message_count; i++) {
        struct message m = w->messages[i];
        if (m.written > n)
            continue;
        m.written = 0;
        m.revoked = m.revoked <= n ? 0 : NEVER;
        w->messages[kept++] = m;
    }
    w->message_count = kept;
    w->states[0] = w->states[n];
    w->count = 0;
}

/* And it goes on: by a copy of what is known, as this cut is not the one that counts. */
static bool goes_on(const struct world *w, struct stores *s, size_t n, struct mn_rng *rng)
{
    struct world *copy = begin();
    struct state now = w->states[n];
    copy->states[n] = now;
    copy->message_count = w->message_count;
    memcpy(copy->messages, w->messages, w->message_count * sizeof(*w->messages));
    rebase(copy, n);
    for (int i = 0; i < 5; i++) {
        write_one(copy, s, rng, &now);
        copy->count = 0;
    }
    copy->states[1] = now;
    const char *what = differs(copy, s, 1);
    end(copy);
    POWER_CHECK(!what, "five writes after %zu: %s", n, what);
    return true;
}

static bool check(void *world, const char *dir, size_t position, struct mn_rng *rng)
{
    struct world *w = world;
    struct stores s;
    size_t n = 0;
    POWER_CHECK(open_stores(w, dir, &s), "does not %s", "open");
    bool ok = check_state(w, &s, position, &n);
    if (ok && mn_rng_below(rng, 4) == 0)
        ok = goes_on(w, &s, n, rng);
    close_stores(&s);
    return ok;
}

static bool accept(void *world, const char *dir, size_t position, struct mn_rng *rng)
{
    struct world *w = world;
    struct stores s;
    size_t n = 0;
    (void)rng;
    POWER_CHECK(open_stores(w, dir, &s), "does not %s", "open");
    bool ok = check_state(w, &s, position, &n);
    close_stores(&s);
    rebase(w, n);
    return ok;
}

static void power_cuts(void **state)
{
    (void)state;
    static const struct power_case c = {.name = "groups and friends",
                                        .percent = 25,
                                        .sessions = 10,
                                        .begin = begin,
                                        .end = end,
                                        .work = work,
                                        .check = check,
                                        .accept = accept};
    power_run(&c);
}

int test_store_power_group(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(power_cuts)};
    return cmocka_run_group_tests_name("store: groups and friends, power cuts", tests, NULL, NULL);
}
