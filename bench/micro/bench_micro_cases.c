/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is measured.  Inputs are VARIANTS different ones in turn, with other
 * ids and lengths, because a single one would let the branch predictor learn
 * it by heart.  An operation that spoils its input begins with a copy of it,
 * and the copy is counted.
 */
#include "bench_micro.h"

#include <jansson.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "proto/envelope.h"
#include "proto/jwt.h"
#include "proto/ws.h"

enum { VARIANTS = 64, TEXT_MAX = 8192 };

#define NOW_MS INT64_C(1700000000000)

/* A set of inputs of one kind. */
struct inputs {
    char text[VARIANTS][TEXT_MAX];
    size_t n[VARIANTS];
};

static struct inputs chat;    /* SINGLE_CHAT, about 200 bytes, no escapes */
static struct inputs escaped; /* the same with escapes in its body */
static struct inputs chinese; /* the same in Chinese */
static struct inputs ack;
static struct inputs ping;
static struct inputs masked; /* `chat` as masked frames */
static struct mn_envelope parsed[VARIANTS];
static char tokens[VARIANTS][MN_JWT_MAX];
static char scratch[TEXT_MAX + 64];
static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
static const struct mn_jwt_key key = {"change-me-please-change-me-please-change-me", 43, "mini-im"};

static struct mn_rng rng;

static void add(struct inputs *set, size_t i, const char *body)
{
    set->n[i] = (size_t)snprintf(
        set->text[i], TEXT_MAX,
        "{\"type\":\"SINGLE_CHAT\",\"clientMsgId\":\"c-%016llx\",\"to\":\"%lld\","
        "\"msgType\":\"text\",\"body\":\"%s\",\"ts\":%lld}",
        (unsigned long long)mn_rng_next(&rng),
        (long long)(INT64_C(2013935291830317057) + (int64_t)mn_rng_below(&rng, 1000000000)), body,
        (long long)(NOW_MS + (int64_t)i));
}

static void add_masked(size_t i)
{
    size_t head = mn_ws_header_masked(masked.text[i], MN_WS_OP_TEXT, chat.n[i], mask);

    memcpy(masked.text[i] + head, chat.text[i], chat.n[i]);
    mn_ws_mask(masked.text[i] + head, chat.n[i], mask, 0);
    masked.n[i] = head + chat.n[i];
}

static void init_variant(size_t i)
{
    static const char words[] =
        "the quick brown fox jumps over the lazy dog and then goes on to tell all of its friends";
    static const char lines[] =
        "first \\\"line\\\"\\nsecond line\\tthird \\u00e9 \\ud83d\\ude00 and more";
    static const char text[] = "你好，今天晚上我们一起去吃饭怎么样";
    char body[128];
    int n = 60 + (int)mn_rng_below(&rng, sizeof(words) - 60);

    (void)snprintf(body, sizeof(body), "%.*s", n, words);
    add(&chat, i, body);
    add(&escaped, i, lines);
    add(&chinese, i, text);
    ack.n[i] = (size_t)snprintf(
        ack.text[i], TEXT_MAX,
        "{\"type\":\"ACK\",\"serverMsgId\":\"%lld\",\"to\":\"%lld\",\"ackType\":\"delivered\"}",
        (long long)(INT64_C(2013935291830317057) + (int64_t)mn_rng_below(&rng, 1000000000)),
        (long long)(10000 + mn_rng_below(&rng, 90000)));
    ping.n[i] = (size_t)snprintf(ping.text[i], TEXT_MAX, "{\"type\":\"PING\"}");
    add_masked(i);
    MN_BUG_ON(mn_envelope_parse(chat.text[i], chat.n[i], &parsed[i]) != MN_OK);
    parsed[i].from = 2013935291830000000 + (int64_t)i;
    parsed[i].msg_seq = 1000 + (int64_t)i;
    parsed[i].has |= MN_HAS_FROM | MN_HAS_MSG_SEQ;
    parsed[i].server_msg_id = MN_STR("2013935291830317057");
    MN_BUG_ON(mn_jwt_sign(&key, 10000 + (int64_t)i, 1, NOW_MS, 1800, tokens[i], MN_JWT_MAX) !=
              MN_OK);
}

void bench_cases_init(void)
{
    mn_rng_seed(&rng, 1);
    for (size_t i = 0; i < VARIANTS; i++)
        init_variant(i);
}

static size_t mean(const struct inputs *set)
{
    size_t sum = 0;

    for (size_t i = 0; i < VARIANTS; i++)
        sum += set->n[i];
    return sum / VARIANTS;
}

static size_t chat_bytes(void) { return mean(&chat); }
static size_t escaped_bytes(void) { return mean(&escaped); }
static size_t chinese_bytes(void) { return mean(&chinese); }
static size_t ack_bytes(void) { return mean(&ack); }
static size_t ping_bytes(void) { return mean(&ping); }
static size_t masked_bytes(void) { return mean(&masked); }
static size_t bytes_220(void) { return 220; }
static size_t bytes_4096(void) { return 4096; }
static size_t token_bytes(void) { return strlen(tokens[0]); }

/* Parses in place: without escapes the text stays as it is. */
static uintptr_t parse(struct inputs *set, size_t i)
{
    struct mn_envelope env;

    i %= VARIANTS;
    MN_BUG_ON(mn_envelope_parse(set->text[i], set->n[i], &env) != MN_OK);
    return env.body.n + (size_t)env.to;
}

