/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The accounts of a run, see logins.h.  An account is written by the one
 * thread that took its number, until logins_join(); afterwards only its
 * token changes, under `mu`.
 */
#include "tool/load/logins.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tool/kit/login.h"
#include "tool/kit/thread.h"

/* bcrypt looks at it for 50 ms whatever it is. */
#define PASSWORD "bench-password"
/* Tokens are renewed when a quarter of their life is left. */
#define FRESH_SHARE 4
#define LOOK_MS 200

struct account {
    int64_t uid;
    char *token;
    char *refresh;
    uint64_t renew_ms; /* monotonic */
    char cause[LOGIN_CAUSE_MAX];
};

struct logins {
    struct http_client http; /* of the refreshing thread; the others open copies of its address */
    const char *url;
    uint64_t timeout_ms;
    uint32_t run_id;
    uint32_t count;
    struct account *accounts;
    pthread_t threads[LOGINS_THREADS];
    unsigned thread_count; /* running */
    bool is_refreshing;
    int stop_fd; /* ends the refreshing thread */
    _Atomic uint32_t next;
    _Atomic uint32_t done;
    _Atomic bool stop;
    pthread_mutex_t mu; /* guards tokens, hist, result */
    struct mn_hist *hist;
    struct logins_result result;
    uint64_t started_ns;
};

struct logins *logins_new(const char *http, uint32_t run_id, uint32_t count, uint64_t timeout_ns)
{
    char why[200];
    struct logins *l = mn_new(struct logins);
    if (http_client_open(&l->http, http, why, sizeof why) != MN_OK) {
        fprintf(stderr, "minim bench: --http: %s\n", why);
        http_client_close(&l->http);
        mn_free(l);
        return NULL;
    }
    l->url = http;
    l->timeout_ms = timeout_ns / 1000000 + 1;
    l->http.timeout_ms = l->timeout_ms;
    l->run_id = run_id;
    l->count = count;
    l->accounts = mn_alloc_array(count, sizeof *l->accounts);
    l->hist = mn_hist_new();
    l->stop_fd = eventfd(0, EFD_CLOEXEC);
    MN_BUG_ON(l->stop_fd < 0);
    pthread_mutex_init(&l->mu, NULL);
    for (uint32_t i = 0; i < count; i++)
        snprintf(l->accounts[i].cause, sizeof l->accounts[i].cause, "not begun");
    return l;
}

/* ---- logging in ---- */

/* Keeps what came; the caller has the account to himself. */
static enum mn_err keep(struct account *account, const struct login *login)
{
    account->token = mn_try_strndup(login->token, strlen(login->token));
    account->refresh = mn_try_strndup(login->refresh, strlen(login->refresh));
    if (!account->token || !account->refresh)
        return MN_ENOMEM;
    account->uid = login->uid;
    account->renew_ms = mn_mono_ms() + login->ttl_s * 1000 / FRESH_SHARE * (FRESH_SHARE - 1);
    account->cause[0] = '\0';
    return MN_OK;
}

static void log_in(struct logins *l, struct http_client *http, uint32_t index)
{
    char name[48];
    struct login login;
    struct account *account = &l->accounts[index];
    snprintf(name, sizeof name, "bench-%08x-%u", l->run_id, index);
    uint64_t from_ns = mn_mono_ns();
    enum mn_err err = login_request(http, name, PASSWORD, &login, account->cause);
    uint64_t took_ns = mn_mono_ns() - from_ns;
    if (!err)
        err = keep(account, &login);
    pthread_mutex_lock(&l->mu);
    if (!err)
        mn_hist_add(l->hist, took_ns);
    l->result.ok += !err;
    pthread_mutex_unlock(&l->mu);
    atomic_fetch_add(&l->done, 1);
}

static void *work(void *arg)
{
    struct logins *l = arg;
    struct http_client http;
    char why[200];
    pthread_setname_np(pthread_self(), "login");
    bool ok = http_client_open(&http, l->url, why, sizeof why) == MN_OK;
    http.timeout_ms = l->timeout_ms;
    while (ok && !atomic_load(&l->stop)) {
        uint32_t index = atomic_fetch_add(&l->next, 1);
        if (index >= l->count)
            break;
        log_in(l, &http, index);
    }
    http_client_close(&http);
    return NULL;
}

