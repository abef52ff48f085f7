/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks the conversations of a ledger as a running server shows them: each
 * is read from its first message to its last, through the same pages that
 * clients use, and held against the ledger's lines on the way.
 *
 * What a server gains while it is read is no fault: heads and cursors are
 * asked for before the walk, and must be within it.
 */
#include <inttypes.h>
#include <jansson.h>
#include <time.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "tool/kit/http_client.h"
#include "tool/verify/lines.h"
#include "tool/verify/verify.h"

enum {
    PAGE = 200, /* the most that the server gives (H-7.4.6) */
    TOKEN_TTL_S = 3600,
    BUSY_TRIES = 25,
    BUSY_WAIT_MS = 200,
    LIMITED_TRIES = 90, /* a window of a call limit is a minute */
    LIMITED_WAIT_MS = 1000,
    PATH_CAP = 200,
    /* Client ids of one conversation that are held in memory to find doubled ones. */
    CLIENT_IDS_MAX = 1 << 20
};

struct walk {
    struct verify_report *report;
    const struct mn_jwt_key *key;
    struct http_client http;
    struct verify_lines ledger;
    bool dead; /* the server went away: no more requests */
    /* the token at hand */
    int64_t token_user;
    uint64_t token_until_ms;
    char token[MN_JWT_MAX];
    /* the conversation at hand */
    int64_t low, high;
    size_t next, end; /* its lines */
    int64_t chat, seq;
    int64_t head_seq, head_id; /* announced before the walk; 0: none */
    int64_t cursor;            /* the greatest one, announced before the walk */
    struct mn_map client_ids;
};

/* One message of a page. */
struct message {
    int64_t id, chat, seq, from, to;
    struct mn_str client_id, text;
    bool revoked;
};

/* ---- requests ---- */

static enum mn_err renew_token(struct walk *walk, int64_t user)
{
    uint64_t now_ms = mn_mono_ms();
    if (walk->token_user == user && now_ms < walk->token_until_ms)
        return MN_OK;
    walk->token_user = user;
    walk->token_until_ms = now_ms + TOKEN_TTL_S * 500;
    return mn_jwt_sign(walk->key, user, 0, mn_unix_ms(), TOKEN_TTL_S, walk->token,
                       sizeof walk->token);
}

static void wait_ms(long ms)
{
    const struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    mn_ignore(clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL));
}

/* `data` of the answer; NULL when there is none, and `why` says what was the matter. */
static json_t *get(struct walk *walk, int64_t user, const char *path, struct mn_buf *why)
{
    int status = 0;
    const struct http_client_request req = {.method = "GET", .path = path, .bearer = walk->token};
    enum mn_err err = renew_token(walk, user);
    for (unsigned busy = 0, limited = 0; busy < BUSY_TRIES && limited < LIMITED_TRIES && !err;) {
        err = http_client_do(&walk->http, &req, &status);
        walk->report->stats.requests++;
        if (status != 503 && status != 429)
            break;
        busy += status == 503;
        limited += status == 429;
        wait_ms(status == 429 ? LIMITED_WAIT_MS : BUSY_WAIT_MS);
    }
    if (err) {
        walk->dead = true;
        mn_buf_addf(why, "GET %s: %s", path, walk->http.why[0] ? walk->http.why : mn_err_text(err));
        return NULL;
    }
    json_t *root = status == 200
                       ? json_loadb(walk->http.body.p, walk->http.body.n, JSON_ALLOW_NUL, NULL)
                       : NULL;
    json_t *data = json_incref(json_object_get(root, "data"));
    json_decref(root);
    if (!data)
        mn_buf_addf(why, "GET %s: status %d, %.200s", path, status,
                    status == 200   ? "and no data in the answer"
                    : status == 401 ? "the token is refused: is it the server's --jwt-secret?"
                                    : "unexpected");
    return data;
}

/* ---- fields ---- */

