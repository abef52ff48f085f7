/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches read cursors over HTTP, see cursors.h.
 *
 * The watcher arms one conversation and waits.  The load thread that sends
 * the next ACK read there disarms it, leaves msgSeq and time, and wakes the
 * watcher, which asks until the cursor has come: so the time is that of a
 * fresh acknowledgement, and a load thread pays for a sample only.
 * `seq` and `acked_ns` belong to whoever disarmed last: the load thread
 * until it has written to wake_fd, then the watcher.
 */
#include "tool/bench/cursors.h"

#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tool/kit/http_client.h"
#include "tool/kit/thread.h"

/* At most so many samples a second: the requests must not become a load of their own. */
#define SAMPLE_GAP_MS 50
/* Between two looks at the same cursor; it bounds the resolution. */
#define LOOK_GAP_MS 1
/* A conversation where nothing is read for so long is left for the next one. */
#define ARMED_MS 500

struct bench_cursors {
    struct load_run *run;
    struct http_client http;
    pthread_t thread;
    bool started;
    int wake_fd;
    struct bench_pair *sample[BENCH_CURSORS_SAMPLE];
    _Atomic(struct bench_pair *) armed;
    int64_t seq;
    uint64_t acked_ns;
    struct bench_cursors_result result;
};

/* Pair `p` of the run: number p / threads of thread p % threads (load.h). */
static struct bench_pair *pair_of(struct load_run *run, uint32_t p)
{
    return &run->threads[p % run->thread_count].pairs[p / run->thread_count];
}

static void choose_sample(struct bench_cursors *c)
{
    struct bench_cursors_result *r = &c->result;
    r->pairs = c->run->clients / 2;
    r->sample = r->pairs < BENCH_CURSORS_SAMPLE ? r->pairs : BENCH_CURSORS_SAMPLE;
    for (unsigned i = 0; i < r->sample; i++) {
        c->sample[i] = pair_of(c->run, (uint32_t)((uint64_t)i * r->pairs / r->sample));
        c->sample[i]->watched = true;
        r->indices[i] = c->sample[i]->sender->index;
    }
}

struct bench_cursors *bench_cursors_new(struct load_run *run, const char *http)
{
    char why[200];
    struct bench_cursors *c = mn_new(struct bench_cursors);
    c->run = run;
    if (http_client_open(&c->http, http, why, sizeof why) != MN_OK) {
        fprintf(stderr, "minim bench: --http: %s\n", why);
        http_client_close(&c->http);
        mn_free(c);
        return NULL;
    }
    c->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    MN_BUG_ON(c->wake_fd < 0);
    c->result.hist = mn_hist_new();
    choose_sample(c);
    return c;
}

void bench_cursors_free(struct bench_cursors *c)
{
    if (!c)
        return;
    bench_cursors_stop(c);
    http_client_close(&c->http);
    close(c->wake_fd);
    mn_hist_free(c->result.hist);
    mn_free(c);
}

void bench_cursors_acked(struct bench_cursors *c, struct bench_pair *pair, int64_t seq,
                         uint64_t now_ns)
{
    struct bench_pair *wanted = pair;
    if (atomic_load_explicit(&c->armed, memory_order_relaxed) != pair ||
        !atomic_compare_exchange_strong(&c->armed, &wanted, NULL))
        return;
    c->seq = seq;
    c->acked_ns = now_ns;
    uint64_t one = 1;
    mn_ignore(write(c->wake_fd, &one, sizeof one));
}

/* ---- asking ---- */

/* The peer's read cursor as the sender sees it; 0: none yet. */
static enum mn_err get_cursor(struct bench_cursors *c, const struct bench_pair *pair,
                              int64_t *ret_seq)
{
    char token[MN_JWT_MAX], path[96];
    int status = 0;
    snprintf(path, sizeof path, "/single-chat/member/state?peerUserId=%" PRId64,
             pair->receiver->uid);
    c->result.looks++;
    enum mn_err err = load_run_token(c->run, pair->sender->index, token);
    struct http_client_request req = {.method = "GET", .path = path, .bearer = token};
    if (!err)
        err = http_client_do(&c->http, &req, &status);
    if (err)
        return err;
    json_t *root = json_loadb(c->http.body.p, c->http.body.n, 0, NULL);
    json_t *seq = json_object_get(json_object_get(root, "data"), "peerLastReadMsgSeq");
    if (status != 200 || !(json_is_integer(seq) || json_is_null(seq)))
        err = MN_EPROTO;
    else
        *ret_seq = (int64_t)json_integer_value(seq);
    json_decref(root);
    return err;
}

/* Asks until the cursor has come to `seq`; false: it has not by `until_ns`. */
static bool reaches(struct bench_cursors *c, const struct bench_pair *pair, int64_t seq,
                    uint64_t until_ns)
{
    for (;;) {
        int64_t now_seq = 0;
        enum mn_err err = get_cursor(c, pair, &now_seq);
        c->result.failed += err != MN_OK;
        if (!err && now_seq >= seq)
            return true;
        if (mn_mono_ns() >= until_ns)
            return false;
        mn_ignore(poll(NULL, 0, LOOK_GAP_MS));
    }
}

/* Waits for an ACK read in this conversation; false: none came in time. */
static bool wait_acked(struct bench_cursors *c, struct bench_pair *pair)
{
    uint64_t ignored;
    struct bench_pair *armed = pair;
    struct pollfd pfd = {.fd = c->wake_fd, .events = POLLIN};
    atomic_store(&c->armed, pair);
    int n = poll(&pfd, 1, ARMED_MS);
    if (n <= 0 && atomic_compare_exchange_strong(&c->armed, &armed, NULL))
        return false;
    /* Whoever disarmed it writes at once. */
    while (read(c->wake_fd, &ignored, sizeof ignored) < 0)
        mn_ignore(poll(&pfd, 1, -1));
    return true;
}

static void *watch(void *arg)
{
    struct bench_cursors *c = arg;
    uint64_t timeout_ns = c->run->opts->timeout_ns;
    pthread_setname_np(pthread_self(), "cursors");
    for (unsigned i = 0; atomic_load(&c->run->phase) == LOAD_STEADY; i++) {
        struct bench_pair *pair = c->sample[i % c->result.sample];
        if (!wait_acked(c, pair))
            continue;
        if (reaches(c, pair, c->seq, c->acked_ns + timeout_ns))
            mn_hist_add(c->result.hist, mn_mono_ns() - c->acked_ns);
        else
            c->result.unreached++;
        mn_ignore(poll(NULL, 0, SAMPLE_GAP_MS));
    }
    return NULL;
}

void bench_cursors_start(struct bench_cursors *c)
{
    if (!c)
        return;
    MN_BUG_ON(!thread_start(&c->thread, watch, c));
    c->started = true;
}

void bench_cursors_stop(struct bench_cursors *c)
{
    if (!c || !c->started)
        return;
    pthread_join(c->thread, NULL);
    c->started = false;
}

void bench_cursors_finish(struct bench_cursors *c)
{
    /* One limit for all of them: a server that answers nothing must not be waited for 50 times. */
    uint64_t until_ns = mn_mono_ns() + c->run->opts->quiet_ns;
    c->result.measured = true;
    for (unsigned i = 0; i < c->result.sample; i++) {
        int64_t seq = receipts_sure(&c->sample[i]->receipts, WIRE_READ);
        if (seq > 0 && !reaches(c, c->sample[i], seq, until_ns))
            c->result.behind++;
    }
}

const struct bench_cursors_result *bench_cursors_result(const struct bench_cursors *c)
{
    return &c->result;
}
