/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The WebSocket receiver.  Input: role and limit (1 byte), seed of the cuts
 * (1 byte), bytes of the wire.  The same bytes whole and cut at random must
 * give the same events, and every event must keep the receiver's promises.
 */
#include "base/buf.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "fuzz/fuzz.h"
#include "proto/ws.h"

enum { LOG_MAX = 1 << 21 };

static void log_event(struct mn_buf *log, enum mn_ws_event ev, const struct mn_ws_in *in)
{
    (void)mn_buf_addf(log, "%d %u %s %zu:", (int)ev, in->code, in->reason != NULL ? in->reason : "",
                      in->n);
    if (in->n != 0)
        (void)mn_buf_add(log, in->p, in->n);
}

static void check_event(const struct mn_ws_rx *rx, enum mn_ws_event ev, const struct mn_ws_in *in)
{
    switch (ev) {
    case MN_WS_TEXT:
        FUZZ_CHECK(mn_utf8_valid_portable(in->p, in->n));
        __attribute__((fallthrough));
    case MN_WS_BINARY:
        FUZZ_CHECK(in->n <= rx->max_message);
        FUZZ_CHECK(in->p != NULL);
        break;
    case MN_WS_PING:
    case MN_WS_PONG:
        FUZZ_CHECK(in->n <= 125);
        break;
    case MN_WS_CLOSED:
        FUZZ_CHECK(in->n <= 125 && in->n != 1);
        FUZZ_CHECK((in->n == 0) == (in->code == MN_WS_CLOSE_NO_STATUS));
        FUZZ_CHECK(in->n == 0 || in->code == 0 || mn_ws_close_code_valid(in->code));
        break;
    case MN_WS_FAIL:
        FUZZ_CHECK(in->code == MN_WS_CLOSE_PROTOCOL || in->code == MN_WS_CLOSE_BAD_UTF8 ||
                   in->code == MN_WS_CLOSE_TOO_BIG);
        FUZZ_CHECK(in->reason != NULL && strlen(in->reason) <= 123);
        break;
    case MN_WS_MORE:
        break;
    }
}

/* Takes all events of p[0..n); returns the bytes used, and whether it is over. */
static size_t drain(struct mn_ws_rx *rx, char *p, size_t n, struct mn_buf *log, bool *ret_over)
{
    size_t at = 0;

    for (;;) {
        struct mn_ws_in in;
        size_t used;
        enum mn_ws_event ev = mn_ws_rx_next(rx, p + at, n - at, &used, &in);

        FUZZ_CHECK(used <= n - at);
        at += used;
        check_event(rx, ev, &in);
        /* Memory follows bytes that came, not promises. */
        FUZZ_CHECK(rx->frag.n <= rx->max_message && rx->frag.cap <= 2 * rx->frag.n + 4096);
        if (ev == MN_WS_MORE) {
            FUZZ_CHECK(in.need > n - at);
            *ret_over = false;
            return at;
        }
        log_event(log, ev, &in);
        if (ev == MN_WS_CLOSED || ev == MN_WS_FAIL) {
            *ret_over = true;
            return at;
        }
    }
}

static void run(uint8_t setup, struct mn_rng *rng, const uint8_t *data, size_t size,
                struct mn_buf *log)
{
    static const uint32_t limits[] = {65536, 0, 10, 1000};
    struct mn_ws_rx rx;
    struct mn_buf pending;
    bool over = false;
    size_t at = 0;

    mn_ws_rx_init(&rx, setup & 1 ? MN_WS_CLIENT : MN_WS_SERVER, limits[setup >> 1 & 3]);
    mn_buf_init(&pending, size + 1);
    while (at < size && !over) {
        size_t left = size - at;
        size_t n = rng != NULL ? 1 + mn_rng_below(rng, 1 + mn_rng_below(rng, left)) : left;
        char *exact;
        size_t used;

        n = n < left ? n : left;
        FUZZ_CHECK(mn_buf_add(&pending, data + at, n) == MN_OK);
        at += n;
        exact = fuzz_copy(pending.p, pending.n);
        used = drain(&rx, exact, pending.n, log, &over);
        FUZZ_CHECK(over || memcmp(exact + used, pending.p + used, pending.n - used) == 0);
        mn_buf_consume(&pending, used);
        mn_free(exact);
    }
    mn_buf_deinit(&pending);
    mn_ws_rx_deinit(&rx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mn_rng rng;
    struct mn_buf whole;
    struct mn_buf cut;

    if (size < 2)
        return 0;
    mn_buf_init(&whole, LOG_MAX);
    mn_buf_init(&cut, LOG_MAX);
    mn_rng_seed(&rng, data[1]);
    run(data[0], NULL, data + 2, size - 2, &whole);
    run(data[0], &rng, data + 2, size - 2, &cut);
    FUZZ_CHECK(mn_str_eq(mn_buf_str(&whole), mn_buf_str(&cut)));
    mn_buf_deinit(&whole);
    mn_buf_deinit(&cut);
    return 0;
}