/* An id is a string, a number a number; 0 for anything else. */
static int64_t number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    int64_t number = 0;
    if (json_is_integer(value))
        return json_integer_value(value);
    if (json_is_string(value))
        mn_ignore(mn_parse_i64(mn_str_make(json_string_value(value), json_string_length(value)), 1,
                               INT64_MAX, &number));
    return number;
}

static struct mn_str text_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value))
        return MN_STR("");
    return mn_str_make(json_string_value(value), json_string_length(value));
}

static struct message message_of(const json_t *object)
{
    return (struct message){.id = number_of(object, "serverMsgId"),
                            .chat = number_of(object, "singleChatId"),
                            .seq = number_of(object, "msgSeq"),
                            .from = number_of(object, "fromUserId"),
                            .to = number_of(object, "toUserId"),
                            .client_id = text_of(object, "clientMsgId"),
                            .text = text_of(object, "content"),
                            .revoked = mn_str_is(text_of(object, "status"), "REVOKED")};
}

/* ---- one conversation ---- */

static void tell_line(struct walk *walk, enum verify_check check, const struct verify_line *line,
                      const char *what)
{
    struct ledger_line full;
    char quoted[VERIFY_QUOTED];
    verify_lines_again(&walk->ledger, line, &full);
    verify_found(walk->report, check,
                 "message %" PRId64 " from %" PRId64 " to %" PRId64 ", msgSeq %" PRId64
                 ", client id %s: %s",
                 full.id, full.from, full.to, full.seq, verify_quote(quoted, full.client_id), what);
}

static void check_numbers(struct walk *walk, const struct message *message)
{
    if (message->seq <= walk->seq)
        verify_found(walk->report, VERIFY_ORDER_WRONG,
                     "users %" PRId64 " and %" PRId64 ": msgSeq %" PRId64 " after %" PRId64,
                     walk->low, walk->high, message->seq, walk->seq);
    else if (message->seq != walk->seq + 1)
        verify_found(walk->report, VERIFY_SEQ_GAP,
                     "users %" PRId64 " and %" PRId64 ": msgSeq %" PRId64 " to %" PRId64 " missing",
                     walk->low, walk->high, walk->seq + 1, message->seq - 1);
    if (message->seq > walk->seq)
        walk->seq = message->seq;
}

static void check_client_id(struct walk *walk, const struct message *message)
{
    char quoted[VERIFY_QUOTED];
    uint64_t before = 0;
    uint64_t hash = verify_facts(&walk->ledger, message->from, 0, message->client_id);
    if (walk->client_ids.count >= CLIENT_IDS_MAX) {
        walk->report->stats.client_ids_unchecked++;
        return;
    }
    walk->report->stats.client_ids++;
    if (mn_map_get(&walk->client_ids, hash, &before))
        verify_found(walk->report, VERIFY_CLIENT_DUPLICATE,
                     "users %" PRId64 " and %" PRId64 ": client id %s of user %" PRId64
                     " is msgSeq %" PRIu64 " and msgSeq %" PRId64,
                     walk->low, walk->high, verify_quote(quoted, message->client_id), message->from,
                     before, message->seq);
    else if (mn_map_put(&walk->client_ids, hash, (uint64_t)message->seq) != MN_OK)
        walk->report->stats.client_ids_unchecked++;
}

static void check_place(struct walk *walk, const struct message *message)
{
    int64_t low = message->from < message->to ? message->from : message->to;
    int64_t high = message->from < message->to ? message->to : message->from;
    if (low != walk->low || high != walk->high)
        verify_found(walk->report, VERIFY_USERS_DIFFER,
                     "users %" PRId64 " and %" PRId64 ", msgSeq %" PRId64 ": from %" PRId64
                     " to %" PRId64,
                     walk->low, walk->high, message->seq, message->from, message->to);
    if (walk->chat == 0)
        walk->chat = message->chat;
    if (message->chat != walk->chat || message->chat == 0)
        verify_found(walk->report, VERIFY_PLACE_DIFFERS,
                     "users %" PRId64 " and %" PRId64 ", msgSeq %" PRId64 ": chat %" PRId64
                     ", before that it was %" PRId64,
                     walk->low, walk->high, message->seq, message->chat, walk->chat);
    if (message->seq == walk->head_seq && message->id != walk->head_id)
        verify_found(walk->report, VERIFY_HEAD_DIFFERS,
                     "users %" PRId64 " and %" PRId64 ", msgSeq %" PRId64 ": message %" PRId64
                     ", announced was %" PRId64,
                     walk->low, walk->high, message->seq, message->id, walk->head_id);
}

