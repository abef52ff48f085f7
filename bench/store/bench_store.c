/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_store: what an append to the message log costs, on an empty store
 * and as it grows.
 *
 *   bench_store DIR [--chats=100000] [--rows=1000000,10000000] [--batches=1,10,100,1000]
 *               [--body=100] [--groups] [--members=10] [--sample=N]
 *               [--nosync] [--reuse]
 *
 * With --groups the chats are groups of so many members, a hundred of whom
 * (or all) write, and one of whom each message mentions; nobody reads.
 *
 * DIR must not exist (with --reuse it must, from a run with as many chats);
 * it is created, and left behind.  For the empty store
 * and at each number of rows, every batch size is measured: exactly that
 * many appends are submitted, waited for, and so on.  CPU is that of the
 * whole process (writer, flushes and compactions, and this driver), by
 * getrusage.
 *
 * A machine that others use too is sometimes twice as slow, in CPU time as
 * well: caches and hyperthreads are shared.  So a yardstick is measured along
 * with everything: dependent reads at random places in 64 MiB, in ns each,
 * every 50 ms.  "norm us" is the CPU at the yardstick's value of the first
 * line; compare that.  Between the points the store is filled with batches of 1,000;
 * a line for every million tells what those cost.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hist.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rand.h"
#include "store/log/msglog.h"

enum {
    LIST_MAX = 8,
    BODY_MAX = 4096,
    FILL_BATCH = 1000,
    FILL_LINE = 1000000,
    WRITERS = 100,        /* of a group */
    JOINS = 1000,         /* at once */
    YARD_WORDS = 1 << 24, /* 64 MiB */
    YARD_READS = 5000,
    YARD_EVERY_MS = 50
};

struct bench {
    struct mn_msglog *log;
    struct mn_idgen ids;
    struct mn_rng rng;
    struct mn_hist *commit_us;
    uint64_t chats, rows, body, client, members, sample;
    uint64_t stages[LIST_MAX], batches[LIST_MAX];
    unsigned stage_count, batch_count;
    bool sync, reuse, groups;
    char text[BODY_MAX + 64];
    uint32_t *yard; /* one cycle through all of its words */
    uint32_t yard_at;
    uint64_t yard_next_ms, yard_ns, yard_reads; /* CPU time and reads, of this line */
    double yard_first;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t waiting;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_store: %s\n", what);
    exit(2);
}

