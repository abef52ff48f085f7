/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bench lists`, see lists.h.  The user whose lists are read has --chats
 * chats with two unread messages each, and --groups groups with three, one of
 * which mentions him; every page is held against that.  The history is that
 * of one more group, with --stored messages.
 */
#include "tool/bench/lists.h"

#include <inttypes.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tool/bench/bench.h"
#include "tool/bench/fill.h"
#include "tool/bench/group.h"
#include "tool/kit/http_client.h"

#define TEXT                                                                                       \
    MN_STR(                                                                                        \
        "A message of about a hundred letters, as people write them in a chat with many others in it.")
#define UNREAD_CHAT 2
#define UNREAD_GROUP 3
#define MENTIONS 1

/* Where a list has been read to. */
struct walk {
    char updated_at[48];
    char last_id[24];
    uint64_t rows;
};

struct reader {
    struct bench *bench;
    struct lists *lists;
    struct http_client http;
    struct walk walks[LISTS_HISTORY];
    int64_t group; /* the one with the history */
    struct mn_rng rng;
    char token[MN_JWT_MAX];
    uint64_t took_ns; /* the last request, until its answer was there */
};

const char *lists_name(enum lists_kind kind)
{
    static const char *const names[] = {"conversations", "group_conversations", "history"};
    return names[kind];
}

/* ---- what is there ---- */

static int64_t uid_at(const struct bench *bench, uint64_t i)
{
    return bench->run.user_base + (int64_t)i;
}

/* Of the member who reads the history; his group's owner is the user behind him. */
static uint64_t history_reader(const struct bench *bench)
{
    return bench->opts.chats + bench->opts.groups + 1;
}

static void fill_chats(struct fill *fill, const struct bench *bench)
{
    for (int n = 0; n < UNREAD_CHAT; n++)
        for (uint64_t i = 1; i <= bench->opts.chats; i++)
            fill_message(fill, uid_at(bench, i), uid_at(bench, 0), TEXT);
}

static void fill_groups(struct fill *fill, const struct bench *bench)
{
    for (uint64_t g = 0; g < bench->opts.groups; g++) {
        int64_t uids[] = {uid_at(bench, bench->opts.chats + 1 + g), uid_at(bench, 0)};
        int64_t id = fill_id(fill);
        fill_group(fill, id, uids, MN_ARRAY_LEN(uids));
        for (int n = 0; n < UNREAD_GROUP; n++)
            fill_group_message(fill, uids[0], id, n < MENTIONS ? uids[1] : 0, TEXT);
    }
}

static int64_t fill_history(struct fill *fill, const struct bench *bench)
{
    uint64_t reader = history_reader(bench);
    int64_t uids[] = {uid_at(bench, reader + 1), uid_at(bench, reader)};
    int64_t id = fill_id(fill);
    fill_group(fill, id, uids, MN_ARRAY_LEN(uids));
    for (uint64_t i = 0; i < bench->opts.stored; i++)
        fill_group_message(fill, uids[i % 2], id, 0, TEXT);
    return id;
}

static bool fill_all(struct bench *bench, int64_t *ret_group)
{
    struct fill *fill = bench_fill_begin(bench);
    if (fill) {
        fill_chats(fill, bench);
        fill_groups(fill, bench);
        *ret_group = fill_history(fill, bench);
    }
    return bench_fill_end(bench, fill);
}

/* ---- requests ---- */

/* Its list, which the caller drops; else NULL, with the cause. */
static json_t *get_list(struct reader *r, uint64_t user, const char *path, char *cause, size_t cap)
{
    int status = 0;
    struct http_client_request req = {.method = "GET", .path = path, .bearer = r->token};
    json_t *data = NULL;
    if (load_run_token(&r->bench->run, (uint32_t)user, r->token) != MN_OK)
        return NULL;
    uint64_t from_ns = mn_mono_ns();
    enum mn_err err = http_client_do(&r->http, &req, &status);
    r->took_ns = mn_mono_ns() - from_ns;
    if (err) {
        snprintf(cause, cap, "%.30s", http_client_cause(&r->http));
        return NULL;
    }
    json_t *root = json_loadb(r->http.body.p, r->http.body.n, 0, NULL);
    if (status == 200 && json_is_array(json_object_get(root, "data")))
        data = json_incref(json_object_get(root, "data"));
    else
        snprintf(cause, cap, "status %d", status);
    json_decref(root);
    return data;
}

static bool has_count(const json_t *row, const char *key, json_int_t wanted)
{
    return json_integer_value(json_object_get(row, key)) == wanted;
}

/* Notes where the page ends; what is wrong with it, or NULL. */
static const char *take_rows(struct walk *walk, enum lists_kind kind, const json_t *data)
{
    bool groups = kind == LISTS_GROUP_CONVERSATIONS;
    size_t i;
    const json_t *row;
    json_array_foreach(data, i, row)
    {
        if (!has_count(row, "unreadCount", groups ? UNREAD_GROUP : UNREAD_CHAT))
            return "unreadCount differs";
        if (groups && !has_count(row, "mentionUnreadCount", MENTIONS))
            return "mentionUnreadCount differs";
        if (!json_is_object(json_object_get(row, "lastMessage")))
            return "no lastMessage";
        const char *id = json_string_value(
            json_object_get(row, groups ? "groupId" : "singleChatId"));
        const char *at = json_string_value(json_object_get(row, "updatedAt"));
        snprintf(walk->last_id, sizeof walk->last_id, "%s", id ? id : "");
        snprintf(walk->updated_at, sizeof walk->updated_at, "%s", at ? at : "");
    }
    walk->rows += i;
    return NULL;
}

/* The next page of a list; behind its end the first one again. */
static bool read_list(struct reader *r, enum lists_kind kind, char *cause, size_t cap)
{
    const struct opts *opts = &r->bench->opts;
    struct walk *walk = &r->walks[kind];
    char path[240];
    bool groups = kind == LISTS_GROUP_CONVERSATIONS;
    int n = snprintf(path, sizeof path, "/%s/conversation/cursor?limit=%" PRIu64,
                     groups ? "group" : "single-chat", opts->page);
    if (walk->rows > 0)
        snprintf(path + n, sizeof path - (size_t)n, "&lastUpdatedAt=%s&lastId=%s", walk->updated_at,
                 walk->last_id);
    json_t *data = get_list(r, 0, path, cause, cap);
    if (!data)
        return false;
    const char *wrong = take_rows(walk, kind, data);
    bool more = json_array_size(data) == opts->page;
    json_decref(data);
    if (!wrong && !more && walk->rows != (groups ? opts->groups : opts->chats))
        wrong = "conversations are missing";
    if (wrong || !more)
        *walk = (struct walk){.rows = 0};
    if (wrong)
        snprintf(cause, cap, "%s", wrong);
    return !wrong;
}

/* A page somewhere: whole, and in order. */
static bool read_history(struct reader *r, char *cause, size_t cap)
{
    const struct opts *opts = &r->bench->opts;
    char path[160];
    uint64_t before = opts->page + 1 + mn_rng_below(&r->rng, opts->stored - opts->page + 1);
    snprintf(path, sizeof path,
             "/group/message/cursor?groupId=%" PRId64 "&limit=%" PRIu64 "&lastSeq=%" PRIu64,
             r->group, opts->page, before);
    json_t *data = get_list(r, history_reader(r->bench), path, cause, cap);
    if (!data)
        return false;
    size_t i, wrong = json_array_size(data) != opts->page;
    const json_t *row;
    json_array_foreach(data, i, row)
        wrong += !has_count(row, "msgSeq", (json_int_t)(before - 1 - i));
    json_decref(data);
    if (wrong)
        snprintf(cause, cap, "not the page that was asked for");
    return wrong == 0;
}

static void ask(struct reader *r, enum lists_kind kind)
{
    struct lists *lists = r->lists;
    char cause[34] = "", text[64];
    bool ok = kind == LISTS_HISTORY ? read_history(r, cause, sizeof cause)
                                    : read_list(r, kind, cause, sizeof cause);
    mn_hist_add(lists->hist[kind], r->took_ns);
    lists->ok += ok;
    lists->failed += !ok;
    if (ok)
        return;
    snprintf(text, sizeof text, "%.5s: %s", lists_name(kind), cause);
    load_reason_add(&lists->failures, mn_str_c(text), 1);
}

bool lists_run(struct bench *bench)
{
    char why[200];
    struct reader *r = mn_new(struct reader);
    r->bench = bench;
    r->lists = bench->lists = mn_new(struct lists);
    for (int k = 0; k < LISTS_KIND_COUNT; k++)
        r->lists->hist[k] = mn_hist_new();
    mn_rng_seed(&r->rng, bench->run.seed);
    uint64_t from_ns = mn_mono_ns();
    bool ok = fill_all(bench, &r->group);
    bench->groups_made_s = (double)(mn_mono_ns() - from_ns) / 1e9;
    ok = ok && http_client_open(&r->http, bench->spawn.http, why, sizeof why) == MN_OK;
    r->http.timeout_ms = bench->opts.timeout_ns / 1000000 + 1;
    proc_read(bench->pid, &bench->server_steady);
    from_ns = mn_mono_ns();
    for (unsigned i = 0;
         ok && !bench_is_interrupted(bench) && mn_mono_ns() - from_ns < bench->opts.duration_ns;
         i++)
        ask(r, (enum lists_kind)(i % LISTS_KIND_COUNT));
    proc_read(bench->pid, &bench->server_drain);
    bench->steady_s = (double)(mn_mono_ns() - from_ns) / 1e9;
    bench->ran = ok;
    http_client_close(&r->http);
    mn_free(r);
    return ok;
}

void lists_free(struct lists *lists)
{
    for (int k = 0; lists && k < LISTS_KIND_COUNT; k++)
        mn_hist_free(lists->hist[k]);
    mn_free(lists);
}
