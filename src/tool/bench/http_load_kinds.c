/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `bench mixed` asks over HTTP, see http_load_kinds.h.  Answers are
 * checked for their form and order, so that an error page is no fast page.
 */
#include "tool/bench/http_load_kinds.h"

#include <inttypes.h>
#include <jansson.h>

#include "base/mem.h"
#include "tool/kit/login.h"

/* Further back nobody scrolls: after so many pages it begins at the newest again. */
#define PAGES_MAX 4

void http_load_kinds_init(struct http_load_kinds *kinds, const struct load_run *run,
                          const struct profile *profile)
{
    *kinds = (struct http_load_kinds){.run = run, .profile = profile, .pairs = run->clients / 2};
    kinds->scrolls = mn_alloc_array(kinds->pairs + 1, sizeof *kinds->scrolls);
    pthread_mutex_init(&kinds->mu, NULL);
}

void http_load_kinds_deinit(struct http_load_kinds *kinds)
{
    mn_free(kinds->scrolls);
    pthread_mutex_destroy(&kinds->mu);
}

/* The id of a client. */
static int64_t uid_of(const struct load_run *run, uint32_t index)
{
    uint32_t p = index / 2;
    const struct load_thread *th = &run->threads[p % run->thread_count];
    return th->conns[p / run->thread_count * 2 + index % 2].uid;
}

/* GET as client `index`; the `data` of the answer must be an array, which the caller releases. */
static json_t *get_list(struct http_load_kinds *kinds, struct http_client *http, uint32_t index,
                        const char *path, char *cause)
{
    char token[MN_JWT_MAX];
    int status = 0;
    if (load_run_token(kinds->run, index, token) != MN_OK) {
        snprintf(cause, HTTP_LOAD_KINDS_CAUSE_MAX, "no account");
        return NULL;
    }
    struct http_client_request req = {.method = "GET", .path = path, .bearer = token};
    enum mn_err err = http_client_do(http, &req, &status);
    if (err) {
        snprintf(cause, HTTP_LOAD_KINDS_CAUSE_MAX, "%.39s", http_client_cause(http));
        return NULL;
    }
    json_t *root = json_loadb(http->body.p, http->body.n, 0, NULL);
    json_t *data = json_object_get(root, "data");
    const char *message = json_string_value(json_object_get(root, "message"));
    if (status == 200 && json_is_true(json_object_get(root, "ok")) && json_is_array(data)) {
        json_incref(data);
    } else {
        data = NULL;
        snprintf(cause, HTTP_LOAD_KINDS_CAUSE_MAX, "%d %.28s", status, message ? message : "");
    }
    json_decref(root);
    return data;
}

/* msgSeq must descend, and be below where the page begins; *ret_last is that of the oldest. */
static bool is_page(const json_t *data, int64_t before_seq, int64_t *ret_last)
{
    size_t i;
    const json_t *message;
    int64_t last = before_seq > 0 ? before_seq : INT64_MAX;
    json_array_foreach(data, i, message)
    {
        int64_t seq = (int64_t)json_integer_value(json_object_get(message, "msgSeq"));
        if (seq < 1 || seq >= last)
            return false;
        last = seq;
    }
    *ret_last = last;
    return true;
}

/* The next page of a conversation, as one of its two ends. */
static bool get_history(struct http_load_kinds *kinds, struct http_client *http, uint64_t pick,
                        char *cause)
{
    char path[160];
    uint32_t pair = (uint32_t)(pick % kinds->pairs), end = (uint32_t)(pick >> 63);
    struct http_scroll *scroll = &kinds->scrolls[pair];
    pthread_mutex_lock(&kinds->mu);
    struct http_scroll at = *scroll;
    pthread_mutex_unlock(&kinds->mu);
    int n = snprintf(path, sizeof path,
                     "/single-chat/message/cursor?peerUserId=%" PRId64 "&limit=%" PRIu64,
                     uid_of(kinds->run, 2 * pair + !end), kinds->profile->page);
    if (at.before_seq > 0)
        snprintf(path + n, sizeof path - (size_t)n, "&lastSeq=%" PRId64, at.before_seq);
    json_t *data = get_list(kinds, http, 2 * pair + end, path, cause);
    if (!data)
        return false;
    int64_t last = 0;
    bool ok = is_page(data, at.before_seq, &last);
    bool more = json_array_size(data) == kinds->profile->page && at.pages + 1 < PAGES_MAX;
    json_decref(data);
    if (!ok)
        snprintf(cause, HTTP_LOAD_KINDS_CAUSE_MAX, "page out of order");
    at = ok && more ? (struct http_scroll){last, at.pages + 1} : (struct http_scroll){0, 0};
    pthread_mutex_lock(&kinds->mu);
    *scroll = at;
    pthread_mutex_unlock(&kinds->mu);
    return ok;
}

static bool get_conversations(struct http_load_kinds *kinds, struct http_client *http,
                              uint64_t pick, char *cause)
{
    char path[80];
    snprintf(path, sizeof path, "/single-chat/conversation/cursor?limit=%" PRIu64,
             kinds->profile->page);
    json_t *data = get_list(kinds, http, (uint32_t)(pick % (2 * kinds->pairs)), path, cause);
    json_decref(data);
    return data != NULL;
}

/* Not a connected client: a login ends the session that there was. */
static bool log_in(struct http_load_kinds *kinds, struct http_client *http, uint64_t pick,
                   char *cause)
{
    char name[48];
    struct login login;
    snprintf(name, sizeof name, "mixed-%08x-%u", kinds->run->run_id,
             (unsigned)(pick % HTTP_LOAD_KINDS_ACCOUNTS));
    return login_request(http, name, "bench-password", &login, cause) == MN_OK;
}

bool http_load_kinds_do(struct http_load_kinds *kinds, struct http_client *http,
                        enum profile_kind kind, uint64_t pick, char *cause)
{
    switch (kind) {
    case PROFILE_HISTORY:
        return get_history(kinds, http, pick, cause);
    case PROFILE_CONVERSATIONS:
        return get_conversations(kinds, http, pick, cause);
    case PROFILE_LOGIN:
        return log_in(kinds, http, pick, cause);
    case PROFILE_SINGLE:
    case PROFILE_GROUP:
    case PROFILE_KIND_COUNT:
        break;
    }
    MN_BUG_ON(true); /* not over HTTP */
}