static void on_commit(void *ctx, struct mn_op **ops, size_t count)
{
    struct bench *b = ctx;
    for (size_t i = 0; i < count; i++) {
        if (ops[i]->result != MN_OK || ops[i]->duplicate)
            die("an append was refused");
        mn_op_unref(ops[i]);
    }
    pthread_mutex_lock(&b->lock);
    b->waiting -= count;
    if (b->waiting == 0)
        pthread_cond_signal(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

static int64_t member_of(uint64_t i) { return (int64_t)(10000 + i); }

static void address(struct bench *b, struct mn_op *op, uint64_t chat)
{
    bool from_low = mn_rng_next(&b->rng) & 1;
    int64_t low = (int64_t)(10000 + 2 * chat);
    if (!b->groups) {
        mn_op_set_pair(op, low + (from_low ? 0 : 1), low + (from_low ? 1 : 0));
        return;
    }
    op->key = mn_chat_group((int64_t)(1 + chat));
    op->from = member_of(mn_rng_below(&b->rng, b->members < WRITERS ? b->members : WRITERS));
}

static struct mn_op *make_op(struct bench *b)
{
    char client_id[40], mentioned[MN_UID_BYTES];
    uint64_t chat = mn_rng_below(&b->rng, b->chats);
    int n = snprintf(client_id, sizeof(client_id), "m-%08" PRIx64 "-%016" PRIx64, ++b->client,
                     mn_rng_next(&b->rng));
    struct mn_str body = mn_str_make(b->text + mn_rng_below(&b->rng, 64), (size_t)b->body);
    mn_uids_set(mentioned, 0, member_of(mn_rng_below(&b->rng, b->members)));
    struct mn_op *op = mn_op_new_append(mn_str_make(client_id, (size_t)n), MN_STR("TEXT"), body,
                                        mn_str_make(mentioned, b->groups ? MN_UID_BYTES : 0));
    if (!op)
        die("no memory");
    address(b, op, chat);
    op->id = mn_idgen_next(&b->ids);
    op->unix_ms = mn_id_unix_ms(op->id);
    return op;
}

/* Submits a chain of so many and waits for it. */
static void commit(struct bench *b, struct mn_op *first, uint64_t count)
{
    b->waiting = count;
    mn_msglog_submit(b->log, first);
    pthread_mutex_lock(&b->lock);
    while (b->waiting > 0)
        pthread_cond_wait(&b->changed, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

static struct mn_op **add_to(struct bench *b, struct mn_op **tail, struct mn_op *op)
{
    if (!mn_msglog_reserve(b->log, op->bytes))
        die("the queue is full");
    *tail = op;
    return &op->next;
}

static void append_batch(struct bench *b, uint64_t count)
{
    struct mn_op *first = NULL;
    struct mn_op **tail = &first;
    for (uint64_t i = 0; i < count; i++)
        tail = add_to(b, tail, make_op(b));
    uint64_t begin_ns = mn_mono_ns();
    commit(b, first, count);
    mn_hist_add(b->commit_us, (mn_mono_ns() - begin_ns) / 1000);
    b->rows += count;
}

static struct mn_op *join_op(uint64_t chat, uint64_t member)
{
    struct mn_op *op = mn_op_new(MN_OP_JOIN, MN_STR_NONE, MN_STR_NONE, MN_STR_NONE);
    if (!op)
        die("no memory");
    op->key = mn_chat_group((int64_t)(1 + chat));
    op->from = member_of(member);
    op->unix_ms = (int64_t)mn_unix_ms();
    return op;
}

static void join_all(struct bench *b)
{
    uint64_t all = b->chats * b->members;
    for (uint64_t i = 0; i < all;) {
        struct mn_op *first = NULL;
        struct mn_op **tail = &first;
        uint64_t count = all - i < JOINS ? all - i : JOINS;
        for (uint64_t end = i + count; i < end; i++)
            tail = add_to(b, tail, join_op(i / b->members, i % b->members));
        commit(b, first, count);
    }
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* A random cycle (Sattolo), so that every read depends on the one before. */
static void make_yard(struct bench *b)
{
    b->yard = mn_alloc_array(YARD_WORDS, sizeof(*b->yard));
    for (uint32_t i = 0; i < YARD_WORDS; i++)
        b->yard[i] = i;
    for (uint32_t i = YARD_WORDS - 1; i > 0; i--) {
        uint32_t j = (uint32_t)mn_rng_below(&b->rng, i);
        uint32_t word = b->yard[i];
        b->yard[i] = b->yard[j];
        b->yard[j] = word;
    }
}

static uint64_t thread_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void measure_yard(struct bench *b)
{
    uint64_t now_ms = mn_mono_ms();
    if (now_ms < b->yard_next_ms)
        return;
    uint64_t begin_ns = thread_cpu_ns();
    for (unsigned i = 0; i < YARD_READS; i++)
        b->yard_at = b->yard[b->yard_at];
    b->yard_ns += thread_cpu_ns() - begin_ns;
    b->yard_reads += YARD_READS;
    b->yard_next_ms = now_ms + YARD_EVERY_MS;
}

static unsigned long rss_mib(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*u %lu", &pages) != 1)
        die("/proc/self/statm");
    fclose(f);
    return pages * (unsigned long)sysconf(_SC_PAGESIZE) >> 20;
}

/* Appends `rows` in batches of `batch` and prints a line about them. */
static void measure(struct bench *b, const char *what, uint64_t batch, uint64_t rows)
{
    mn_hist_reset(b->commit_us);
    b->yard_ns = b->yard_reads = b->yard_next_ms = 0;
    uint64_t before = b->rows;
    double cpu = cpu_seconds();
    uint64_t begin_ns = mn_mono_ns();
    while (b->rows - before < rows) {
        append_batch(b, batch);
        measure_yard(b);
    }
    double yard_s = (double)b->yard_ns / 1e9;
    double yard = (double)b->yard_ns / (double)b->yard_reads;
    double seconds = (double)(mn_mono_ns() - begin_ns) / 1e9 - yard_s;
    cpu = cpu_seconds() - cpu - yard_s;
    double done = (double)(b->rows - before);
    if (b->yard_first == 0)
        b->yard_first = yard;
    printf("%-8s %10" PRIu64 " %6" PRIu64 " %10.0f %8.2f %8.0f %8.2f %8" PRIu64 " %8" PRIu64
           " %6lu\n",
           what, before, batch, done / seconds, cpu * 1e6 / done, yard,
           cpu * 1e6 / done * b->yard_first / yard, mn_hist_percentile(b->commit_us, 50),
           mn_hist_percentile(b->commit_us, 99), rss_mib());
    fflush(stdout);
}

/* Enough appends for a stable number, few enough to wait for. */
static uint64_t rows_for(const struct bench *b, uint64_t batch)
{
    if (b->sample)
        return b->sample;
    return batch >= 100 ? 300000 : batch >= 10 ? 100000 : 10000;
}

static void measure_all(struct bench *b, const char *what)
{
    for (unsigned i = 0; i < b->batch_count; i++)
        measure(b, what, b->batches[i], rows_for(b, b->batches[i]));
}

static void run(struct bench *b)
{
    printf("%-8s %10s %6s %10s %8s %8s %8s %8s %8s %6s\n", "", "rows", "batch", "appends/s",
           "CPU us", "yard ns", "norm us", "p50 us", "p99 us", "MiB");
    measure_all(b, b->reuse ? "reused" : "empty");
    for (unsigned i = 0; i < b->stage_count; i++) {
        while (b->rows < b->stages[i]) {
            uint64_t rest = b->stages[i] - b->rows;
            measure(b, "fill", FILL_BATCH, rest < FILL_LINE ? rest : FILL_LINE);
        }
        measure_all(b, "grown");
    }
}

static unsigned parse_list(const char *z, uint64_t *ret)
{
    unsigned count = 0;
    while (*z) {
        const char *comma = strchrnul(z, ',');
        if (count == LIST_MAX ||
            mn_parse_u64(mn_str_make(z, (size_t)(comma - z)), 1, 1000000000, &ret[count++]))
            die("bad list of numbers");
        z = *comma ? comma + 1 : comma;
    }
    return count;
}

static void parse(struct bench *b, const char *arg)
{
    const char *value = strchr(arg, '=');
    value = value ? value + 1 : "";
    if (strcmp(arg, "--nosync") == 0)
        b->sync = false;
    else if (strcmp(arg, "--reuse") == 0)
        b->reuse = true;
    else if (strcmp(arg, "--groups") == 0)
        b->groups = true;
    else if (strncmp(arg, "--members=", 10) == 0 &&
             mn_parse_u64(mn_str_c(value), 1, 1000000, &b->members) == MN_OK)
        return;
    else if (strncmp(arg, "--sample=", 9) == 0 &&
             mn_parse_u64(mn_str_c(value), 1, 1000000000, &b->sample) == MN_OK)
        return;
    else if (strncmp(arg, "--rows=", 7) == 0)
        b->stage_count = parse_list(value, b->stages);
    else if (strncmp(arg, "--batches=", 10) == 0)
        b->batch_count = parse_list(value, b->batches);
    else if (strncmp(arg, "--chats=", 8) == 0 &&
             mn_parse_u64(mn_str_c(value), 1, 1000000000, &b->chats) == MN_OK)
        return;
    else if (strncmp(arg, "--body=", 7) == 0 &&
             mn_parse_u64(mn_str_c(value), 1, BODY_MAX, &b->body) == MN_OK)
        return;
    else
        die("usage: bench_store DIR [--chats=N] [--rows=N,...] [--batches=N,...] [--body=N] "
            "[--groups] [--members=N] [--sample=N] [--nosync] [--reuse]");
}

static void make_text(struct bench *b)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz     0123456789";
    for (size_t i = 0; i < sizeof(b->text); i++)
        b->text[i] = letters[mn_rng_below(&b->rng, sizeof(letters) - 1)];
}

int main(int argc, char **argv)
{
    static struct bench b = {.chats = 100000,
                             .body = 100,
                             .members = 10,
                             .sync = true,
                             .stages = {1000000, 10000000},
                             .stage_count = 2,
                             .batches = {1, 10, 100, 1000},
                             .batch_count = 4,
                             .lock = PTHREAD_MUTEX_INITIALIZER,
                             .changed = PTHREAD_COND_INITIALIZER};
    static struct mn_msglog_config config = {.queue_ops = 65536,
                                             .queue_bytes = 64 << 20,
                                             .batch_ops = 2048,
                                             .cursor_flush_ms = 1000,
                                             .cache_bytes = 256 << 20,
                                             .memtable_bytes = 64 << 20,
                                             .chat_cache = 131072,
                                             .recent_cache = 262144,
                                             .idgen = &b.ids,
                                             .on_commit = on_commit,
                                             .ctx = &b};
    struct mn_buf why;
    if (argc < 2)
        parse(&b, "");
    for (int i = 2; i < argc; i++)
        parse(&b, argv[i]);
    if ((access(argv[1], F_OK) == 0) != b.reuse)
        die(b.reuse ? "there is no such directory" : "the directory exists already");
    snprintf(config.dir, sizeof(config.dir), "%s", argv[1]);
    config.sync = b.sync;
    mn_idgen_init(&b.ids, 1, 1);
    mn_rng_seed(&b.rng, b.reuse ? mn_mono_ns() : 42);
    make_text(&b);
    make_yard(&b);
    b.commit_us = mn_hist_new();
    struct mn_metrics *metrics = mn_metrics_new();
    mn_buf_init(&why, 4096);
    if (mn_msglog_open(&config, metrics, &b.log, &why)) {
        fprintf(stderr, "bench_store: %.*s\n", (int)why.n, why.p);
        return 1;
    }
    mn_idgen_raise(&b.ids, mn_msglog_max_id(b.log));
    if (b.groups && !b.reuse)
        join_all(&b);
    run(&b);
    mn_msglog_close(b.log);
    mn_metrics_free(metrics);
    mn_hist_free(b.commit_us);
    mn_free(b.yard);
    mn_buf_deinit(&why);
    return 0;
}