/* The ledger's lines up to this message; without one: all that are left. */
static void check_lines(struct walk *walk, const struct message *message)
{
    uint64_t hash[2] = {0};
    if (message && walk->next < walk->end && walk->ledger.lines[walk->next].seq == message->seq)
        ledger_text_hash(message->text, hash);
    for (; walk->next < walk->end; walk->next++) {
        const struct verify_line *line = &walk->ledger.lines[walk->next];
        if (message && line->seq > message->seq)
            return;
        if (!message || line->seq < message->seq)
            tell_line(walk, VERIFY_LEDGER_LOST, line, "not there");
        else if (line->facts !=
                 verify_facts(&walk->ledger, message->from, message->id, message->client_id))
            tell_line(walk, VERIFY_LEDGER_DIFFERS, line,
                      "another message has this msgSeq, by its id, client id or sender");
        else if (!message->revoked && line->text != hash[0])
            tell_line(walk, VERIFY_LEDGER_DIFFERS, line, "the text differs");
    }
}

static void check_message(struct walk *walk, const struct message *message)
{
    walk->report->stats.messages++;
    walk->report->stats.text_bytes += message->text.n;
    check_lines(walk, message);
    check_place(walk, message);
    check_numbers(walk, message);
    check_client_id(walk, message);
}

/* Last message and cursors as of now: whatever comes later, they must be within the walk. */
static bool read_head(struct walk *walk, struct mn_buf *why)
{
    char path[PATH_CAP];
    snprintf(path, sizeof path, "/single-chat/member/state?peerUserId=%" PRId64, walk->high);
    json_t *data = get(walk, walk->low, path, why);
    if (!data)
        return false;
    int64_t mine = number_of(data, "myLastReadMsgSeq"),
            theirs = number_of(data, "peerLastReadMsgSeq");
    walk->cursor = mine > theirs ? mine : theirs;
    walk->chat = number_of(data, "singleChatId");
    json_decref(data);
    snprintf(path, sizeof path, "/single-chat/message/list?peerUserId=%" PRId64 "&pageSize=1",
             walk->high);
    data = get(walk, walk->low, path, why);
    if (!data)
        return false;
    struct message last = message_of(json_array_get(json_object_get(data, "records"), 0));
    walk->head_seq = last.seq;
    walk->head_id = last.id;
    if (number_of(data, "total") != last.seq)
        verify_found(walk->report, VERIFY_HEAD_DIFFERS,
                     "users %" PRId64 " and %" PRId64 ": %" PRId64
                     " messages in all, but the last has msgSeq %" PRId64,
                     walk->low, walk->high, number_of(data, "total"), last.seq);
    json_decref(data);
    return true;
}

/* False when it could not be read to its end. */
static bool read_messages(struct walk *walk, struct mn_buf *why)
{
    char path[PATH_CAP];
    size_t count = PAGE;
    while (count == PAGE) {
        int64_t since = walk->seq;
        snprintf(path, sizeof path,
                 "/single-chat/message/since?peerUserId=%" PRId64 "&sinceSeq=%" PRId64 "&limit=%d",
                 walk->high, since, PAGE);
        json_t *data = get(walk, walk->low, path, why);
        if (!data)
            return false;
        count = json_array_size(data);
        for (size_t i = 0; i < count; i++) {
            struct message message = message_of(json_array_get(data, i));
            check_message(walk, &message);
        }
        json_decref(data);
        if (count == PAGE && walk->seq <= since) {
            mn_buf_addf(why, "GET %s: a page that leads no further", path);
            return false;
        }
        verify_progress(walk->report, "messages", walk->report->stats.messages);
    }
    return true;
}

