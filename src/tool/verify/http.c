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
#include "tool/verify/http_walk.h"

enum {
    PAGE = 200, /* the most that the server gives (H-7.4.6) */
    TOKEN_TTL_S = 3600,
    BUSY_TRIES = 25,
    BUSY_WAIT_MS = 200,
    LIMITED_TRIES = 90, /* a window of a call limit is a minute */
    LIMITED_WAIT_MS = 1000,
    /* Client ids of one conversation that are held in memory to find doubled ones. */
    CLIENT_IDS_MAX = 1 << 20
};

/* One message of a page. */
struct message {
    int64_t id, chat, seq, from, to;
    struct mn_str client_id, text;
    bool revoked;
};

/* ---- requests ---- */

static enum mn_err renew_token(struct verify_walk *walk, int64_t user)
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
json_t *verify_get(struct verify_walk *walk, int64_t user, const char *path, struct mn_buf *why)
{
    char refusal[100] = "";
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
    const char *message = json_string_value(json_object_get(root, "message"));
    snprintf(refusal, sizeof refusal, "%s", message ? message : "and no data in the answer");
    json_decref(root);
    if (!data)
        mn_buf_addf(why, "GET %s: status %d, %.200s", path, status,
                    status == 200   ? refusal
                    : status == 401 ? "the token is refused: is it the server's --jwt-secret?"
                                    : "unexpected");
    return data;
}

/* ---- fields ---- */

/* An id is a string, a number a number; 0 for anything else. */
int64_t verify_number(const json_t *object, const char *key)
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

static struct message message_of(const struct verify_walk *walk, const json_t *object)
{
    return (struct message){.id = verify_number(object, "serverMsgId"),
                            .chat = verify_number(object, walk->group ? "groupId" : "singleChatId"),
                            .seq = verify_number(object, "msgSeq"),
                            .from = verify_number(object, "fromUserId"),
                            .to = verify_number(object, "toUserId"),
                            .client_id = text_of(object, "clientMsgId"),
                            .text = text_of(object, "content"),
                            .revoked = mn_str_is(text_of(object, "status"), "REVOKED")};
}

/* ---- one conversation ---- */

static void tell_line(struct verify_walk *walk, enum verify_check check,
                      const struct verify_line *line, const char *what)
{
    struct ledger_line full;
    char quoted[VERIFY_QUOTED];
    verify_lines_again(&walk->ledger, line, &full);
    verify_found(walk->report, check,
                 "message %" PRId64 " from %" PRId64 " to %s%" PRId64 ", msgSeq %" PRId64
                 ", client id %s: %s",
                 full.id, full.from, full.group ? "group " : "", full.group ? full.group : full.to,
                 full.seq, verify_quote(quoted, full.client_id), what);
}

static void check_numbers(struct verify_walk *walk, const struct message *message)
{
    if (message->seq <= walk->seq)
        verify_found(walk->report, VERIFY_ORDER_WRONG, "%s: msgSeq %" PRId64 " after %" PRId64,
                     walk->name, message->seq, walk->seq);
    else if (message->seq != walk->seq + 1)
        verify_found(walk->report, VERIFY_SEQ_GAP, "%s: msgSeq %" PRId64 " to %" PRId64 " missing",
                     walk->name, walk->seq + 1, message->seq - 1);
    if (message->seq > walk->seq)
        walk->seq = message->seq;
}

static void check_client_id(struct verify_walk *walk, const struct message *message)
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
                     "%s: client id %s of user %" PRId64 " is msgSeq %" PRIu64
                     " and msgSeq %" PRId64,
                     walk->name, verify_quote(quoted, message->client_id), message->from, before,
                     message->seq);
    else if (mn_map_put(&walk->client_ids, hash, (uint64_t)message->seq) != MN_OK)
        walk->report->stats.client_ids_unchecked++;
}

static void check_place(struct verify_walk *walk, const struct message *message)
{
    int64_t low = message->from < message->to ? message->from : message->to;
    int64_t high = message->from < message->to ? message->to : message->from;
    if (!walk->group && (low != walk->low || high != walk->high))
        verify_found(walk->report, VERIFY_USERS_DIFFER,
                     "%s, msgSeq %" PRId64 ": from %" PRId64 " to %" PRId64, walk->name,
                     message->seq, message->from, message->to);
    if (walk->chat == 0)
        walk->chat = message->chat;
    if (message->chat != walk->chat || message->chat == 0)
        verify_found(walk->report, VERIFY_PLACE_DIFFERS,
                     "%s, msgSeq %" PRId64 ": chat %" PRId64 ", before that it was %" PRId64,
                     walk->name, message->seq, message->chat, walk->chat);
    if (message->seq == walk->head_seq && message->id != walk->head_id)
        verify_found(walk->report, VERIFY_HEAD_DIFFERS,
                     "%s, msgSeq %" PRId64 ": message %" PRId64 ", announced was %" PRId64,
                     walk->name, message->seq, message->id, walk->head_id);
}

static uint64_t text_hash(const struct message *message)
{
    uint64_t hash[2];
    ledger_text_hash(message->text, hash);
    return hash[0];
}

/* The ledger's lines up to this message; without one: all that are left. */
static void check_lines(struct verify_walk *walk, const struct message *message)
{
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
        else if (!message->revoked && line->text != text_hash(message))
            tell_line(walk, VERIFY_LEDGER_DIFFERS, line, "the text differs");
    }
}

