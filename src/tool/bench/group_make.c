/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The groups of `bench group`, made as users make them: the owner creates
 * one, everybody else asks to be let in by its code, and the owner lets him.
 * Before anything is measured, by some threads with a blocking connection
 * each, so that the server's commits are shared.
 */
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "tool/bench/bench.h"
#include "tool/bench/fill.h"
#include "tool/bench/group.h"
#include "tool/kit/http_client.h"
#include "tool/kit/term.h"
#include "tool/kit/thread.h"

/* Requests at a time. */
#define THREADS 16
#define LOOK_MS 20
#define CODE_MAX 20
#define CAUSE_MAX 160
/* Of what is stored before the run. */
#define STORED_TEXT                                                                                \
    "A message of about a hundred letters, as people write them when they have something to say, or not."

/* A group while it is being made. */
struct making {
    char code[CODE_MAX];
};

struct maker {
    const struct bench *bench;
    int64_t *ids;
    struct making *making;
    bool joining;   /* second stage */
    uint64_t total; /* items of this stage: groups, or members besides the owners */
    _Atomic uint64_t next;
    _Atomic uint64_t done;
    _Atomic bool stop;
    pthread_mutex_t mu; /* guards cause */
    char cause[CAUSE_MAX];
};

/* What a thread works with. */
struct hand {
    struct maker *maker;
    struct http_client http;
    char token[MN_JWT_MAX];
};

uint32_t bench_groups_user(const struct opts *opts, uint32_t g, uint32_t m)
{
    uint32_t online = (uint32_t)opts->online;
    if (m < online)
        return g * online + m;
    return (uint32_t)opts->clients + g * ((uint32_t)opts->members - online) + m - online;
}

static void fail(struct maker *maker, const char *what, const char *cause)
{
    pthread_mutex_lock(&maker->mu);
    if (!maker->cause[0])
        snprintf(maker->cause, sizeof maker->cause, "%s: %.120s", what, cause);
    pthread_mutex_unlock(&maker->mu);
    atomic_store(&maker->stop, true);
}

/* Its `data`, which the caller drops; NULL: that was the end of it. */
static json_t *call(struct hand *hand, uint32_t user, const char *path, const char *body)
{
    int status = 0;
    const struct http_client_request req = {
        .method = body ? "POST" : "GET", .path = path, .bearer = hand->token, .body = body};
    if (load_run_token(&hand->maker->bench->run, user, hand->token) != MN_OK) {
        fail(hand->maker, path, "a member has no account");
        return NULL;
    }
    if (http_client_do(&hand->http, &req, &status) != MN_OK) {
        fail(hand->maker, path, http_client_cause(&hand->http));
        return NULL;
    }
    json_t *root = json_loadb(hand->http.body.p, hand->http.body.n, 0, NULL);
    const char *message = json_string_value(json_object_get(root, "message"));
    json_t *data = NULL;
    if (status == 200 && json_is_true(json_object_get(root, "ok"))) {
        data = json_incref(json_object_get(root, "data"));
    } else {
        char cause[CAUSE_MAX];
        snprintf(cause, sizeof cause, "%d %.100s", status, message ? message : "");
        fail(hand->maker, path, cause);
    }
    json_decref(root);
    return data;
}

/* ---- the stages ---- */

static const char *text_of(const json_t *data, const char *key)
{
    const char *text = json_string_value(json_object_get(data, key));
    return text ? text : "";
}

static void create(struct hand *hand, uint32_t g)
{
    struct maker *maker = hand->maker;
    uint32_t owner = bench_groups_user(&maker->bench->opts, g, 0);
    char body[60], path[80];
    snprintf(body, sizeof body, "{\"name\":\"bench %" PRIu32 "\"}", g);
    json_t *made = call(hand, owner, "/group/create", body);
    if (!made)
        return;
    if (mn_parse_i64(mn_str_c(text_of(made, "groupId")), 1, INT64_MAX, &maker->ids[g]) != MN_OK)
        fail(maker, "/group/create", "no groupId in the answer");
    json_decref(made);
    snprintf(path, sizeof path, "/group/profile/by-id?groupId=%" PRId64, maker->ids[g]);
    json_t *profile = maker->ids[g] ? call(hand, owner, path, NULL) : NULL;
    if (!profile)
        return;
    snprintf(maker->making[g].code, CODE_MAX, "%s", text_of(profile, "groupCode"));
    json_decref(profile);
}

static void join(struct hand *hand, uint32_t g, uint32_t m)
{
    const struct opts *opts = &hand->maker->bench->opts;
    char body[120];
    snprintf(body, sizeof body, "{\"groupCode\":\"%s\"}", hand->maker->making[g].code);
    json_t *asked = call(hand, bench_groups_user(opts, g, m), "/group/join/request", body);
    if (!asked)
        return;
    snprintf(body, sizeof body, "{\"requestId\":\"%.24s\",\"action\":\"accept\"}",
             text_of(asked, "requestId"));
    json_decref(asked);
    json_decref(call(hand, bench_groups_user(opts, g, 0), "/group/join/decide", body));
}

static void make_one(struct hand *hand, uint64_t item)
{
    uint32_t groups = (uint32_t)hand->maker->bench->opts.groups;
    if (!hand->maker->joining)
        create(hand, (uint32_t)item);
    else /* of another group each time: one group's changes wait for each other */
        join(hand, (uint32_t)(item % groups), (uint32_t)(item / groups) + 1);
}