static void check_end(struct walk *walk)
{
    check_lines(walk, NULL);
    if (walk->cursor > walk->seq)
        verify_found(walk->report, VERIFY_CURSOR_BEYOND_HEAD,
                     "users %" PRId64 " and %" PRId64 ": cursor %" PRId64 ", last message %" PRId64,
                     walk->low, walk->high, walk->cursor, walk->seq);
    if (walk->head_seq > walk->seq)
        verify_found(walk->report, VERIFY_HEAD_DIFFERS,
                     "users %" PRId64 " and %" PRId64 ": the last message has msgSeq %" PRId64
                     ", announced was %" PRId64,
                     walk->low, walk->high, walk->seq, walk->head_seq);
}

/* The conversation whose lines begin at `first`; returns where the next one's do. */
static size_t check_conversation(struct walk *walk, size_t first)
{
    struct mn_buf why;
    walk->low = walk->ledger.lines[first].low;
    walk->high = walk->ledger.lines[first].high;
    walk->next = walk->end = first;
    while (walk->end < walk->ledger.count && walk->ledger.lines[walk->end].low == walk->low &&
           walk->ledger.lines[walk->end].high == walk->high)
        walk->end++;
    walk->seq = 0;
    mn_buf_init(&why, 1000);
    mn_map_init(&walk->client_ids);
    if (read_head(walk, &why) && read_messages(walk, &why)) {
        walk->report->stats.chats++;
        check_end(walk);
    } else {
        verify_found(walk->report, VERIFY_UNREADABLE, "users %" PRId64 " and %" PRId64 ": %.*s",
                     walk->low, walk->high, (int)why.n, why.n ? why.p : "");
    }
    mn_map_deinit(&walk->client_ids);
    mn_buf_deinit(&why);
    return walk->end;
}

/* ---- all of them ---- */

/* Whether there is a server that takes our tokens: without, there is nothing to be judged. */
static enum mn_err try_server(struct walk *walk, struct mn_buf *why)
{
    json_t *data = get(walk, 1, "/single-chat/conversation/cursor?limit=1", why);
    json_decref(data);
    return data ? MN_OK : MN_EINVAL;
}

static enum mn_err check_all(struct walk *walk, struct mn_buf *why)
{
    struct verify_stats *stats = &walk->report->stats;
    uint64_t first = 0, last = 0;
    do {
        enum mn_err err = verify_lines_read(&walk->ledger, first, &last, &stats->ledger_lines, why);
        if (err)
            return err;
        stats->passes++;
        stats->ledger_cut = walk->ledger.reader.cut;
        for (size_t i = 0; i < walk->ledger.count && !walk->dead;)
            i = check_conversation(walk, i);
        first = last + 1;
    } while (last < UINT64_MAX && !walk->dead);
    return MN_OK;
}

enum mn_err verify_http(struct verify_report *report, const char *url, const struct mn_jwt_key *key,
                        const char *ledger, uint64_t memory_bytes, struct mn_buf *why)
{
    char text[200] = "";
    struct walk *walk = mn_new(struct walk);
    walk->report = report;
    walk->key = key;
    enum mn_err err = http_client_open(&walk->http, url, text, sizeof text);
    if (err)
        mn_buf_addf(why, "--http: %s", text);
    if (!err)
        err = verify_lines_open(&walk->ledger, ledger, memory_bytes, why);
    if (!err)
        err = try_server(walk, why);
    if (!err)
        err = check_all(walk, why);
    verify_progress(report, NULL, 0);
    verify_lines_close(&walk->ledger);
    http_client_close(&walk->http);
    mn_free(walk);
    return err;
}
