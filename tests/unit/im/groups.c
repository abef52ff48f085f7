/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups (im/group/groups.h) on real stores: against a naive model that is
 * asked the same, also across closed and opened stores; and that whoever is
 * told of something can find it.
 */
#include "im/group/groups.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "im/group/impl.h"
#include "im/log_wait.h"
#include "store/sql/db.h"
#include "store/sql/sql.h"
#include "unit/im/tests.h"

enum { USERS = 7, STEPS = 3000, STEPS_OPEN = 250, MOST_MEMBERS = 5 };

struct world {
    char dir[256];
    struct mn_metrics *metrics;
    struct mn_idgen ids;
    struct mn_db *db;
    struct mn_msglog *log;
    struct mn_log_todo *todo;
    struct mn_rosters *rosters;
    struct mn_groups *groups;
    int64_t group;
    /* what the sink was given last */
    _Atomic unsigned pushes; /* how many: counted when the rest is there */
    enum mn_type type;
    char body[64];
    size_t told;
    int64_t uids[USERS + 1];
    bool had_in_store; /* of a member_joined: he was in both stores when it was told */
};

static void on_commit(void *ctx, struct mn_op **ops, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        mn_log_done(ops[i]);
        mn_op_unref(ops[i]);
    }
}

static bool in_log(struct world *w, int64_t user)
{
    struct mn_chat_view view;
    enum mn_err err = mn_msglog_chat(w->log, w->group, user, &view);
    assert_true(err == MN_OK || err == MN_ENOTFOUND);
    return err == MN_OK;
}

static enum mn_role role_of(struct world *w, int64_t user)
{
    int64_t count = 0;
    enum mn_role role = MN_ROLE_NONE;
    assert_int_equal(mn_db_group_count(w->db, w->group, user, &count, &role), MN_OK);
    return role;
}

static void push(void *ctx, const int64_t *uids, size_t n, const struct mn_envelope *env)
{
    struct world *w = ctx;
    assert_true(n <= USERS + 1);
    w->type = env->type;
    w->told = n;
    memcpy(w->uids, uids, n * sizeof(uids[0]));
    snprintf(w->body, sizeof(w->body), "%.*s", (int)env->body.n, env->body.n ? env->body.p : "");
    if (strcmp(w->body, "member_joined") == 0)
        w->had_in_store = role_of(w, env->to) == MN_ROLE_MEMBER && in_log(w, env->to);
    atomic_fetch_add(&w->pushes, 1);
}

static bool was_told(const struct world *w, int64_t user)
{
    for (size_t i = 0; i < w->told; i++)
        if (w->uids[i] == user)
            return true;
    return false;
}

static enum mn_err members(void *ctx, int64_t group, mn_roster_put put, void *arg)
{
    struct world *w = ctx;
    return mn_db_group_members(w->db, group, put, arg);
}

static void open_stores(struct world *w)
{
    struct mn_buf why = {0};
    struct mn_db_config db = {.readers = 2, .busy_timeout_ms = 5000, .sync = false};
    struct mn_msglog_config log = small_log(&w->ids, on_commit, NULL);
    snprintf(db.path, sizeof(db.path), "%s/minim.db", w->dir);
    snprintf(log.dir, sizeof(log.dir), "%s/messages", w->dir);
    w->metrics = mn_metrics_new();
    assert_int_equal(mn_db_open(&db, &w->db, &why), MN_OK);
    assert_int_equal(mn_msglog_open(&log, w->metrics, &w->log, &why), MN_OK);
    mn_buf_deinit(&why);
    const struct mn_log_todo_config todo = {.db = w->db, .msglog = w->log, .ids = &w->ids};
    assert_int_equal(mn_log_todo_start(&todo, &w->todo), MN_OK);
    const struct mn_roster_source source = {.ctx = w, .members = members};
    w->rosters = mn_rosters_new(&source, 1 << 20, w->metrics);
    const struct mn_groups_config groups = {.db = w->db,
                                            .todo = w->todo,
                                            .rosters = w->rosters,
                                            .ids = &w->ids,
                                            .sink = {.ctx = w, .push = push},
                                            .code_len = 8,
                                            .max_members = MOST_MEMBERS};
    w->groups = mn_groups_new(&groups);
}