static void check_message(struct verify_walk *walk, const struct message *message)
{
    walk->others += message->from != walk->as;
    walk->report->stats.messages++;
    walk->report->stats.text_bytes += message->text.n;
    check_lines(walk, message);
    check_place(walk, message);
    check_numbers(walk, message);
    check_client_id(walk, message);
}

/* Last message and cursors as of now: whatever comes later, they must be within the walk. */
static bool read_head(struct verify_walk *walk, struct mn_buf *why)
{
    char path[VERIFY_PATH];
    snprintf(path, sizeof path, "/single-chat/member/state?peerUserId=%" PRId64, walk->high);
    json_t *data = verify_get(walk, walk->as, path, why);
    if (!data)
        return false;
    int64_t mine = verify_number(data, "myLastReadMsgSeq"),
            theirs = verify_number(data, "peerLastReadMsgSeq");
    walk->cursor = mine > theirs ? mine : theirs;
    walk->chat = verify_number(data, "singleChatId");
    json_decref(data);
    snprintf(path, sizeof path, "/single-chat/message/list?peerUserId=%" PRId64 "&pageSize=1",
             walk->high);
    data = verify_get(walk, walk->as, path, why);
    if (!data)
        return false;
    struct message last = message_of(walk, json_array_get(json_object_get(data, "records"), 0));
    walk->head_seq = last.seq;
    walk->head_id = last.id;
    if (verify_number(data, "total") != last.seq)
        verify_found(walk->report, VERIFY_HEAD_DIFFERS,
                     "%s: %" PRId64 " messages in all, but the last has msgSeq %" PRId64,
                     walk->name, verify_number(data, "total"), last.seq);
    json_decref(data);
    return true;
}

/* False when it could not be read to its end. */
static bool read_messages(struct verify_walk *walk, struct mn_buf *why)
{
    char path[VERIFY_PATH];
    size_t count = PAGE;
    while (count == PAGE) {
        int64_t since = walk->seq;
        snprintf(path, sizeof path, "/%s=%" PRId64 "&sinceSeq=%" PRId64 "&limit=%d",
                 walk->group ? "group/message/since?groupId"
                             : "single-chat/message/since?peerUserId",
                 walk->high, since, PAGE);
        json_t *data = verify_get(walk, walk->as, path, why);
        if (!data)
            return false;
        count = json_array_size(data);
        for (size_t i = 0; i < count; i++) {
            struct message message = message_of(walk, json_array_get(data, i));
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

static void check_end(struct verify_walk *walk)
{
    check_lines(walk, NULL);
    if (walk->cursor > walk->seq)
        verify_found(walk->report, VERIFY_CURSOR_BEYOND_HEAD,
                     "%s: cursor %" PRId64 ", last message %" PRId64, walk->name, walk->cursor,
                     walk->seq);
    if (walk->head_seq > walk->seq)
        verify_found(walk->report, VERIFY_HEAD_DIFFERS,
                     "%s: the last message has msgSeq %" PRId64 ", announced was %" PRId64,
                     walk->name, walk->seq, walk->head_seq);
}

/* Which conversation, and as whom it is read: of a group, a sender of one of its lines. */
static void begin(struct verify_walk *walk, size_t first)
{
    const struct verify_line *line = &walk->ledger.lines[first];
    struct ledger_line full;
    walk->low = line->low;
    walk->high = line->high;
    verify_chat_name(walk->name, line->low, line->high);
    walk->group = line->low ? 0 : line->high;
    walk->as = line->low;
    if (walk->group) {
        verify_lines_again(&walk->ledger, line, &full);
        walk->as = full.from;
    }
    walk->next = walk->end = first;
    while (walk->end < walk->ledger.count && walk->ledger.lines[walk->end].low == walk->low &&
           walk->ledger.lines[walk->end].high == walk->high)
        walk->end++;
    walk->seq = walk->others = 0;
    walk->cursor = walk->head_seq = walk->head_id = 0;
}

/* Where the next one's lines begin. */
static size_t check_conversation(struct verify_walk *walk, size_t first)
{
    struct mn_buf why;
    begin(walk, first);
    mn_buf_init(&why, 1000);
    mn_map_init(&walk->client_ids);
    bool ok = walk->group ? verify_group_head(walk, &why) : read_head(walk, &why);
    if (ok && read_messages(walk, &why)) {
        walk->report->stats.chats++;
        check_end(walk);
        if (walk->group)
            verify_group_end(walk);
    } else {
        verify_found(walk->report, VERIFY_UNREADABLE, "%s: %.*s", walk->name, (int)why.n,
                     why.n ? why.p : "");
    }
    mn_map_deinit(&walk->client_ids);
    mn_buf_deinit(&why);
    return walk->end;
}

/* ---- all of them ---- */

/* Whether there is a server that takes our tokens: without, there is nothing to be judged. */
static enum mn_err try_server(struct verify_walk *walk, struct mn_buf *why)
{
    json_t *data = verify_get(walk, 1, "/single-chat/conversation/cursor?limit=1", why);
    json_decref(data);
    return data ? MN_OK : MN_EINVAL;
}

static enum mn_err check_all(struct verify_walk *walk, struct mn_buf *why)
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
    struct verify_walk *walk = mn_new(struct verify_walk);
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
