/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bench ping`: every client sends PING each interval.  PONGs carry no id,
 * but come in the order of the PINGs, so each is matched to the oldest one
 * outstanding; a round trip may be longer than the interval.  What is never
 * answered is counted with its age.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "tool/bench/bench.h"
#include "tool/kit/ring.h"
#include "tool/load/pace.h"

/* Outstanding PINGs of one client; more are skipped and counted. */
#define OUTSTANDING_MAX 4096
#define RING_FIRST 4
/* Marks one sent outside of the steady phase; times do not reach this bit. */
#define SKEW (UINT64_C(1) << 63)

/* Ring of intended times; cap is a power of two or 0. */
struct ping_conn {
    uint64_t *ring;
    uint32_t cap;
    uint32_t head;
    uint32_t tail;
};

struct ping {
    struct ping_conn *conns;
    struct load_pace pace;
};

static void ping_init(struct load_thread *th)
{
    struct ping *mode = mn_new(struct ping);
    const struct opts *opts = th->run->opts;
    mode->conns = mn_alloc_array(th->conn_count + 1, sizeof *mode->conns);
    for (uint32_t k = 0; k < th->conn_count; k++)
        th->conns[k].user = &mode->conns[k];
    load_pace_init(&mode->pace, (enum opts_model)opts->model, OPTS_PAIRS_EVEN, th->conn_count,
                   (double)opts->interval_ns, &th->rng);
    th->mode = mode;
}

static void ping_deinit(struct load_thread *th)
{
    struct ping *mode = th->mode;
    for (uint32_t k = 0; k < th->conn_count; k++)
        mn_free(mode->conns[k].ring);
    load_pace_deinit(&mode->pace);
    mn_free(mode->conns);
    mn_free(mode);
}

static bool push(struct ping_conn *pc, uint64_t value)
{
    if (pc->tail - pc->head == pc->cap) {
        if (pc->cap == OUTSTANDING_MAX)
            return false;
        pc->ring = ring_grow(pc->ring, sizeof *pc->ring, RING_FIRST, pc->head, pc->tail, &pc->cap);
    }
    pc->ring[pc->tail++ & (pc->cap - 1)] = value;
    return true;
}

static void send_ping(struct load_thread *th, struct load_conn *conn, uint64_t intended_ns)
{
    th->count.attempted++;
    if (conn->state != LOAD_CONN_READY) {
        th->count.skipped_offline++;
        return;
    }
    char *out = load_out_room(th, conn, 64);
    uint64_t skew = th->phase == LOAD_STEADY ? 0 : SKEW;
    if (!out || !push(conn->user, intended_ns | skew)) {
        th->count.failed++;
        return;
    }
    load_out_commit(th, wire_ping(out, conn->mask));
    th->count.pings++;
    th->count.sent++;
    if (!skew)
        mn_hist_add(th->hist.lag, mn_mono_ns() - intended_ns);
}

static void ping_on_phase(struct load_thread *th, uint64_t now_ns)
{
    struct ping *mode = th->mode;
    (void)now_ns; /* this thread's: late by what it took to learn of the phase */
    if (th->phase == LOAD_WARMUP)
        load_pace_start(&mode->pace, atomic_load(&th->run->phase_ns[LOAD_WARMUP]));
}

static uint64_t send_due(struct load_thread *th, uint64_t now_ns)
{
    struct ping *mode = th->mode;
    uint32_t k;
    uint64_t intended_ns;
    while (load_pace_take(&mode->pace, now_ns, &k, &intended_ns))
        send_ping(th, &th->conns[k], intended_ns);
    return load_pace_due(&mode->pace);
}

static void ping_on_frame(struct load_thread *th, struct load_conn *conn, const struct wire_in *in,
                          uint64_t now_ns)
{
    struct ping_conn *pc = conn->user;
    if (in->kind != WIRE_PONG)
        return;
    if (pc->head == pc->tail) {
        th->count.pongs_unasked++;
        return;
    }
    uint64_t value = pc->ring[pc->head++ & (pc->cap - 1)];
    uint64_t rtt_ns = now_ns - (value & ~SKEW);
    th->count.pongs++;
    mn_hist_add(th->second, rtt_ns);
    if (!(value & SKEW))
        mn_hist_add(th->hist.response, rtt_ns);
}

static void ping_on_down(struct load_thread *th, struct load_conn *conn, uint64_t now_ns)
{
    struct ping_conn *pc = conn->user;
    (void)now_ns;
    th->count.pings_cut += pc->tail - pc->head;
    pc->head = pc->tail;
}

/* What drain waits for. */
static void count_open(struct load_thread *th)
{
    struct ping *mode = th->mode;
    th->open = 0;
    for (uint32_t k = 0; k < th->conn_count; k++)
        th->open += mode->conns[k].tail - mode->conns[k].head;
}

static uint64_t ping_on_turn(struct load_thread *th, uint64_t now_ns)
{
    if (th->phase < LOAD_DRAIN)
        return send_due(th, now_ns);
    count_open(th);
    return now_ns + BENCH_DRAIN_LOOK_NS;
}

const struct load_mode bench_mode_ping = {
    .name = "ping",
    .init = ping_init,
    .deinit = ping_deinit,
    .on_phase = ping_on_phase,
    .on_down = ping_on_down,
    .on_frame = ping_on_frame,
    .on_turn = ping_on_turn,
};

static void finish_conn(struct bench *bench, const struct ping_conn *pc, uint64_t now_ns)
{
    for (uint32_t i = pc->head; i != pc->tail; i++) {
        uint64_t age_ns = now_ns - (pc->ring[i & (pc->cap - 1)] & ~SKEW);
        bench->unanswered++;
        if (age_ns > bench->oldest_ns)
            bench->oldest_ns = age_ns;
    }
}

void bench_ping_finish(struct bench *bench)
{
    uint64_t now_ns = mn_mono_ns();
    bench->unanswered = bench->total.pings_cut;
    for (unsigned t = 0; t < bench->run.thread_count; t++) {
        const struct load_thread *th = &bench->run.threads[t];
        const struct ping *mode = th->mode;
        for (uint32_t k = 0; k < th->conn_count; k++)
            finish_conn(bench, &mode->conns[k], now_ns);
    }
}