static uintptr_t parse_chat(size_t i) { return parse(&chat, i); }
static uintptr_t parse_chinese(size_t i) { return parse(&chinese, i); }
static uintptr_t parse_ack(size_t i) { return parse(&ack, i); }
static uintptr_t parse_ping(size_t i) { return parse(&ping, i); }

static uintptr_t parse_escaped(size_t i)
{
    struct mn_envelope env;

    i %= VARIANTS;
    memcpy(scratch, escaped.text[i], escaped.n[i]);
    MN_BUG_ON(mn_envelope_parse(scratch, escaped.n[i], &env) != MN_OK);
    return env.body.n;
}

static uintptr_t parse_jansson(size_t i)
{
    json_t *root = json_loadb(chat.text[i % VARIANTS], chat.n[i % VARIANTS], 0, NULL);
    uintptr_t n = json_object_size(root);

    json_decref(root);
    return n;
}

static uintptr_t bound(size_t i) { return mn_envelope_bound(&parsed[i % VARIANTS]); }
static uintptr_t print(size_t i) { return mn_envelope_print(&parsed[i % VARIANTS], scratch); }

static uintptr_t mask_220(size_t i)
{
    mn_ws_mask(chat.text[i % VARIANTS] + 4000, 220, mask, 0);
    return 0;
}

static uintptr_t mask_220_portable(size_t i)
{
    mn_ws_mask_portable(chat.text[i % VARIANTS] + 4000, 220, mask, 0);
    return 0;
}

static uintptr_t mask_4096(size_t i)
{
    (void)i;
    mn_ws_mask(chat.text[0] + 4000, 4096, mask, 0);
    return 0;
}

static uintptr_t mask_4096_portable(size_t i)
{
    (void)i;
    mn_ws_mask_portable(chat.text[0] + 4000, 4096, mask, 0);
    return 0;
}

static uintptr_t utf8_ascii(size_t i)
{
    return mn_utf8_valid(chat.text[i % VARIANTS], chat.n[i % VARIANTS]);
}

static uintptr_t utf8_chinese(size_t i)
{
    return mn_utf8_valid(chinese.text[i % VARIANTS], chinese.n[i % VARIANTS]);
}

static uintptr_t utf8_chinese_portable(size_t i)
{
    return mn_utf8_valid_portable(chinese.text[i % VARIANTS], chinese.n[i % VARIANTS]);
}

/* A masked frame to a checked text, the copy that makes it fresh included. */
static uintptr_t receive(size_t i)
{
    struct mn_ws_rx rx;
    struct mn_ws_in in;
    size_t used;

    i %= VARIANTS;
    memcpy(scratch, masked.text[i], masked.n[i]);
    mn_ws_rx_init(&rx, MN_WS_SERVER, 65536);
    MN_BUG_ON(mn_ws_rx_next(&rx, scratch, masked.n[i], &used, &in) != MN_WS_TEXT);
    return in.n;
}

static uintptr_t verify(size_t i)
{
    struct mn_jwt_claims claims;

    MN_BUG_ON(mn_jwt_verify(&key, mn_str_c(tokens[i % VARIANTS]), NOW_MS, &claims, NULL) != MN_OK);
    return (uintptr_t)claims.uid;
}

static uintptr_t sign(size_t i)
{
    MN_BUG_ON(mn_jwt_sign(&key, (int64_t)i, 1, NOW_MS, 1800, scratch, MN_JWT_MAX) != MN_OK);
    return (uintptr_t)scratch[0];
}

static uintptr_t accept_key(size_t i)
{
    char ret[29];

    (void)i;
    mn_ws_accept_key(MN_STR("dGhlIHNhbXBsZSBub25jZQ=="), ret);
    return (uintptr_t)ret[0];
}

const struct bench_case bench_cases[] = {
    {"envelope parse, SINGLE_CHAT", chat_bytes, parse_chat},
    {"envelope parse, SINGLE_CHAT in Chinese", chinese_bytes, parse_chinese},
    {"envelope parse, SINGLE_CHAT with 7 escapes (and a copy)", escaped_bytes, parse_escaped},
    {"envelope parse, ACK", ack_bytes, parse_ack},
    {"envelope parse, PING", ping_bytes, parse_ping},
    {"jansson load and free of the same SINGLE_CHAT", chat_bytes, parse_jansson},
    {"envelope bound, pushed SINGLE_CHAT", NULL, bound},
    {"envelope print, pushed SINGLE_CHAT", NULL, print},
    {"mask", bytes_220, mask_220},
    {"mask, portable", bytes_220, mask_220_portable},
    {"mask", bytes_4096, mask_4096},
    {"mask, portable", bytes_4096, mask_4096_portable},
    {"UTF-8 check, ASCII", chat_bytes, utf8_ascii},
    {"UTF-8 check, Chinese", chinese_bytes, utf8_chinese},
    {"UTF-8 check, Chinese, portable", chinese_bytes, utf8_chinese_portable},
    {"receive a masked text frame (and a copy)", masked_bytes, receive},
    {"JWT verify", token_bytes, verify},
    {"JWT sign", NULL, sign},
    {"Sec-WebSocket-Accept", NULL, accept_key},
};
const size_t bench_case_count = MN_ARRAY_LEN(bench_cases);