static void close_stores(struct world *w)
{
    mn_groups_free(w->groups);
    mn_rosters_free(w->rosters);
    mn_log_todo_stop(w->todo);
    mn_msglog_close(w->log);
    mn_db_close(w->db);
    mn_metrics_free(w->metrics);
}

static int setup(void **state)
{
    struct world *w = mn_new(struct world);
    const char *tmp = getenv("TMPDIR");
    snprintf(w->dir, sizeof(w->dir), "%.200s/mn-groups-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(w->dir));
    mn_idgen_init(&w->ids, 1, 1);
    open_stores(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char command[400];
    close_stores(w);
    snprintf(command, sizeof(command), "rm -rf '%s'", w->dir);
    assert_int_equal(system(command), 0);
    mn_free(w);
    return 0;
}

static int64_t user_of(unsigned i) { return 1000 + i; }

/* ---- the model ---- */

struct model {
    enum mn_role roles[USERS];
    int64_t mutes[USERS];    /* seconds of the ban, 0: none */
    int64_t requests[USERS]; /* the open one */
};

static unsigned count_of(const struct model *m)
{
    unsigned count = 0;
    for (unsigned i = 0; i < USERS; i++)
        count += m->roles[i] != MN_ROLE_NONE;
    return count;
}

/* The reason by its address: it is set by the call beside it. */
static void expect(enum mn_err err, const char *const *reason_at, const char *expected)
{
    const char *reason = *reason_at;
    if (!expected && err)
        fail_msg("refused: %s", reason ? reason : mn_err_text(err));
    if (expected && (!err || !reason || strcmp(reason, expected) != 0))
        fail_msg("wanted %s, got %s", expected, reason ? reason : mn_err_text(err));
}

static void forget(struct model *m, unsigned i)
{
    m->roles[i] = MN_ROLE_NONE;
    m->mutes[i] = 0;
}

static void kick(struct world *w, struct model *m, unsigned a, unsigned b)
{
    const char *reason = NULL, *expected = NULL;
    if (a == b)
        expected = "cannot_kick_self";
    else if (m->roles[a] == MN_ROLE_NONE)
        expected = "forbidden";
    else if (m->roles[b] == MN_ROLE_NONE)
        expected = "target_not_member";
    else if (m->roles[a] >= m->roles[b]) /* a smaller number is a higher role */
        expected = "forbidden";
    expect(mn_groups_kick(w->groups, user_of(a), w->group, user_of(b), &reason), &reason, expected);
    if (!expected)
        forget(m, b);
}

static void set_admin(struct world *w, struct model *m, unsigned a, unsigned b, bool admin)
{
    const char *reason = NULL, *expected = NULL;
    if (m->roles[a] != MN_ROLE_OWNER)
        expected = "forbidden";
    else if (m->roles[b] == MN_ROLE_NONE)
        expected = "target_not_member";
    else if (a == b)
        expected = "cannot_change_owner_role";
    expect(mn_groups_set_admin(w->groups, user_of(a), w->group, user_of(b), admin, &reason),
           &reason, expected);
    if (!expected)
        m->roles[b] = admin ? MN_ROLE_ADMIN : MN_ROLE_MEMBER;
}

static void mute(struct world *w, struct model *m, unsigned a, unsigned b, int64_t seconds)
{
    const char *reason = NULL, *expected = NULL;
    if (a == b)
        expected = "cannot_mute_self";
    else if (m->roles[a] != MN_ROLE_OWNER && m->roles[a] != MN_ROLE_ADMIN)
        expected = "forbidden";
    else if (m->roles[b] == MN_ROLE_NONE)
        expected = "target_not_member";
    else if (m->roles[a] >= m->roles[b])
        expected = "forbidden";
    else if (seconds == 7)
        expected = "bad_duration";
    expect(mn_groups_mute(w->groups, user_of(a), w->group, user_of(b), seconds, &reason), &reason,
           expected);
    if (!expected)
        m->mutes[b] = seconds;
}

static void transfer(struct world *w, struct model *m, unsigned a, unsigned b)
{
    const char *reason = NULL, *expected = NULL;
    if (m->roles[a] != MN_ROLE_OWNER)
        expected = "forbidden";
    else if (a == b)
        expected = "already_owner";
    else if (m->roles[b] == MN_ROLE_NONE)
        expected = "target_not_member";
    expect(mn_groups_transfer(w->groups, user_of(a), w->group, user_of(b), &reason), &reason,
           expected);
    if (expected)
        return;
    m->roles[a] = MN_ROLE_MEMBER;
    m->roles[b] = MN_ROLE_OWNER;
    m->mutes[b] = 0;
}

static void leave(struct world *w, struct model *m, unsigned a)
{
    const char *reason = NULL, *expected = NULL;
    if (m->roles[a] == MN_ROLE_NONE)
        expected = "not_member";
    else if (m->roles[a] == MN_ROLE_OWNER && count_of(m) > 1)
        expected = "owner_must_transfer_before_leaving";
    expect(mn_groups_leave(w->groups, user_of(a), w->group, &reason), &reason, expected);
    if (expected)
        return;
    forget(m, a);
    if (count_of(m) > 0)
        return;
    /* The group has ended: the next one. */
    memset(m->requests, 0, sizeof(m->requests));
    assert_int_equal(mn_groups_create(w->groups, user_of(a), MN_STR("Team"), &w->group), MN_OK);
    m->roles[a] = MN_ROLE_OWNER;
}

static void ask(struct world *w, struct model *m, unsigned a)
{
    struct mn_group group;
    const char *reason = NULL;
    const char *expected = m->roles[a] != MN_ROLE_NONE ? "already_member" : NULL;
    int64_t id = 0;
    assert_int_equal(mn_db_group(w->db, w->group, &group), MN_OK);
    expect(mn_groups_ask(w->groups, user_of(a), mn_str_c(group.code), MN_STR_NONE, &id, &reason),
           &reason, expected);
    if (expected)
        return;
    if (m->requests[a])
        assert_int_equal(id, m->requests[a]);
    m->requests[a] = id;
}

static void decide(struct world *w, struct model *m, unsigned a, unsigned b, bool accept)
{
    struct mn_join_request request;
    const char *reason = NULL, *expected = NULL;
    bool is_head = m->roles[a] == MN_ROLE_OWNER || m->roles[a] == MN_ROLE_ADMIN;
    bool joins = accept && m->roles[b] == MN_ROLE_NONE;
    if (!m->requests[b])
        expected = "not_found";
    else if (!is_head)
        expected = "forbidden";
    else if (joins && count_of(m) >= MOST_MEMBERS)
        expected = "group_full";
    w->had_in_store = false;
    expect(mn_groups_decide(w->groups, user_of(a), m->requests[b] ? m->requests[b] : 5, accept,
                            &request, &reason),
           &reason, expected);
    if (expected)
        return;
    m->requests[b] = 0;
    if (!joins)
        return;
    assert_true(w->had_in_store);
    m->roles[b] = MN_ROLE_MEMBER;
}

static void compare(struct world *w, const struct model *m)
{
    struct mn_roster *roster = NULL;
    assert_int_equal(mn_roster_load(w->rosters, w->group, &roster), MN_OK);
    assert_int_equal(roster->count, count_of(m));
    for (unsigned i = 0; i < USERS; i++) {
        const struct mn_roster_member *member = mn_roster_member(roster, user_of(i));
        assert_int_equal(member ? member->role : MN_ROLE_NONE, m->roles[i]);
        assert_int_equal(role_of(w, user_of(i)), m->roles[i]);
        assert_int_equal(in_log(w, user_of(i)), member != NULL);
        int64_t until_ms = member ? (int64_t)member->mute_until_ms : 0;
        assert_int_equal(until_ms > mn_unix_ms(), m->mutes[i] != 0);
        assert_int_equal(until_ms == MN_MUTED_FOREVER_MS, m->mutes[i] == -1);
    }
    mn_roster_unref(roster);
}

static void step(struct world *w, struct model *m, struct mn_rng *rng)
{
    static const int64_t bans[] = {0, 600, -1, 86400, 7};
    unsigned a = (unsigned)mn_rng_below(rng, USERS), b = (unsigned)mn_rng_below(rng, USERS);
    bool by_owner = mn_rng_below(rng, 2); /* who may most */
    for (unsigned i = 0; i < USERS; i++)
        if (by_owner && m->roles[i] == MN_ROLE_OWNER)
            a = i;
    switch (mn_rng_below(rng, 10)) {
    case 0:
        kick(w, m, a, b);
        break;
    case 1:
    case 2:
        set_admin(w, m, a, b, mn_rng_below(rng, 2));
        break;
    case 3:
        mute(w, m, a, b, bans[mn_rng_below(rng, MN_ARRAY_LEN(bans))]);
        break;
    case 4:
        transfer(w, m, a, b);
        break;
    case 5:
        leave(w, m, a);
        break;
    case 6:
    case 7:
        ask(w, m, a);
        break;
    default:
        decide(w, m, a, b, mn_rng_below(rng, 4));
        break;
    }
}

static void does_what_a_model_does(void **state)
{
    struct world *w = *state;
    struct model m = {.roles = {MN_ROLE_OWNER}};
    struct mn_rng rng;
    mn_rng_seed(&rng, 29);
    assert_int_equal(mn_groups_create(w->groups, user_of(0), MN_STR("Team"), &w->group), MN_OK);
    for (unsigned i = 1; i <= STEPS; i++) {
        step(w, &m, &rng);
        compare(w, &m);
        if (i % STEPS_OPEN)
            continue;
        close_stores(w);
        open_stores(w);
        compare(w, &m);
    }
}

/* ---- single cases ---- */

static void makes_a_missing_code(void **state)
{
    struct world *w = *state;
    struct mn_group bare = {.id = 77, .name = "Bare", .created_by = 1, .created_ms = 5};
    struct mn_group_profile first, second;
    const char *reason = NULL;
    MN_SQL_TX(tx, w->db);
    while (mn_sql_tx_run(&tx))
        mn_tx_group_create(&tx, &bare);
    assert_int_equal(mn_sql_tx_end(&tx), MN_OK);
    assert_int_equal(mn_groups_profile(w->groups, 1, 77, &first, &reason), MN_OK);
    assert_int_equal(strlen(first.group.code), 8);
    assert_true(first.group.code_updated_ms > 0);
    assert_int_equal(mn_groups_profile(w->groups, 1, 77, &second, &reason), MN_OK);
    assert_string_equal(first.group.code, second.group.code);
    assert_int_equal(mn_groups_profile_by_code(w->groups, 1, mn_str_c(first.group.code), &second,
                                               &reason),
                     MN_OK);
    assert_int_equal(second.group.id, 77);
}

static void tells_who_has_left_and_nobody_of_a_refusal(void **state)
{
    struct world *w = *state;
    struct model m = {.roles = {MN_ROLE_OWNER}};
    assert_int_equal(mn_groups_create(w->groups, user_of(0), MN_STR("Team"), &w->group), MN_OK);
    assert_int_equal(w->pushes, 0);
    ask(w, &m, 1);
    assert_int_equal(w->type, MN_TYPE_GROUP_JOIN_REQUEST);
    assert_true(w->told == 1 && was_told(w, user_of(0)));
    decide(w, &m, 0, 1, true);
    assert_int_equal(w->pushes, 3);
    assert_true(w->told == 2 && was_told(w, user_of(0)) && was_told(w, user_of(1)));
    kick(w, &m, 1, 0);
    transfer(w, &m, 1, 0);
    leave(w, &m, 0);
    decide(w, &m, 0, 1, true);
    assert_int_equal(w->pushes, 3);
    kick(w, &m, 0, 1);
    assert_int_equal(w->pushes, 4);
    assert_string_equal(w->body, "member_kicked");
    assert_true(w->told == 2 && was_told(w, user_of(1)));
}

/* One that changes nothing, for a reservation of no bytes. */
static void submit_idle(struct world *w)
{
    struct mn_op *op = mn_op_new(MN_OP_BARRIER, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    assert_non_null(op);
    op->bytes = 0;
    mn_msglog_submit(w->log, op);
}

/* Until nothing is in the log's queue. */
static void drain(struct world *w)
{
    struct mn_op *op = mn_op_new(MN_OP_BARRIER, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    assert_int_equal(mn_log_do(w->log, op), MN_OK);
    mn_op_unref(op);
}

static void await_pushes(struct world *w, unsigned n)
{
    for (uint64_t end_ms = mn_mono_ms() + 60000;
         atomic_load(&w->pushes) < n && mn_mono_ms() < end_ms;)
        sched_yield();
    assert_int_equal(atomic_load(&w->pushes), n);
}

/* The log refuses behind the commit: the change stands, and is told when the log has done it. */
static void told_when_the_log_has_done_it(void **state)
{
    struct world *w = *state;
    struct model m = {.roles = {MN_ROLE_OWNER}};
    const char *reason = NULL;
    struct mn_join_request request;
    int64_t id = 0;
    unsigned held = 0;
    assert_int_equal(mn_groups_create(w->groups, user_of(0), MN_STR("Team"), &w->group), MN_OK);
    ask(w, &m, 1);
    id = m.requests[1];
    while (mn_msglog_reserve(w->log, 0))
        held++;
    assert_int_equal(mn_groups_decide(w->groups, user_of(0), id, true, &request, &reason),
                     MN_EBUSY);
    assert_int_equal(w->pushes, 1); /* the request itself */
    assert_int_equal(role_of(w, user_of(1)), MN_ROLE_MEMBER);
    for (; held > 0; held--)
        submit_idle(w);
    await_pushes(w, 3); /* the decision, the event */
    assert_string_equal(w->body, "member_joined");
    assert_true(w->had_in_store && w->told == 2 && was_told(w, user_of(1)));
    drain(w); /* else what is under way would make room behind the next line */
    while (mn_msglog_reserve(w->log, 0))
        held++;
    assert_int_equal(mn_groups_kick(w->groups, user_of(0), w->group, user_of(1), &reason),
                     MN_EBUSY);
    assert_int_equal(w->pushes, 3);
    for (; held > 0; held--)
        submit_idle(w);
    await_pushes(w, 4);
    assert_string_equal(w->body, "member_kicked");
    assert_true(w->told == 2 && was_told(w, user_of(1)) && !in_log(w, user_of(1)));
}

/* What is read behind a failure is nothing, and must not be taken for a reason. */
static void a_failed_store_is_no_refusal(void **state)
{
    struct world *w = *state;
    const char *reason = NULL;
    MN_SQL_TX(tx, w->db);
    while (mn_sql_tx_run(&tx)) {
        mn_sql_tx_note(&tx, MN_EIO);
        if (mn_tx_group_role(&tx, 1, 2) == MN_ROLE_NONE)
            mn_group_refuse(&tx, MN_EPERM, "forbidden", &reason);
    }
    assert_int_equal(mn_sql_tx_end(&tx), MN_EIO);
    assert_null(reason);
}

int test_im_groups(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(does_what_a_model_does, setup, teardown),
        cmocka_unit_test_setup_teardown(makes_a_missing_code, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_who_has_left_and_nobody_of_a_refusal, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_failed_store_is_no_refusal, setup, teardown),
        cmocka_unit_test_setup_teardown(told_when_the_log_has_done_it, setup, teardown),
    };
    return cmocka_run_group_tests_name("im/groups", tests, NULL, NULL);
}
