/* SPDX-License-Identifier: Apache-2.0 */
/* H-5, H-7.1, H-7.2: the rules of accounts, on a store of its own. */
#include "im/account/account.h"
#include "unit/im/tests.h"

#include <crypt.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "im/account/password.h"
#include "store/sql/session.h"

#define DAY_MS INT64_C(86400000)

struct fixture {
    char dir[64];
    struct mn_db *db;
    struct mn_idgen ids;
    struct mn_account_config config;
    struct mn_account *account;
    int64_t bumped_user, bumped_sv;
    unsigned bumps;
    const char *reason; /* of the last refusal */
};

static void on_bump(void *ctx, int64_t user, int64_t sv)
{
    struct fixture *f = ctx;
    f->bumped_user = user;
    f->bumped_sv = sv;
    f->bumps++;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static int setup(void **state)
{
    struct fixture *f = mn_new(struct fixture);
    struct mn_db_config config = {.readers = 4, .busy_timeout_ms = 2000, .sync = false};
    struct mn_buf why;
    const char *tmp = getenv("TMPDIR");
    snprintf(f->dir, sizeof(f->dir), "%.40s/mn-im-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    snprintf(config.path, sizeof(config.path), "%s/minim.db", f->dir);
    mn_buf_init(&why, 1000);
    assert_int_equal(mn_db_open(&config, &f->db, &why), MN_OK);
    mn_buf_deinit(&why);
    mn_idgen_init(&f->ids, 1, 1);
    f->config = (struct mn_account_config){
        .db = f->db,
        .ids = &f->ids,
        .jwt = {"0123456789abcdef0123456789abcdef", 32, "mini-im"},
        .access_ttl_s = 1800,
        .refresh_ttl_s = 2592000,
        .auto_register = true,
        .bcrypt_cost = 4,
        .friend_code_len = 8,
        .code_reset_cooldown_s = 86400,
        .sink = {.ctx = f, .bump = on_bump},
    };
    f->account = mn_account_new(&f->config);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    mn_account_free(f->account);
    mn_db_close(f->db);
    nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    mn_free(f);
    return 0;
}

static _Atomic unsigned hashes; /* that were computed */

char *__real_crypt_r(const char *phrase, const char *setting, struct crypt_data *data);
char *__wrap_crypt_r(const char *phrase, const char *setting, struct crypt_data *data);

char *__wrap_crypt_r(const char *phrase, const char *setting, struct crypt_data *data)
{
    atomic_fetch_add(&hashes, 1);
    return __real_crypt_r(phrase, setting, data);
}

static enum mn_err login(struct fixture *f, const char *name, const char *password,
                         struct mn_login *ret)
{
    f->reason = NULL;
    return mn_account_login(f->account, mn_str_c(name), mn_str_c(password), ret, &f->reason);
}

static void login_ok(struct fixture *f, const char *name, const char *password,
                     struct mn_login *ret)
{
    assert_int_equal(login(f, name, password, ret), MN_OK);
    assert_null(f->reason);
}

static void refused(struct fixture *f, const char *name, const char *password, enum mn_err want,
                    const char *reason)
{
    struct mn_login ignored;
    assert_int_equal(login(f, name, password, &ignored), want);
    assert_non_null(f->reason);
    assert_string_equal(f->reason, reason);
}

static void verify_says(struct fixture *f, const char *token, const char *want)
{
    int64_t user = 0;
    const char *reason = NULL;
    enum mn_err err = mn_account_verify(f->account, mn_str_c(token), &user, &reason);
    if (!want) {
        assert_int_equal(err, MN_OK);
        return;
    }
    assert_true(err == MN_EAUTH || err == MN_EEXPIRED);
    assert_string_equal(reason, want);
}

static enum mn_err refresh(struct fixture *f, const char *token, struct mn_login *ret)
{
    f->reason = NULL;
    return mn_account_refresh(f->account, mn_str_c(token), ret, &f->reason);
}

static void insert(struct fixture *f, int64_t id, const char *name, const char *password,
                   enum mn_user_status status)
{
    struct mn_user user = {.id = id, .status = status, .created_ms = 1, .updated_ms = 1};
    snprintf(user.username, sizeof(user.username), "%s", name);
    if (password)
        assert_int_equal(mn_password_hash(mn_str_c(password), 4, user.password_hash,
                                          sizeof(user.password_hash)),
                         MN_OK);
    assert_int_equal(mn_db_user_create(f->db, &user, mn_str_c(name)), MN_OK);
}

/* ---- login ------------------------------------------------------------------- */

static void login_registers(void **state)
{
    struct fixture *f = *state;
    struct mn_login login;
    struct mn_user user;
    login_ok(f, "Alice", "secret", &login);
    assert_true(login.user > 0);
    assert_int_equal(login.sv, 1);
    assert_int_equal(strlen(login.refresh), MN_REFRESH_TOKEN_LEN);
    assert_int_equal(login.access_ttl_s, 1800);
    assert_int_equal(login.refresh_ttl_s, 2592000);
    assert_int_equal(f->bumps, 1);
    assert_int_equal(f->bumped_user, login.user);
    assert_int_equal(f->bumped_sv, 1);
    verify_says(f, login.access, NULL);
    assert_int_equal(mn_db_user_by_id(f->db, login.user, &user), MN_OK);
    assert_string_equal(user.username, "Alice");
    assert_int_equal(strlen(user.friend_code), 8);
}

static void a_second_login_ends_the_first(void **state)
{
    struct fixture *f = *state;
    struct mn_login first, second, ignored;
    login_ok(f, "Alice", "secret", &first);
    login_ok(f, "ALIC\xc3\x89", "secret", &second);
    assert_int_equal(first.user, second.user);
    assert_int_equal(second.sv, 2);
    verify_says(f, first.access, "session_invalid");
    verify_says(f, second.access, NULL);
    assert_int_equal(refresh(f, first.refresh, &ignored), MN_EAUTH);
    assert_string_equal(f->reason, "invalid_refresh_token");
    assert_int_equal(refresh(f, second.refresh, &ignored), MN_OK);
}

static void refusals_of_login(void **state)
{
    struct fixture *f = *state;
    struct mn_login ignored;
    char name[66 * 4 + 1];
    login_ok(f, "alice", "secret", &ignored);
    refused(f, "alice", "wrong", MN_EAUTH, "invalid_username_or_password");
    refused(f, "alice", "", MN_EAUTH, "invalid_username_or_password");
    refused(f, " \xe3\x80\x80", "x", MN_EINVAL, "must not be blank");
    refused(f, "a\xff", "x", MN_EINVAL, "bad_username");
    memset(name, 'x', 65);
    name[65] = '\0';
    refused(f, name, "x", MN_EINVAL, "username_too_long");
    name[64] = '\0';
    login_ok(f, name, "x", &ignored);
    for (unsigned i = 0; i < 33; i++) /* 33 of these are 66 UTF-16 units, 32 are 64 */
        memcpy(name + (size_t)i * 4, "\xf0\x9f\x98\x80", 5);
    refused(f, name, "x", MN_EINVAL, "username_too_long");
    name[32 * 4] = '\0';
    login_ok(f, name, "x", &ignored);
}

/* bcrypt of 72 times "p", or of more: that cannot be told. */
#define OF_72 "$2a$04$CCCCCCCCCCCCCCCCCCCCC.9IMwEEB6ngnCQ877bhhi.EzQPLJPeC6"

static void long_passwords(void **state)
{
    struct fixture *f = *state;
    struct mn_login ignored;
    char password[81];
    memset(password, 'p', 80);
    password[80] = '\0';
    refused(f, "new", password, MN_EINVAL, "password_too_long");
    insert(f, 5, "claimable", NULL, MN_USER_ACTIVE);
    refused(f, "claimable", password, MN_EINVAL, "password_too_long");
    password[72] = '\0';
    login_ok(f, "new", password, &ignored);
    login_ok(f, "new", password, &ignored);
    insert(f, 6, "old", NULL, MN_USER_ACTIVE);
    assert_int_equal(mn_db_user_claim(f->db, 6, OF_72, 1), MN_OK);
    login_ok(f, "old", password, &ignored);
    /* Accounts that the original made with such a password go on working. */
    password[72] = 'p';
    login_ok(f, "old", password, &ignored);
    refused(f, "new", password, MN_EAUTH, "invalid_username_or_password");
}

/* Else the time of an answer tells which names exist. */
static void an_unknown_name_costs_what_a_wrong_password_costs(void **state)
{
    struct fixture *f = *state;
    struct mn_login ok;
    login_ok(f, "known", "secret", &ok);
    mn_account_set_auto_register(f->account, false);
    hashes = 0;
    refused(f, "known", "wrong", MN_EAUTH, "invalid_username_or_password");
    assert_int_equal(hashes, 1);
    refused(f, "unknown", "wrong", MN_EAUTH, "invalid_username_or_password");
    assert_int_equal(hashes, 2);
}

static void registration_can_be_switched_off(void **state)
{
    struct fixture *f = *state;
    struct mn_login ignored;
    struct mn_user user;
    login_ok(f, "alice", "secret", &ignored);
    mn_account_set_auto_register(f->account, false);
    refused(f, "nobody", "secret", MN_EAUTH, "invalid_username_or_password");
    assert_int_equal(mn_db_user_by_key(f->db, MN_STR("nobody"), &user), MN_ENOTFOUND);
    login_ok(f, "alice", "secret", &ignored);
    mn_account_set_auto_register(f->account, true);
    login_ok(f, "nobody", "secret", &ignored);
}

static void disabled_users_are_refused(void **state)
{
    struct fixture *f = *state;
    struct mn_login ignored;
    int64_t sv = 0;
    insert(f, 5, "gone", "secret", MN_USER_DISABLED);
    refused(f, "gone", "secret", MN_EPERM, "user_disabled");
    refused(f, "gone", "wrong", MN_EAUTH,
            "invalid_username_or_password"); /* tells strangers nothing */
    assert_int_equal(f->bumps, 0);
    assert_int_equal(
        mn_db_session_begin(f->db, 5,
                            "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
                            mn_unix_ms(), mn_unix_ms() + 1000000, &sv),
        MN_OK);
    assert_int_equal(refresh(f, "foo", &ignored), MN_EPERM); /* SHA-256 of "foo" */
    assert_string_equal(f->reason, "user_disabled");
}

static void accounts_without_password_are_claimed(void **state)
{
    struct fixture *f = *state;
    struct mn_login ignored;
    insert(f, 5, "claimable", NULL, MN_USER_ACTIVE);
    login_ok(f, "claimable", "mine", &ignored);
    refused(f, "claimable", "yours", MN_EAUTH, "invalid_username_or_password");
}

struct racer {
    struct fixture *f;
    struct mn_login login;
    enum mn_err err;
    pthread_barrier_t *start;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    const char *reason = NULL;
    pthread_barrier_wait(r->start);
    r->err = mn_account_login(r->f->account, MN_STR("rush"), MN_STR("secret"), &r->login, &reason);
    return NULL;
}

static void first_logins_at_once_make_one_account(void **state)
{
    struct fixture *f = *state;
    struct racer racer[4];
    pthread_t thread[4];
    pthread_barrier_t start;
    int64_t versions = 0;
    f->config.sink.bump = NULL; /* the fixture's counts for one thread */
    mn_account_free(f->account);
    f->account = mn_account_new(&f->config);
    pthread_barrier_init(&start, NULL, 4);
    for (unsigned i = 0; i < 4; i++) {
        racer[i] = (struct racer){.f = f, .start = &start};
        assert_int_equal(pthread_create(&thread[i], NULL, race, &racer[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(racer[i].err, MN_OK);
        assert_int_equal(racer[i].login.user, racer[0].login.user);
        versions += racer[i].login.sv;
    }
    assert_int_equal(versions, 1 + 2 + 3 + 4);
    pthread_barrier_destroy(&start);
}

/* A clock that stepped back over a restart must not give out an id twice. */
static void ids_are_above_all_stored_ones(void **state)
{
    struct fixture *f = *state;
    struct mn_login login;
    int64_t far = mn_idgen_next(&f->ids) + (INT64_C(1) << 50);
    insert(f, far, "future", "secret", MN_USER_ACTIVE);
    mn_account_free(f->account);
    f->account = mn_account_new(&f->config);
    login_ok(f, "present", "secret", &login);
    assert_true(login.user > far);
}

/* ---- tokens ------------------------------------------------------------------- */

static void refresh_is_repeatable(void **state)
{
    struct fixture *f = *state;
    struct mn_login login, fresh;
    login_ok(f, "alice", "secret", &login);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(refresh(f, login.refresh, &fresh), MN_OK);
        assert_int_equal(fresh.user, login.user);
        assert_int_equal(fresh.sv, login.sv);
        assert_string_equal(fresh.refresh, "");
        verify_says(f, fresh.access, NULL);
    }
    verify_says(f, login.access, NULL);
    assert_int_equal(f->bumps, 1);
    assert_int_equal(refresh(f, "", &fresh), MN_EAUTH);
    assert_int_equal(refresh(f, "unknown", &fresh), MN_EAUTH);
    assert_string_equal(f->reason, "invalid_refresh_token");
}

static void access_tokens(void **state)
{
    struct fixture *f = *state;
    char token[MN_JWT_MAX];
    int64_t now = mn_unix_ms(), user = 0;
    const char *reason = NULL;
    verify_says(f, "garbage", "Invalid compact JWT string");
    assert_int_equal(mn_jwt_sign(&f->config.jwt, 5, 0, now - 100000, 60, token, sizeof(token)),
                     MN_OK);
    verify_says(f, token, "JWT expired");
    assert_int_equal(mn_jwt_sign(&f->config.jwt, 0, 0, now, 60, token, sizeof(token)), MN_OK);
    verify_says(f, token, "session_invalid");
    assert_int_equal(mn_jwt_sign(&f->config.jwt, 10001, 1, now, 60, token, sizeof(token)), MN_OK);
    verify_says(f, token, "session_invalid");
    /* W-4.6: a user without a row is at version 0. */
    assert_int_equal(mn_jwt_sign(&f->config.jwt, 10001, 0, now, 60, token, sizeof(token)), MN_OK);
    assert_int_equal(mn_account_verify(f->account, mn_str_c(token), &user, &reason), MN_OK);
    assert_int_equal(user, 10001);
}

static void logout_ends_everything(void **state)
{
    struct fixture *f = *state;
    struct mn_login login, ignored;
    int64_t sv = 0;
    bool known = false;
    login_ok(f, "alice", "secret", &login);
    assert_int_equal(mn_account_logout(f->account, login.user), MN_OK);
    assert_int_equal(f->bumps, 2);
    assert_int_equal(f->bumped_sv, 2);
    verify_says(f, login.access, "session_invalid");
    assert_int_equal(refresh(f, login.refresh, &ignored), MN_EAUTH);
    assert_int_equal(mn_db_session(f->db, login.user, &sv, &known), MN_OK);
    assert_int_equal(sv, 2);
    assert_true(known);
    login_ok(f, "alice", "secret", &login);
    assert_int_equal(login.sv, 3);
}

/* ---- profiles ------------------------------------------------------------------ */

static void codes_are_made_when_missing(void **state)
{
    struct fixture *f = *state;
    struct mn_user user, again;
    insert(f, 5, "old", "secret", MN_USER_ACTIVE);
    assert_int_equal(mn_db_user_by_id(f->db, 5, &user), MN_OK);
    assert_string_equal(user.friend_code, "");
    assert_int_equal(mn_account_next_reset_ms(f->account, &user), 0);
    assert_int_equal(mn_account_profile(f->account, 5, &user), MN_OK);
    assert_int_equal(strlen(user.friend_code), 8);
    assert_int_equal(mn_account_profile(f->account, 5, &again), MN_OK);
    assert_string_equal(again.friend_code, user.friend_code);
    assert_int_equal(mn_account_next_reset_ms(f->account, &again),
                     user.friend_code_updated_ms + DAY_MS);
    assert_int_equal(mn_account_profile(f->account, 6, &user), MN_ENOTFOUND);
}

static void codes_are_reset_once_a_day(void **state)
{
    struct fixture *f = *state;
    struct mn_user user;
    insert(f, 5, "old", "secret", MN_USER_ACTIVE);
    int64_t yesterday = mn_unix_ms() - DAY_MS;
    assert_int_equal(mn_db_user_set_friend_code(f->db, 5, "CODE2222", 0, yesterday), MN_OK);
    assert_int_equal(mn_account_reset_code(f->account, 5, &user), MN_OK);
    assert_string_not_equal(user.friend_code, "CODE2222");
    assert_true(user.friend_code_updated_ms >= yesterday + DAY_MS);
    assert_int_equal(mn_account_reset_code(f->account, 5, &user), MN_EPERM);
    assert_int_equal(mn_account_reset_code(f->account, 6, &user), MN_ENOTFOUND);
    assert_int_equal(mn_db_user_by_friend_code(f->db, MN_STR("CODE2222"), &user), MN_ENOTFOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int test_im_account(void)
{
    const struct CMUnitTest tests[] = {
        TEST(login_registers),
        TEST(a_second_login_ends_the_first),
        TEST(refusals_of_login),
        TEST(long_passwords),
        TEST(an_unknown_name_costs_what_a_wrong_password_costs),
        TEST(registration_can_be_switched_off),
        TEST(disabled_users_are_refused),
        TEST(accounts_without_password_are_claimed),
        TEST(first_logins_at_once_make_one_account),
        TEST(ids_are_above_all_stored_ones),
        TEST(refresh_is_repeatable),
        TEST(access_tokens),
        TEST(logout_ends_everything),
        TEST(codes_are_made_when_missing),
        TEST(codes_are_reset_once_a_day),
    };
    return cmocka_run_group_tests_name("im/account", tests, NULL, NULL);
}
