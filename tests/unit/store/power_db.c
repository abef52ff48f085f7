/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts, sessions and friends under power cuts.  Writes are made one after the
 * other, so after a cut the database must be exactly what the first n of
 * them made of it, where n is what had been acknowledged, or one more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/sql/db.h"
#include "store/sql/friend.h"
#include "store/sql/friend_request.h"
#include "store/sql/session.h"
#include "store/sql/user.h"
#include "unit/store/power_support.h"
#include "unit/store/tests.h"

enum { USERS = 12, MAX_WRITES = 1200, PEER = 100, REQUEST = 1000 };

/* What is known of a user; all numbers grow, so that no two states are alike. */
struct account {
    unsigned friendship; /* 1: asked, 2: accepted */
    bool exists;
    unsigned hash, code, token;
    int64_t code_ms, version;
};

struct state {
    struct account of[USERS + 1];
};

struct world {
    struct state *states; /* states[n] is what n writes make */
    size_t *done_at;      /* position in the trace when the write n had returned */
    size_t count;         /* writes of the session at hand */
    unsigned number;      /* for hashes, codes and tokens */
};

static void *begin(void)
{
    struct world *w = mn_new(struct world);
    w->states = mn_alloc_array(MAX_WRITES + 1, sizeof(*w->states));
    w->done_at = mn_alloc_array(MAX_WRITES + 1, sizeof(*w->done_at));
    return w;
}

static void end(void *world)
{
    struct world *w = world;
    mn_free(w->states);
    mn_free(w->done_at);
    mn_free(w);
}

static struct mn_db *open_db(const char *dir)
{
    static struct mn_db_config config;
    struct mn_db *db = NULL;
    struct mn_buf why;
    config = (struct mn_db_config){.readers = 1, .busy_timeout_ms = 1000, .sync = true};
    snprintf(config.path, sizeof(config.path), "%s/minim.db", dir);
    mn_buf_init(&why, 4096);
    if (mn_db_open(&config, &db, &why))
        print_error("%.*s\n", (int)why.n, why.p);
    mn_buf_deinit(&why);
    return db;
}

/* Every third session finds a file of before there were sums, some as a kill left it. */
static void prepare(void *world, const char *dir, struct mn_rng *rng)
{
    const struct world *w = world;
    char path[256];
    bool has_users = false; /* else it may not be whole */
    for (int64_t id = 1; id <= USERS; id++)
        has_users = has_users || w->states[0].of[id].exists;
    snprintf(path, sizeof(path), "%s/minim.db", dir);
    if (has_users && mn_rng_below(rng, 3) == 0)
        store_drop_sums(path, mn_rng_below(rng, 2));
}

/* ---- work ---- */

static void token_of(unsigned number, char token[MN_REFRESH_HASH_LEN + 1])
{
    snprintf(token, MN_REFRESH_HASH_LEN + 1, "%064u", number);
}

static void create(struct world *w, struct mn_db *db, int64_t id, struct account *a)
{
    struct mn_user user = {.id = id, .status = MN_USER_ACTIVE, .created_ms = 1, .updated_ms = 1};
    char key[16];
    a->exists = true;
    a->hash = w->number;
    snprintf(user.username, sizeof(user.username), "user%d", (int)id);
    snprintf(user.password_hash, sizeof(user.password_hash), "%0200u", a->hash);
    snprintf(key, sizeof(key), "key%d", (int)id);
    assert_int_equal(mn_db_user_create(db, &user, mn_str_c(key)), MN_OK);
}

/* Of each user to somebody else: asked, then accepted, with what the message log has to do for it. */
static void ask_or_accept(struct world *w, struct mn_db *db, int64_t id, struct account *a)
{
    const struct mn_friend_asking asking = {.id = REQUEST + id,
                                            .from = id,
                                            .to = PEER + id,
                                            .client_msg_id = MN_STR("f-1"),
                                            .now_ms = w->number};
    const struct mn_friend_deciding deciding = {.request = REQUEST + id,
                                                .user = PEER + id,
                                                .accept = true,
                                                .relation = REQUEST + id,
                                                .todo = REQUEST + id,
                                                .now_ms = w->number};
    struct mn_friend_asked asked;
    struct mn_friend_decided decided;
    if (a->friendship == 0)
        assert_int_equal(mn_db_friend_ask(db, &asking, &asked), MN_OK);
    else
        assert_int_equal(mn_db_friend_decide(db, &deciding, &decided), MN_OK);
    a->friendship++;
}

static void write_one(struct world *w, struct mn_db *db, struct mn_rng *rng, struct state *now)
{
    int64_t id = 1 + (int64_t)mn_rng_below(rng, USERS), sv = 0;
    struct account *a = &now->of[id];
    char text[MN_REFRESH_HASH_LEN + 1];
    w->number++;
    if (!a->exists) {
        create(w, db, id, a);
    } else if (a->friendship < 2 && mn_rng_below(rng, 4) == 0) {
        ask_or_accept(w, db, id, a);
    } else if (mn_rng_below(rng, 3) == 0) {
        snprintf(text, sizeof(text), "%08u", w->number);
        assert_int_equal(mn_db_user_set_friend_code(db, id, text, a->code_ms, w->number), MN_OK);
        a->code = w->number;
        a->code_ms = w->number;
    } else if (mn_rng_below(rng, 5) == 0) {
        assert_int_equal(mn_db_session_end(db, id, &sv), MN_OK);
        assert_int_equal(sv, ++a->version);
        a->token = 0;
    } else {
        token_of(w->number, text);
        assert_int_equal(mn_db_session_begin(db, id, text, 1, INT64_MAX, &sv), MN_OK);
        assert_int_equal(sv, ++a->version);
        a->token = w->number;
    }
}

