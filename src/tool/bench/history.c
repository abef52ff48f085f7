/* SPDX-License-Identifier: Apache-2.0 */
/* History check of the ledger, see history.h. */
#include "tool/bench/history.h"

#include <inttypes.h>
#include <jansson.h>

#include "base/mem.h"
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

/* What a message is looked up in. */
struct place {
    const struct load_run *run;
    uint32_t reader;           /* client who reads */
    int64_t peer;              /* his peer, or 0 */
    struct bench_group *group; /* or this */
    struct bench_pair *pair;   /* or this */
    uint32_t base;             /* client number of the first sender */
    uint32_t senders;
    uint32_t *lowest; /* of each sender: lowest counter seen */
};

static struct ledger_conv *conv_of(const struct place *place, uint32_t sender)
{
    return place->group ? &place->group->ledger.sender[sender].conv : &place->pair->conv;
}

static bool read_hex(const char *p, size_t n, uint32_t *ret)
{
    uint32_t v = 0;
    for (size_t i = 0; i < n; i++) {
        const char *digit = p[i] ? memchr("0123456789abcdef", p[i], 16) : NULL;
        if (!digit)
            return false;
        v = v << 4 | (uint32_t)(digit - "0123456789abcdef");
    }
    *ret = v;
    return true;
}

/* Sender and counter in a client id of this place and run; false for any other. */
static bool read_id(const struct place *place, const char *id, uint32_t *ret_sender,
                    uint32_t *ret_counter)
{
    uint32_t run, sender;
    if (!id || strlen(id) != WIRE_ID_LEN || id[8] != '-' || id[15] != '-' ||
        !read_hex(id, 8, &run) || run != place->run->run_id || !read_hex(id + 9, 6, &sender) ||
        !read_hex(id + 16, 8, ret_counter) || sender - place->base >= place->senders)
        return false;
    *ret_sender = sender - place->base;
    return true;
}

/* One page; sets *ret_last_seq to its oldest msgSeq. */
static enum mn_err take_page(struct place *place, json_t *data, int64_t *ret_last_seq)
{
    size_t i;
    json_t *message;
    json_array_foreach(data, i, message)
    {
        uint32_t sender, counter;
        json_t *seq = json_object_get(message, "msgSeq");
        *ret_last_seq = json_is_string(seq) ? 0 : (int64_t)json_integer_value(seq);
        const char *id = json_string_value(json_object_get(message, "clientMsgId"));
        if (!read_id(place, id, &sender, &counter))
            continue;
        if (counter < place->lowest[sender])
            place->lowest[sender] = counter;
        struct ledger_rec *rec = ledger_find(conv_of(place, sender), counter);
        if (rec)
            rec->flags |= LEDGER_FOUND;
    }
    return *ret_last_seq > 0 ? MN_OK : MN_EPROTO;
}

static enum mn_err get_page(struct history *history, const char *token, const struct place *place,
                            int64_t before_seq, json_t **ret_data)
{
    char path[160];
    int status;
    int n = place->group
                ? snprintf(path, sizeof path, "/group/message/cursor?groupId=%" PRId64 "&limit=%d",
                           place->group->id, PAGE)
                : snprintf(path, sizeof path,
                           "/single-chat/message/cursor?peerUserId=%" PRId64 "&limit=%d",
                           place->peer, PAGE);
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

/* The oldest message of some sender's window has not been seen. */
static bool wants_more(const struct place *place)
{
    for (uint32_t s = 0; s < place->senders; s++) {
        const struct ledger_conv *conv = conv_of(place, s);
        if (conv->head != conv->tail && place->lowest[s] > conv->head)
            return true;
    }
    return false;
}

static enum mn_err read_back(struct history *history, struct place *place, const char *token)
{
    int64_t before_seq = 0;
    enum mn_err err = MN_OK;
    size_t count = PAGE;
    while (!err && count == PAGE && wants_more(place)) {
        json_t *data = NULL;
        err = get_page(history, token, place, before_seq, &data);
        count = json_array_size(data);
        if (!err && count > 0)
            err = take_page(place, data, &before_seq);
        json_decref(data);
    }
    return err;
}

static enum mn_err check(struct history *history, struct place *place)
{
    char token[MN_JWT_MAX];
    place->lowest = mn_alloc_array(place->senders, sizeof *place->lowest);
    memset(place->lowest, 0xff, place->senders * sizeof *place->lowest);
    enum mn_err err = load_run_token(place->run, place->reader, token);
    if (!err)
        err = read_back(history, place, token);
    mn_free(place->lowest);
    return err;
}

enum mn_err history_check(struct history *history, const struct load_run *run,
                          struct bench_pair *pair)
{
    struct place place = {.run = run,
                          .reader = pair->receiver->index,
                          .peer = pair->sender->uid,
                          .pair = pair,
                          .base = pair->sender->index,
                          .senders = 1};
    enum mn_err err = check(history, &place);
    if (err)
        fprintf(stderr, "minim: the history of user %" PRId64 " could not be read: %s\n",
                pair->receiver->uid, history->http.why[0] ? history->http.why : mn_err_text(err));
    return err;
}

enum mn_err history_check_group(struct history *history, const struct load_run *run,
                                struct bench_group *group)
{
    struct place place = {.run = run,
                          .reader = group->conns[0].index,
                          .group = group,
                          .base = group->base,
                          .senders = group->ledger.senders};
    enum mn_err err = check(history, &place);
    if (err)
        fprintf(stderr, "minim: the history of group %" PRId64 " could not be read: %s\n",
                group->id, history->http.why[0] ? history->http.why : mn_err_text(err));
    return err;
}