static void *work(void *arg)
{
    struct maker *maker = arg;
    struct hand *hand = mn_new(struct hand);
    char why[200];
    hand->maker = maker;
    pthread_setname_np(pthread_self(), "groups");
    if (http_client_open(&hand->http, maker->bench->opts.http, why, sizeof why) != MN_OK)
        fail(maker, "--http", why);
    hand->http.timeout_ms = maker->bench->opts.timeout_ns / 1000000 + 1;
    while (!atomic_load(&maker->stop)) {
        uint64_t item = atomic_fetch_add(&maker->next, 1);
        if (item >= maker->total)
            break;
        make_one(hand, item);
        atomic_fetch_add(&maker->done, 1);
    }
    http_client_close(&hand->http);
    mn_free(hand);
    return NULL;
}

static void show(const struct maker *maker, bool end)
{
    struct term_line line;
    if (!maker->bench->progress)
        return;
    term_begin(&line);
    term_add(&line, maker->joining ? "members  %llu/%llu" : "groups  %llu/%llu",
             (unsigned long long)atomic_load(&maker->done), (unsigned long long)maker->total);
    if (end)
        term_clear();
    else
        term_show(&line);
}

static bool run_stage(struct maker *maker)
{
    pthread_t threads[THREADS];
    unsigned count = 0;
    atomic_store(&maker->next, 0);
    atomic_store(&maker->done, 0);
    while (count < THREADS && count < maker->total)
        MN_BUG_ON(!thread_start(&threads[count++], work, maker));
    while (atomic_load(&maker->done) < maker->total && !atomic_load(&maker->stop)) {
        if (bench_is_interrupted(maker->bench))
            fail(maker, "ended", "while groups were being made");
        show(maker, false);
        mn_ignore(poll(NULL, 0, LOOK_MS));
    }
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    show(maker, true);
    return !atomic_load(&maker->stop);
}

/* ---- into the store, instead ---- */

static void fill_one(struct fill *fill, const struct bench *bench, uint32_t g, int64_t id)
{
    const struct opts *opts = &bench->opts;
    int64_t *uids = mn_alloc_array(opts->members, sizeof *uids);
    for (uint32_t m = 0; m < opts->members; m++)
        uids[m] = bench->run.user_base + bench_groups_user(opts, g, m);
    fill_group(fill, id, uids, (uint32_t)opts->members);
    for (uint64_t i = 0; i < opts->stored; i++)
        fill_group_message(fill, uids[i % opts->senders], id, 0, MN_STR(STORED_TEXT));
    mn_free(uids);
}

/* The daemon was there, and will be there again: its stores have their form. */
struct fill *bench_fill_begin(struct bench *bench)
{
    char dir[4096];
    spawn_kill(&bench->spawn, SIGTERM);
    spawn_data_dir(&bench->spawn, dir, sizeof dir);
    return fill_open(dir);
}

bool bench_fill_end(struct bench *bench, struct fill *fill)
{
    if (!fill || !fill_close(fill) || spawn_again(&bench->spawn) != MN_OK)
        return false;
    bench->pid = bench->spawn.pid;
    return true;
}

static bool fill_store(struct bench *bench, int64_t *ids)
{
    struct fill *fill = bench_fill_begin(bench);
    for (uint32_t g = 0; fill && g < bench->opts.groups; g++) {
        ids[g] = fill_id(fill);
        fill_one(fill, bench, g, ids[g]);
    }
    return bench_fill_end(bench, fill);
}

/* The loopback process knows who is a member by his number. */
static bool number_groups(const struct bench *bench, int64_t *ids)
{
    for (uint32_t g = 0; g < bench->opts.groups; g++)
        ids[g] = (int64_t)g + 1;
    return true;
}

static bool make_over_http(struct bench *bench, int64_t *ids)
{
    const struct opts *opts = &bench->opts;
    struct maker maker = {.bench = bench, .ids = ids, .total = opts->groups};
    pthread_mutex_init(&maker.mu, NULL);
    maker.making = mn_alloc_array(opts->groups, sizeof *maker.making);
    bool ok = run_stage(&maker);
    maker.joining = true;
    maker.total = opts->groups * (opts->members - 1);
    ok = ok && run_stage(&maker);
    if (!ok)
        fprintf(stderr, "minim bench: the groups could not be made: %s\n", maker.cause);
    if (!ok && strstr(maker.cause, " 429 "))
        fputs("minim bench: the server limits its API: start it with\n"
              "--im.ratelimit.enabled=false, or use --spawn\n",
              stderr);
    mn_free(maker.making);
    pthread_mutex_destroy(&maker.mu);
    return ok;
}

bool bench_groups_make(struct bench *bench)
{
    uint64_t from_ns = mn_mono_ns();
    int64_t *ids = mn_alloc_array(bench->opts.groups, sizeof *ids);
    bench->run.group_ids = ids;
    bool ok = bench->opts.loopback ? number_groups(bench, ids)
              : bench->opts.fill   ? fill_store(bench, ids)
                                   : make_over_http(bench, ids);
    bench->groups_made_s = (double)(mn_mono_ns() - from_ns) / 1e9;
    return ok;
}

void bench_groups_free(struct bench *bench)
{
    mn_free(bench->run.group_ids);
    bench->run.group_ids = NULL;
}
