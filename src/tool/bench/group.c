/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bench group`: some members of each group send, all others receive.  This
 * file sends; what comes is taken in group_recv.c.  Closed loop: each sender
 * keeps `inflight` messages unanswered.  Open loop: sends are due by the
 * clock, and timed from then.  Every message is in its group's ledger until
 * every member has it.
 */
#include "tool/bench/group.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "tool/bench/bench.h"
#include "tool/bench/single.h"
#include "tool/ledger/ledger_file.h"

/* Receivers behind the senders may be slow or deaf; the shares are of all members. */
static enum load_conn_kind kind_of(const struct opts *opts, uint32_t member)
{
    if (member < opts->senders)
        return LOAD_CONN_NORMAL;
    if (bench_single_is_picked(member, opts->no_read_pct))
        return LOAD_CONN_NO_READ;
    double pct = opts->no_read_pct < 100 ? opts->slow_pct * 100 / (100 - opts->no_read_pct) : 0;
    uint64_t rest = member - (uint64_t)((double)member * opts->no_read_pct / 100);
    return bench_single_is_picked(rest, pct) ? LOAD_CONN_SLOW : LOAD_CONN_NORMAL;
}

static enum ledger_member_kind watch(const struct opts *opts, const struct load_conn *conn,
                                     uint32_t member)
{
    if (!bench_single_is_picked(member, opts->sample_pct))
        return LEDGER_MEMBER_IGNORED;
    return conn->kind == LOAD_CONN_NORMAL ? LEDGER_MEMBER_WATCHED : LEDGER_MEMBER_IMPAIRED;
}

static void init_group(struct load_thread *th, struct bench_group *group, uint32_t g)
{
    const struct opts *opts = th->run->opts;
    uint32_t online = (uint32_t)opts->online;
    uint32_t first = th->conns[g * online].index;
    group->conns = &th->conns[g * online];
    group->base = first | (th->pairs ? BENCH_GROUP_SENDER_BIT : 0);
    group->id = th->run->group_ids[first / online];
    group->id_len = (uint8_t)mn_print_i64(group->id_text, group->id);
    group->members = mn_alloc_array(online, sizeof *group->members);
    ledger_group_init(&group->ledger, online, (uint32_t)opts->senders);
    for (uint32_t m = 0; m < online; m++) {
        struct load_conn *conn = &group->conns[m];
        group->members[m] = (struct bench_group_member){.group = group, .number = m};
        if (!th->pairs)
            conn->kind = (uint8_t)kind_of(opts, m);
        group->ledger.member[m].kind = watch(opts, conn, m);
    }
    ledger_group_begin(&group->ledger);
}

void bench_groups_init(struct load_thread *th)
{
    const struct opts *opts = th->run->opts;
    struct bench_groups *mode = mn_new(struct bench_groups);
    th->groups = mode;
    mode->online = (uint32_t)opts->online;
    mode->count = th->conn_count / mode->online;
    mode->group = mn_alloc_array(mode->count + 1, sizeof *mode->group);
    for (uint32_t g = 0; g < mode->count; g++)
        init_group(th, &mode->group[g], g);
    mode->open_loop = opts->rate > 0 || opts->interval_ns > 0;
    double rate = th->run->group_rate;
    double interval_ns = rate > 0 ? (double)opts->groups * (double)opts->senders * 1e9 / rate
                                  : (double)opts->interval_ns;
    uint32_t senders = mode->count * (uint32_t)opts->senders;
    load_pace_init(&mode->pace, (enum opts_model)opts->model, OPTS_PAIRS_EVEN,
                   interval_ns > 0 ? senders : 0, interval_ns, &th->rng);
}

static void group_init(struct load_thread *th)
{
    bench_groups_init(th);
    if (!th->run->opts->ledger)
        return;
    th->ledger = mn_new(struct ledger_out);
    th->ledger->fd = th->run->ledger_fd;
}

void bench_groups_deinit(struct load_thread *th)
{
    struct bench_groups *mode = th->groups;
    if (!mode)
        return;
    for (uint32_t g = 0; g < mode->count; g++) {
        ledger_group_deinit(&mode->group[g].ledger);
        mn_free(mode->group[g].members);
    }
    load_pace_deinit(&mode->pace);
    mn_free(mode->group);
    mn_free(mode);
}

static void group_deinit(struct load_thread *th)
{
    bench_groups_deinit(th);
    mn_free(th->ledger);
}

struct bench_group_member *bench_group_member_of(const struct load_thread *th,
                                                 const struct load_conn *conn)
{
    const struct bench_groups *mode = th->groups;
    uint32_t k = (uint32_t)(conn - th->conns);
    return k < mode->count * mode->online ? &mode->group[k / mode->online].members[k % mode->online]
                                          : NULL;
}

/* ---- sending ---- */

static void write_chat(struct load_thread *th, const struct bench_group *group,
                       const struct load_conn *conn, char *out, uint32_t counter)
{
    uint32_t sender = group->base + (uint32_t)(conn - group->conns);
    load_out_commit(th, wire_group_chat(out, conn->mask, &th->tpl, sender, counter,
                                        mn_str_make(group->id_text, group->id_len)));
}

/* One message; whatever stands against it is counted. */
static bool send_one(struct load_thread *th, struct bench_group_member *sender,
                     uint64_t intended_ns, uint64_t now_ns)
{
    struct bench_group *group = sender->group;
    struct load_conn *conn = &group->conns[sender->number];
    th->count.attempted++;
    if (conn->state != LOAD_CONN_READY) {
        th->count.skipped_offline++;
        return false;
    }
    if (sender->inflight >= th->run->opts->inflight) {
        th->count.skipped_inflight++;
        return false;
    }
    char *out = load_out_room(th, conn, WIRE_FRAME_MAX);
    if (!out || !ledger_has_room(&group->ledger.sender[sender->number].conv)) {
        th->count.failed++;
        return false;
    }
    uint32_t flags = th->phase == LOAD_STEADY ? 0 : LEDGER_SKEW;
    uint32_t counter = ledger_group_send(&group->ledger, sender->number, intended_ns, now_ns,
                                         flags);
    write_chat(th, group, conn, out, counter);
    th->count.sent++;
    sender->inflight++;
    return true;
}

void bench_group_top_up(struct load_thread *th, struct bench_group_member *sender, uint64_t now_ns)
{
    const struct bench_groups *mode = th->groups;
    if (mode->open_loop || !load_may_send(th) || sender->number >= th->run->opts->senders ||
        sender->group->conns[sender->number].state != LOAD_CONN_READY)
        return;
    while (sender->inflight < th->run->opts->inflight)
        if (!send_one(th, sender, now_ns, now_ns))
            break;
}

/* Sender k of the schedule: those of one turn are of different groups. */
static struct bench_group_member *sender_of(const struct bench_groups *mode, uint32_t k)
{
    return &mode->group[k % mode->count].members[k / mode->count];
}

static uint64_t send_due(struct load_thread *th, uint64_t now_ns)
{
    struct bench_groups *mode = th->groups;
    uint32_t k;
    uint64_t intended_ns;
    if (!mode->open_loop)
        return UINT64_MAX;
    while (load_pace_take(&mode->pace, now_ns, &k, &intended_ns)) {
        uint64_t sent_ns = mn_mono_ns();
        if (send_one(th, sender_of(mode, k), intended_ns, sent_ns) && th->phase == LOAD_STEADY)
            mn_hist_add(th->hist.lag, sent_ns - intended_ns);
    }
    return load_pace_due(&mode->pace);
}

/* What drain waits for; members that do not read can only catch up in RECOVER. */
static void count_open(struct load_thread *th)
{
    const struct bench_groups *mode = th->groups;
    for (uint32_t g = 0; g < mode->count; g++)
        th->open += ledger_group_pending(&mode->group[g].ledger);
}

uint64_t bench_groups_on_turn(struct load_thread *th, uint64_t now_ns)
{
    struct bench_groups *mode = th->groups;
    if (load_may_send(th))
        return send_due(th, now_ns);
    if (th->phase < LOAD_DRAIN)
        return UINT64_MAX;
    for (uint32_t g = 0; g < mode->count; g++)
        bench_group_acknowledge(th, &mode->group[g], UINT64_MAX, now_ns);
    count_open(th);
    return now_ns + BENCH_DRAIN_LOOK_NS;
}

/* ---- phases and connections ---- */

/* Everybody must become complete: slow readers read, the others come back. */
static void recover(struct load_thread *th, uint64_t now_ns)
{
    for (uint32_t k = 0; k < th->conn_count; k++) {
        struct load_conn *conn = &th->conns[k];
        if (conn->kind == LOAD_CONN_SLOW)
            load_conn_cure(th, conn, now_ns);
        if (conn->kind == LOAD_CONN_NO_READ || conn->state != LOAD_CONN_READY)
            load_conn_revive(th, conn, now_ns);
    }
}

static void top_up_all(struct load_thread *th, uint64_t now_ns)
{
    const struct bench_groups *mode = th->groups;
    uint32_t senders = mode->count * (uint32_t)th->run->opts->senders;
    for (uint32_t k = 0; k < senders; k++)
        bench_group_top_up(th, sender_of(mode, k), now_ns);
}

void bench_groups_on_phase(struct load_thread *th, uint64_t now_ns)
{
    struct bench_groups *mode = th->groups;
    if (th->phase == LOAD_WARMUP) {
        load_pace_start(&mode->pace, atomic_load(&th->run->phase_ns[LOAD_WARMUP]));
        top_up_all(th, now_ns);
    }
    if (th->phase == LOAD_DRAIN || th->phase == LOAD_RECOVER)
        count_open(th);
}

static void group_on_phase(struct load_thread *th, uint64_t now_ns)
{
    if (th->phase == LOAD_RECOVER)
        recover(th, now_ns);
    th->open = 0;
    bench_groups_on_phase(th, now_ns);
}

static uint64_t group_on_turn(struct load_thread *th, uint64_t now_ns)
{
    th->open = 0;
    return bench_groups_on_turn(th, now_ns);
}

/* As a client does: what was not answered goes out again under its id. */
static void retry_unknown(struct load_thread *th, struct bench_group_member *sender)
{
    struct bench_group *group = sender->group;
    struct ledger_conv *conv = &group->ledger.sender[sender->number].conv;
    struct load_conn *conn = &group->conns[sender->number];
    uint32_t counter = 0;
    while (ledger_next_unknown(conv, &counter)) {
        char *out = load_out_room(th, conn, WIRE_FRAME_MAX);
        if (!out)
            return;
        ledger_retry(conv, counter);
        write_chat(th, group, conn, out, counter);
        th->count.retried++;
        sender->inflight++;
        counter++;
    }
}

void bench_groups_on_ready(struct load_thread *th, struct load_conn *conn, uint64_t now_ns)
{
    struct bench_group_member *member = bench_group_member_of(th, conn);
    if (!member || member->number >= th->run->opts->senders)
        return;
    retry_unknown(th, member);
    bench_group_top_up(th, member, now_ns);
}

static void give_up(struct load_thread *th, struct bench_group_member *sender, uint64_t before_ns)
{
    struct ledger_conv *conv = &sender->group->ledger.sender[sender->number].conv;
    uint32_t n = ledger_expire(conv, before_ns);
    th->count.timed_out += n;
    sender->inflight -= n;
}

void bench_groups_on_down(struct load_thread *th, struct load_conn *conn)
{
    struct bench_group_member *member = bench_group_member_of(th, conn);
    if (!member)
        return;
    if (member->number < th->run->opts->senders)
        give_up(th, member, UINT64_MAX);
    member->ack_seq = 0;
    ledger_acks_cut(&member->group->ledger.member[member->number].acks);
}

static void group_on_down(struct load_thread *th, struct load_conn *conn, uint64_t now_ns)
{
    (void)now_ns;
    bench_groups_on_down(th, conn);
}

void bench_groups_on_second(struct load_thread *th, uint64_t now_ns)
{
    struct bench_groups *mode = th->groups;
    uint32_t senders = (uint32_t)th->run->opts->senders;
    for (uint32_t g = 0; g < mode->count; g++) {
        struct bench_group *group = &mode->group[g];
        for (uint32_t s = 0; s < senders; s++)
            give_up(th, &group->members[s], now_ns - th->run->opts->timeout_ns);
        bench_group_acknowledge(th, group, now_ns - th->run->opts->ack_every_ns, now_ns);
    }
    top_up_all(th, now_ns);
}

static void group_on_second(struct load_thread *th, uint64_t now_ns)
{
    bench_groups_on_second(th, now_ns);
    if (th->ledger) /* so that a run which is cut off leaves what it knew */
        ledger_out_flush(th->ledger);
}

const struct load_mode bench_mode_group = {.name = "group",
                                           .init = group_init,
                                           .deinit = group_deinit,
                                           .on_phase = group_on_phase,
                                           .on_ready = bench_groups_on_ready,
                                           .on_down = group_on_down,
                                           .on_frame = bench_group_on_frame,
                                           .on_turn = group_on_turn,
                                           .on_second = group_on_second};