static void work(void *world, const char *dir, struct mn_rng *rng)
{
    struct world *w = world;
    struct mn_db *db = open_db(dir);
    assert_non_null(db);
    power_opened_now();
    w->done_at[0] = 0;
    /* Now and then enough for a checkpoint in the middle of the work. */
    size_t writes = mn_rng_below(rng, 4) ? mn_rng_below(rng, 60) : mn_rng_below(rng, MAX_WRITES);
    for (w->count = 0; w->count < writes;) {
        struct state now = w->states[w->count];
        write_one(w, db, rng, &now);
        w->states[++w->count] = now;
        w->done_at[w->count] = power_now();
    }
    mn_db_close(db);
}

/* ---- check ---- */

static bool has_user(struct mn_db *db, int64_t id, const struct account *a)
{
    struct mn_user user;
    char hash[MN_PASSWORD_HASH_BYTES], code[16] = "";
    enum mn_err err = mn_db_user_by_id(db, id, &user);
    if (!a->exists)
        return err == MN_ENOTFOUND;
    snprintf(hash, sizeof(hash), "%0200u", a->hash);
    if (a->code)
        snprintf(code, sizeof(code), "%08u", a->code);
    return err == MN_OK && strcmp(user.password_hash, hash) == 0 &&
           strcmp(user.friend_code, code) == 0 && user.friend_code_updated_ms == a->code_ms;
}

static bool has_session(struct mn_db *db, int64_t id, const struct account *a)
{
    char token[MN_REFRESH_HASH_LEN + 1];
    int64_t user = 0, sv = 0;
    bool known = false;
    if (mn_db_session(db, id, &sv, &known) || known != a->exists || sv != a->version)
        return false;
    token_of(a->token, token);
    /* The life of the token stays what it was. */
    return a->token == 0 ||
           (mn_db_session_slide(db, token, 1, INT64_MAX, &user, &sv) == MN_OK && user == id);
}

static bool count_request(void *arg, const struct mn_friend_request *request)
{
    unsigned *n = arg;
    *n += 1 + (request->status == MN_FRIEND_ACCEPTED);
    return true;
}

/* All of it, or nothing: the request, the friendship, what is to be done, and the client id. */
static bool has_friend(struct mn_db *db, int64_t id, const struct account *a)
{
    const struct mn_friend_request_query query = {
        .user = id, .box = MN_FRIEND_OUTBOX, .before = INT64_MAX, .limit = 10};
    struct mn_todo todo;
    unsigned n = 0;
    size_t todos = 0;
    bool is_friend = false;
    if (mn_db_friend_requests(db, &query, count_request, &n) ||
        mn_db_friend_is(db, id, PEER + id, &is_friend) || mn_db_todos(db, id, 0, &todo, 1, &todos))
        return false;
    return n == a->friendship && is_friend == (a->friendship == 2) &&
           todos == (a->friendship == 2 ? 1 : 0);
}

static bool is_state(struct mn_db *db, const struct state *state)
{
    for (int64_t id = 1; id <= USERS; id++)
        if (!has_user(db, id, &state->of[id]) || !has_session(db, id, &state->of[id]) ||
            !has_friend(db, id, &state->of[id]))
            return false;
    return true;
}

static size_t acknowledged(const struct world *w, size_t position)
{
    size_t n = 0;
    while (n < w->count && w->done_at[n + 1] <= position)
        n++;
    return n;
}

static bool check_state(const struct world *w, struct mn_db *db, size_t position, size_t *ret_n)
{
    size_t n = acknowledged(w, position);
    if (n < w->count && is_state(db, &w->states[n + 1]))
        n++;
    else
        POWER_CHECK(is_state(db, &w->states[n]), "not what %zu of %zu writes made", n, w->count);
    *ret_n = n;
    return true;
}

static bool check(void *world, const char *dir, size_t position, struct mn_rng *rng)
{
    struct world *w = world;
    struct mn_db *db = open_db(dir);
    size_t n = 0;
    POWER_CHECK(db, "does not %s", "open");
    bool ok = check_state(w, db, position, &n);
    if (ok && mn_rng_below(rng, 4) == 0) { /* and it goes on */
        struct state now = w->states[n];
        write_one(w, db, rng, &now);
        POWER_CHECK(is_state(db, &now), "a write after %zu", n);
    }
    mn_db_close(db);
    return ok;
}

static bool accept(void *world, const char *dir, size_t position, struct mn_rng *rng)
{
    struct world *w = world;
    struct mn_db *db = open_db(dir);
    size_t n = 0;
    (void)rng;
    POWER_CHECK(db, "does not %s", "open");
    bool ok = check_state(w, db, position, &n);
    mn_db_close(db);
    w->states[0] = w->states[n];
    w->count = 0;
    return ok;
}

static void power_cuts(void **state)
{
    (void)state;
    static const struct power_case c = {.name = "the accounts",
                                        .percent = 30,
                                        .sessions = 10,
                                        .begin = begin,
                                        .end = end,
                                        .prepare = prepare,
                                        .work = work,
                                        .check = check,
                                        .accept = accept};
    power_run(&c);
}

int test_store_power_db(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(power_cuts)};
    return cmocka_run_group_tests_name("store: accounts, power cuts", tests, NULL, NULL);
}
