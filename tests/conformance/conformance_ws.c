/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs *.cases files against the WebSocket receiver: each case whole, byte
 * by byte, and cut at random places (the seed is fixed and printed).  Every
 * piece is handed over in memory of exactly its size while that is cheap,
 * so that a sanitizer sees reads beyond it.
 *
 * conformance_ws FILE...           run; prints counts; exit code 1 if a case failed
 * conformance_ws --digest FILE...  print name, bytes and FNV-1a of each input, as cases.py does
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "conformance/cases.h"

enum { EXACT_MAX = 4096, RANDOM_ROUNDS = 10, SEED = 6455 };

struct run {
    const struct conf_case *c;
    struct mn_ws_rx rx;
    struct mn_buf pending; /* handed over, not used yet */
    size_t next;           /* event that is expected */
    bool over;             /* closed or failed */
    char why[256];         /* what went wrong; "": nothing yet */
};

static void wrong(struct run *run, const char *what)
{
    if (run->why[0] == '\0')
        (void)snprintf(run->why, sizeof(run->why), "event %zu: %s", run->next + 1, what);
}

static void check_reason(struct run *run, const struct case_event *want, const char *reason)
{
    size_t n = strlen(reason);

    /* It travels in a control frame: 125 bytes with its code. */
    if (n == 0 || n > 123 || !mn_utf8_valid(reason, n))
        wrong(run, "reason cannot be sent");
    if (want->reason[0] != '\0' && strcmp(want->reason, reason) != 0)
        wrong(run, reason);
}

static void check_event(struct run *run, enum mn_ws_event ev, const struct mn_ws_in *in)
{
    static const char *const names[] = {"more", "text", "binary", "ping", "pong", "close", "fail"};
    const struct case_event *want = &run->c->event[run->next];
    char what[200];

    if (run->next == run->c->event_count || want->ev != ev) {
        (void)snprintf(what, sizeof(what), "unexpected %s %u %s", names[ev], in->code,
                       ev == MN_WS_FAIL ? in->reason : "");
        wrong(run, what);
        return;
    }
    if ((ev == MN_WS_CLOSED || ev == MN_WS_FAIL) && in->code != want->code) {
        (void)snprintf(what, sizeof(what), "code %u", in->code);
        wrong(run, what);
    }
    if (ev == MN_WS_FAIL)
        check_reason(run, want, in->reason);
    else if (!(ev == MN_WS_CLOSED && in->code == 0) &&
             !mn_str_eq(mn_str_make(in->p, in->n), mn_buf_str(&want->data)))
        wrong(run, "other payload");
    run->next++;
}

/* Takes all events that the bytes at hand give. */
static void drain(struct run *run)
{
    size_t n = run->pending.n;
    char *exact = NULL;
    char *p = run->pending.p;
    size_t at = 0;

    if (n <= EXACT_MAX) {
        exact = mn_alloc(n != 0 ? n : 1);
        if (n != 0)
            memcpy(exact, p, n);
        p = exact;
    }
    while (!run->over && run->why[0] == '\0') {
        struct mn_ws_in in;
        size_t used;
        enum mn_ws_event ev = mn_ws_rx_next(&run->rx, p + at, n - at, &used, &in);

        if (used > n - at)
            wrong(run, "used more than there was");
        at += used;
        if (ev == MN_WS_MORE) {
            if (in.need <= n - at)
                wrong(run, "needs no more than there is");
            break;
        }
        run->over = ev == MN_WS_CLOSED || ev == MN_WS_FAIL;
        check_event(run, ev, &in);
    }
    /* What was not used comes back as it was: a copy must not have been touched for this. */
    if (exact != NULL && n != at && memcmp(exact + at, run->pending.p + at, n - at) != 0)
        wrong(run, "changed what it did not use");
    mn_buf_consume(&run->pending, at);
    mn_free(exact);
}