void logins_start(struct logins *l)
{
    l->started_ns = mn_mono_ns();
    while (l->thread_count < LOGINS_THREADS && l->thread_count < l->count)
        MN_BUG_ON(!thread_start(&l->threads[l->thread_count++], work, l));
    l->result.threads = l->thread_count;
}

uint32_t logins_done(const struct logins *l) { return atomic_load(&l->done); }

void logins_join(struct logins *l)
{
    bool all = logins_done(l) == l->count;
    atomic_store(&l->stop, true);
    for (unsigned i = 0; i < l->thread_count; i++)
        pthread_join(l->threads[i], NULL);
    l->thread_count = 0;
    l->result.took_s = (double)(mn_mono_ns() - l->started_ns) / 1e9;
    l->result.asked = all ? l->count : logins_done(l);
    l->result.failed = l->result.asked - l->result.ok;
}

/* ---- keeping them ---- */

static void refresh(struct logins *l, struct account *account)
{
    char cause[LOGIN_CAUSE_MAX];
    struct login login;
    snprintf(login.refresh, sizeof login.refresh, "%s", account->refresh);
    enum mn_err err = login_refresh(&l->http, &login, cause);
    char *token = err ? NULL : mn_try_strndup(login.token, strlen(login.token));
    /* After a failure again at the next look: the old token is still good for a while. */
    if (token)
        account->renew_ms = mn_mono_ms() + login.ttl_s * 1000 / FRESH_SHARE * (FRESH_SHARE - 1);
    pthread_mutex_lock(&l->mu);
    l->result.refreshed += token != NULL;
    l->result.refresh_failed += token == NULL;
    if (token) {
        mn_free(account->token);
        account->token = token;
    }
    pthread_mutex_unlock(&l->mu);
}

static void *keep_fresh(void *arg)
{
    struct logins *l = arg;
    struct pollfd pfd = {.fd = l->stop_fd, .events = POLLIN};
    pthread_setname_np(pthread_self(), "refresh");
    while (poll(&pfd, 1, LOOK_MS) <= 0) {
        uint64_t now_ms = mn_mono_ms();
        for (uint32_t i = 0; i < l->count && !atomic_load(&l->stop); i++)
            if (l->accounts[i].uid && l->accounts[i].renew_ms <= now_ms)
                refresh(l, &l->accounts[i]);
    }
    return NULL;
}

void logins_keep_fresh(struct logins *l)
{
    atomic_store(&l->stop, false);
    l->is_refreshing = thread_start(&l->threads[0], keep_fresh, l);
}

void logins_free(struct logins *l)
{
    uint64_t one = 1;
    if (!l)
        return;
    if (l->thread_count > 0)
        logins_join(l);
    atomic_store(&l->stop, true);
    mn_ignore(write(l->stop_fd, &one, sizeof one));
    if (l->is_refreshing)
        pthread_join(l->threads[0], NULL);
    for (uint32_t i = 0; i < l->count; i++) {
        mn_free(l->accounts[i].token);
        mn_free(l->accounts[i].refresh);
    }
    close(l->stop_fd);
    http_client_close(&l->http);
    mn_hist_free(l->hist);
    pthread_mutex_destroy(&l->mu);
    mn_free(l->accounts);
    mn_free(l);
}

/* ---- asking ---- */

struct logins_result logins_result(struct logins *l)
{
    pthread_mutex_lock(&l->mu);
    struct logins_result result = l->result;
    pthread_mutex_unlock(&l->mu);
    result.hist = l->hist;
    return result;
}

int64_t logins_uid(const struct logins *l, uint32_t index) { return l->accounts[index].uid; }

const char *logins_cause(const struct logins *l, uint32_t index)
{
    return l->accounts[index].cause;
}

enum mn_err logins_token(struct logins *l, uint32_t index, char *out)
{
    if (l->accounts[index].uid == 0)
        return MN_ENOTFOUND;
    pthread_mutex_lock(&l->mu);
    snprintf(out, MN_JWT_MAX, "%s", l->accounts[index].token);
    pthread_mutex_unlock(&l->mu);
    return MN_OK;
}
