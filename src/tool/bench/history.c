/* SPDX-License-Identifier: Apache-2.0 */
/* History check of the ledger, see history.h. */
#include "tool/bench/history.h"

#include <inttypes.h>
#include <jansson.h>

#include "base/num.h"

#define PAGE 100

enum mn_err history_open(struct history *history, const char *url)
{
    char why[200];
    enum mn_err err = http_client_open(&history->http, url, why, sizeof why);
    if (err)
        fprintf(stderr, "minim: --http: %s\n", why);
    return err;
}

void history_close(struct history *history) { http_client_close(&history->http); }

/* Counter in a client id of this sender and run; false for any other. */
static bool counter_of(const struct load_run *run, const struct bench_pair *pair, const char *id,
                       uint32_t *ret)
{
    char lead[32];
    int n = snprintf(lead, sizeof lead, "%08x-%06x-", run->run_id, pair->sender->index);
    if (!id || strlen(id) != WIRE_ID_LEN || strncmp(id, lead, (size_t)n) != 0)
        return false;
    uint32_t v = 0;
    for (const char *p = id + n; *p; p++) {
        const char *digit = memchr("0123456789abcdef", *p, 16);
        if (!digit)
            return false;
        v = v << 4 | (uint32_t)(digit - "0123456789abcdef");
    }
    *ret = v;
    return true;
}

/* One page; sets *ret_last_seq to its oldest msgSeq, *ret_lowest to the lowest counter seen. */
static enum mn_err take_page(const struct load_run *run, struct bench_pair *pair, json_t *data,
                             int64_t *ret_last_seq, uint32_t *ret_lowest)
{
    size_t i;
    json_t *message;
    json_array_foreach(data, i, message)
    {
        uint32_t counter;
        json_t *seq = json_object_get(message, "msgSeq");
        *ret_last_seq = json_is_string(seq) ? 0 : (int64_t)json_integer_value(seq);
        const char *id = json_string_value(json_object_get(message, "clientMsgId"));
        if (!counter_of(run, pair, id, &counter))
            continue;
        if (counter < *ret_lowest)
            *ret_lowest = counter;
        struct ledger_rec *rec = ledger_find(&pair->conv, counter);
        if (rec)
            rec->flags |= LEDGER_FOUND;
    }
    return *ret_last_seq > 0 ? MN_OK : MN_EPROTO;
}

static enum mn_err get_page(struct history *history, const char *token,
                            const struct bench_pair *pair, int64_t before_seq, json_t **ret_data)
{
    char path[160];
    int status;
    int n = snprintf(path, sizeof path,
                     "/single-chat/message/cursor?peerUserId=%" PRId64 "&limit=%d",
                     pair->sender->uid, PAGE);
    if (before_seq > 0)
        snprintf(path + n, sizeof path - (size_t)n, "&lastSeq=%" PRId64, before_seq);
    struct http_client_request req = {.method = "GET", .path = path, .bearer = token};
    enum mn_err err = http_client_do(&history->http, &req, &status);
    if (err)
        return err;
    json_t *root = json_loadb(history->http.body.p, history->http.body.n, 0, NULL);
    json_t *data = json_object_get(root, "data");
    if (status != 200 || !json_is_array(data))
        err = MN_EPROTO;
    else
        *ret_data = json_incref(data);
    json_decref(root);
    return err;
}

static enum mn_err read_back(struct history *history, const struct load_run *run,
                             struct bench_pair *pair, const char *token)
{
    int64_t before_seq = 0;
    uint32_t lowest = UINT32_MAX;
    enum mn_err err = MN_OK;
    size_t count = PAGE;
    while (!err && count == PAGE && lowest > pair->conv.head) {
        json_t *data = NULL;
        err = get_page(history, token, pair, before_seq, &data);
        count = json_array_size(data);
        if (!err && count > 0)
            err = take_page(run, pair, data, &before_seq, &lowest);
        json_decref(data);
    }
    return err;
}

enum mn_err history_check(struct history *history, const struct load_run *run,
                          struct bench_pair *pair)
{
    char token[MN_JWT_MAX];
    enum mn_err err = load_run_token(run, pair->receiver->index, token);
    if (!err)
        err = read_back(history, run, pair, token);
    if (err)
        fprintf(stderr, "minim: the history of user %" PRId64 " could not be read: %s\n",
                pair->receiver->uid, history->http.why[0] ? history->http.why : mn_err_text(err));
    return err;
}