static void finish(struct run *run)
{
    const struct conf_case *c = run->c;
    bool waits = c->event_count != 0 && c->event[c->event_count - 1].ev == MN_WS_MORE;
    char *late;
    struct mn_ws_in in;
    size_t used;

    if (run->over) {
        late = mn_alloc(16);
        if (mn_ws_rx_next(&run->rx, late, 16, &used, &in) != MN_WS_FAIL || used != 0)
            wrong(run, "goes on after its end");
        mn_free(late);
    } else if (waits != (run->pending.n != 0)) {
        wrong(run, waits ? "nothing is waited for" : "bytes are left");
    }
    if (run->next + waits != c->event_count)
        wrong(run, "does not come");
}

/* Hands the input over in pieces of `piece` bytes, or of random size if that is 0. */
static bool run_case(const struct conf_case *c, size_t piece, struct mn_rng *rng, const char *way)
{
    struct run run = {.c = c};
    size_t at = 0;

    mn_ws_rx_init(&run.rx, c->role, c->limit);
    mn_buf_init(&run.pending, c->in.n + 1);
    while (at < c->in.n && !run.over && run.why[0] == '\0') {
        size_t left = c->in.n - at;
        size_t n = piece != 0 ? piece : 1 + mn_rng_below(rng, 1 + mn_rng_below(rng, left));

        n = n < left ? n : left;
        MN_BUG_ON(mn_buf_add(&run.pending, c->in.p + at, n) != MN_OK);
        at += n;
        drain(&run);
    }
    finish(&run);
    mn_buf_deinit(&run.pending);
    mn_ws_rx_deinit(&run.rx);
    if (run.why[0] != '\0')
        (void)printf("FAIL %s (%s): %s\n", c->name, way, run.why);
    return run.why[0] == '\0';
}

static bool run_all_ways(const struct conf_case *c, struct mn_rng *rng)
{
    bool ok = run_case(c, c->in.n != 0 ? c->in.n : 1, rng, "whole");

    ok = run_case(c, 1, rng, "byte by byte") && ok;
    for (int i = 0; i < RANDOM_ROUNDS && ok; i++)
        ok = run_case(c, 0, rng, "random cuts");
    return ok;
}

static void print_digest(const struct conf_case *c)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < c->in.n; i++)
        hash = (hash ^ (uint8_t)c->in.p[i]) * UINT64_C(0x100000001b3);
    (void)printf("%s %zu %016" PRIx64 " %zu\n", c->name, c->in.n, hash, c->event_count);
}

static void load(const char *path, struct mn_buf *out)
{
    char block[65536];
    size_t n;
    FILE *f = fopen(path, "rb");

    if (f == NULL) {
        perror(path);
        exit(2);
    }
    while ((n = fread(block, 1, sizeof(block), f)) > 0)
        MN_BUG_ON(mn_buf_add(out, block, n) != MN_OK);
    (void)fclose(f);
}

int main(int argc, char **argv)
{
    bool digest = argc > 1 && strcmp(argv[1], "--digest") == 0;
    size_t cases = 0;
    size_t failed = 0;
    struct mn_rng rng;

    mn_rng_seed(&rng, SEED);
    for (int i = digest ? 2 : 1; i < argc; i++) {
        struct mn_buf text;
        struct case_reader r;
        struct conf_case c;

        mn_buf_init(&text, 1 << 24);
        load(argv[i], &text);
        case_reader_init(&r, argv[i], mn_buf_str(&text));
        while (case_next(&r, &c)) {
            cases++;
            if (digest)
                print_digest(&c);
            else if (!run_all_ways(&c, &rng))
                failed++;
            case_deinit(&c);
        }
        mn_buf_deinit(&text);
    }
    if (!digest)
        (void)printf("%zu cases, %zu failed; each whole, byte by byte and %d times cut at random "
                     "(seed %d)\n",
                     cases, failed, RANDOM_ROUNDS, SEED);
    return cases == 0 || failed != 0;
}
