/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/store/power_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"

enum { CUTS = 320, CUTS_A_SESSION = 20 };

struct run {
    const struct power_case *c;
    void *world;
    struct mn_rng rng;
    uint64_t seed;
    char base[64];
    size_t done, wanted;
    unsigned session;
};

static size_t opened_at;

void power_opened_now(void) { opened_at = power_now(); }

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    uint64_t value = otherwise;
    const char *text = getenv(name);
    if (text && *text)
        assert_int_equal(mn_parse_u64(mn_str_c(text), 1, UINT64_MAX, &value), MN_OK);
    return value;
}

/* Opening and what surrounds a sync get more than their share. */
static size_t choose(struct mn_rng *rng, const struct power_trace *trace)
{
    size_t length = power_length(trace), any = mn_rng_below(rng, length + 1);
    switch (mn_rng_below(rng, 4)) {
    case 0:
        return mn_rng_below(rng, opened_at + 1);
    case 1: {
        size_t sync = power_next_sync(trace, any);
        return sync - mn_rng_below(rng, sync < 3 ? sync + 1 : 3);
    }
    default:
        return any;
    }
}

static int by_size(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

static void path_of(const struct run *run, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", run->base, name);
}

static void one_cut(struct run *run, const struct power_disk *disk, size_t position)
{
    char dir[128];
    path_of(run, "cut", dir);
    power_disk_write(disk, &run->rng, dir);
    if (!run->c->check(run->world, dir, position, &run->rng)) {
        print_error("power cut %zu of %s: session %u, position %zu, opened at %zu, in %s\n"
                    "again: MINIM_TEST_SEED=%llu MINIM_TEST_CUTS=%llu (threads may differ)\n",
                    run->done, run->c->name, run->session, position, opened_at, dir,
                    (unsigned long long)run->seed,
                    (unsigned long long)number_of("MINIM_TEST_CUTS", CUTS));
        fail();
    }
    power_remove(dir);
    run->done++;
}

/* Cuts of one recorded session; the last one, chosen among them, is where the next begins. */
static void cuts(struct run *run, const struct power_trace *trace, const char *disk_dir)
{
    size_t at[CUTS_A_SESSION + 1];
    struct power_disk *disk = power_disk_new(trace);
    size_t next = mn_rng_below(&run->rng, CUTS_A_SESSION);
    char next_dir[128], copy_dir[128];
    path_of(run, "next", next_dir);
    path_of(run, "copy", copy_dir);
    for (size_t i = 0; i < CUTS_A_SESSION; i++)
        at[i] = choose(&run->rng, trace);
    qsort(at, CUTS_A_SESSION, sizeof(*at), by_size);
    for (size_t i = 0; i < CUTS_A_SESSION; i++) {
        power_disk_advance(disk, at[i]);
        one_cut(run, disk, at[i]);
        if (i == next) {
            struct mn_rng same = run->rng;
            power_disk_write(disk, &run->rng, next_dir);
            power_disk_write(disk, &same, copy_dir);
        }
    }
    power_disk_free(disk);
    power_remove(disk_dir);
    assert_int_equal(rename(next_dir, disk_dir), 0);
    if (!run->c->accept(run->world, copy_dir, at[next], &run->rng))
        fail_msg("after %zu cuts of seed %llu", run->done, (unsigned long long)run->seed);
    power_remove(copy_dir);
}

static void session(struct run *run, const char *disk_dir)
{
    char what[512] = "";
    if (run->c->prepare)
        run->c->prepare(run->world, disk_dir, &run->rng);
    power_record(disk_dir);
    opened_at = 0;
    run->c->work(run->world, disk_dir, &run->rng);
    struct power_trace *trace = power_stop();
    if (!power_is_whole(trace, what, sizeof(what)))
        fail_msg("%s was changed in a way that is not recorded", what);
    cuts(run, trace, disk_dir);
    power_trace_free(trace);
}

static void chain(struct run *run)
{
    char dir[128];
    path_of(run, "disk", dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    run->world = run->c->begin();
    for (unsigned i = 0; i < run->c->sessions && run->done < run->wanted; i++, run->session++)
        session(run, dir);
    run->c->end(run->world);
    power_remove(dir);
}

void power_run(const struct power_case *c)
{
    struct run run = {.c = c, .seed = number_of("MINIM_TEST_SEED", mn_mono_ns())};
    const char *tmp = getenv("TMPDIR");
    run.wanted = (size_t)(number_of("MINIM_TEST_CUTS", CUTS) * c->percent / 100);
    print_message("[          ] seed %llu\n", (unsigned long long)run.seed);
    mn_rng_seed(&run.rng, run.seed);
    snprintf(run.base, sizeof(run.base), "%.40s/mn-power-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(run.base));
    power_set_free_syncs(true);
    while (run.done < run.wanted)
        chain(&run);
    power_set_free_syncs(false);
    power_remove(run.base);
    print_message("[          ] %zu power cuts in %u sessions\n", run.done, run.session);
}

void power_write_as_of(size_t position, const char *to)
{
    struct mn_rng rng;
    struct power_trace *trace = power_stop();
    struct power_disk *disk = power_disk_new(trace);
    mn_rng_seed(&rng, 1);
    power_disk_advance(disk, position);
    power_disk_settle(disk); /* nothing is under way: no part of it is left to chance */
    power_disk_write(disk, &rng, to);
    power_disk_free(disk);
    power_trace_free(trace);
}
