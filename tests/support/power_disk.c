/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that lives through a trace, see power.h.  For each file and folder:
 * what is surely on it, and which events are under way.  A power cut keeps
 * an arbitrary part of those:
 *
 *   nothing      as if every write waited for its sync
 *   everything   as after SIGKILL
 *   a beginning  in order, the last write torn between two sectors
 *   any subset   of sectors and lengths, each for itself; of names see survive()
 *
 * A rename is whole or not at all, which every file system promises.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "support/power.h"
#include "support/power_trace.h"

enum { SECTOR = 512 };
enum fate { LOSE = 0, KEEP, BEGINNING, SUBSET, FATE_COUNT };

struct file {
    char *data; /* surely on the disk */
    size_t len;
    size_t *pending; /* positions of events */
    size_t count, cap;
};

struct power_disk {
    const struct power_trace *trace;
    size_t position;
    struct file *files;        /* one a node; of a folder only `pending` is used */
    struct power_entry *names; /* surely on the disk */
    int name_count, name_cap;
};

static void *grown(void *p, size_t count, size_t size)
{
    void *q = mn_try_realloc_array(p, count, size);
    MN_BUG_ON(!q);
    return q;
}

/* ---- what events do ---- */

static void set_length(struct file *f, size_t len)
{
    if (len > f->len) {
        f->data = grown(f->data, len, 1);
        memset(f->data + f->len, 0, len - f->len);
    }
    f->len = len;
}

static void put_bytes(struct file *f, const struct power_event *e, size_t from, size_t to)
{
    if (from >= to)
        return;
    if (e->off + to > f->len)
        set_length(f, e->off + to);
    memcpy(f->data + e->off + from, e->data + from, to - from);
}

static void apply(struct file *f, const struct power_event *e)
{
    if (e->kind == POWER_WRITE)
        put_bytes(f, e, 0, e->len);
    else if (e->kind == POWER_TRUNCATE || (e->kind == POWER_EXTEND && e->off > f->len))
        set_length(f, e->off);
}

struct names {
    struct power_entry *p;
    int count, cap;
};

static int find_name(const struct names *n, int dir, const char *name)
{
    for (int i = 0; i < n->count; i++)
        if (n->p[i].dir == dir && strcmp(n->p[i].name, name) == 0)
            return i;
    return -1;
}

static void drop_name(struct names *n, int dir, const char *name)
{
    int i = find_name(n, dir, name);
    if (i >= 0)
        n->p[i] = n->p[--n->count];
}

static void add_name(struct names *n, int dir, const char *name, int node)
{
    drop_name(n, dir, name);
    if (n->count == n->cap) {
        n->cap = 2 * n->cap + 64;
        n->p = grown(n->p, (size_t)n->cap, sizeof(*n->p));
    }
    n->p[n->count].dir = dir;
    n->p[n->count].node = node;
    snprintf(n->p[n->count++].name, POWER_NAME, "%s", name);
}

static void apply_name(struct names *n, const struct power_event *e)
{
    int i = find_name(n, e->dir, e->name);
    if (e->kind == POWER_NAME_ADD) {
        add_name(n, e->dir, e->name, e->node);
    } else if (i >= 0) { /* it may be that its making was lost */
        int node = n->p[i].node;
        drop_name(n, e->dir, e->name);
        if (e->kind == POWER_NAME_MOVE)
            add_name(n, e->dir, e->name2, node);
    }
}

/* ---- living through a trace ---- */

struct power_disk *power_disk_new(const struct power_trace *trace)
{
    struct power_disk *d = mn_new(struct power_disk);
    d->trace = trace;
    d->files = mn_alloc_array((size_t)trace->node_count, sizeof(*d->files));
    for (int i = 0; i < trace->node_count; i++) {
        const struct power_node *node = &trace->nodes[i];
        d->files[i].data = mn_alloc(node->len + 1);
        d->files[i].len = node->len;
        if (node->len > 0)
            memcpy(d->files[i].data, node->data, node->len);
    }
    d->name_count = d->name_cap = trace->start_count;
    d->names = mn_alloc_array((size_t)d->name_cap + 1, sizeof(*d->names));
    memcpy(d->names, trace->start, (size_t)trace->start_count * sizeof(*d->names));
    return d;
}

void power_disk_free(struct power_disk *d)
{
    if (!d)
        return;
    for (int i = 0; i < d->trace->node_count; i++) {
        mn_free(d->files[i].data);
        mn_free(d->files[i].pending);
    }
    mn_free(d->files);
    mn_free(d->names);
    mn_free(d);
}

static bool is_name(const struct power_event *e) { return e->kind <= POWER_NAME_DROP; }

static void add_pending(struct file *f, size_t position)
{
    if (f->count == f->cap) {
        f->cap = 2 * f->cap + 16;
        f->pending = grown(f->pending, f->cap, sizeof(*f->pending));
    }
    f->pending[f->count++] = position;
}

/* What began before `begin` is on the disk now. */
static void settle(struct power_disk *d, int node, size_t begin)
{
    struct file *f = &d->files[node];
    struct names names = {d->names, d->name_count, d->name_cap};
    size_t done = 0;
    for (; done < f->count && f->pending[done] < begin; done++) {
        const struct power_event *e = &d->trace->events[f->pending[done]];
        if (is_name(e))
            apply_name(&names, e);
        else
            apply(f, e);
    }
    if (done > 0 && done < f->count)
        memmove(f->pending, f->pending + done, (f->count - done) * sizeof(*f->pending));
    f->count -= done;
    d->names = names.p;
    d->name_count = names.count;
    d->name_cap = names.cap;
}

void power_disk_advance(struct power_disk *d, size_t position)
{
    for (; d->position < position && d->position < d->trace->count; d->position++) {
        const struct power_event *e = &d->trace->events[d->position];
        if (e->kind == POWER_SYNC)
            settle(d, e->node, e->begin);
        else
            add_pending(&d->files[is_name(e) ? e->dir : e->node], d->position);
    }
}

void power_disk_settle(struct power_disk *d)
{
    for (int i = 0; i < d->trace->node_count; i++)
        settle(d, i, d->position);
}

/* ---- a power cut ---- */

/*
 * RocksDB can take a manifest that ends early, and not one of whose last
 * entry a first sector is missing and a second there.  Entries are short: a
 * drive would have to turn the order within one page around.  It refuses to
 * open then, and loses nothing (docs/decisions/0012).
 */
static bool is_kept_in_order(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && strncmp(slash + 1, "MANIFEST", 8) == 0;
}

static enum fate fate_of(struct mn_rng *rng, enum fate all)
{
    return all < FATE_COUNT ? all : (enum fate)mn_rng_below(rng, FATE_COUNT);
}

/* A write of which each sector is kept or lost; `percent` of them are kept. */
static void keep_sectors(struct file *f, const struct power_event *e, struct mn_rng *rng,
                         unsigned percent)
{
    for (size_t at = 0; at < e->len;) {
        size_t end = at + SECTOR - (size_t)((e->off + at) % SECTOR);
        if (end > e->len)
            end = e->len;
        if (mn_rng_below(rng, 100) < percent)
            put_bytes(f, e, at, end);
        at = end;
    }
}

static void keep_beginning(struct file *f, const struct power_event *e, struct mn_rng *rng)
{
    if (e->kind != POWER_WRITE)
        return;
    size_t end = e->off + mn_rng_below(rng, e->len + 1);
    end -= end % SECTOR;
    if (end > e->off)
        put_bytes(f, e, 0, end - e->off);
}

static void keep_subset(struct file *copy, const struct power_disk *d, const struct file *f,
                        struct mn_rng *rng)
{
    static const unsigned percents[] = {10, 50, 90, 99};
    unsigned percent = percents[mn_rng_below(rng, MN_ARRAY_LEN(percents))];
    size_t length_as_of = mn_rng_below(rng, f->count + 1), length = f->len;
    struct file whole = {.len = f->len}; /* for its length only */
    for (size_t i = 0; i < f->count; i++) {
        const struct power_event *e = &d->trace->events[f->pending[i]];
        if (e->kind == POWER_WRITE)
            keep_sectors(copy, e, rng, percent);
        else if (mn_rng_below(rng, 100) < percent)
            apply(copy, e);
        size_t end = e->off + e->len;
        if (e->kind == POWER_TRUNCATE || end > whole.len)
            whole.len = end;
        if (i + 1 == length_as_of)
            length = whole.len;
    }
    set_length(copy, length);
}

static void write_file(const struct power_disk *d, int node, struct mn_rng *rng, enum fate all,
                       const char *path)
{
    const struct file *f = &d->files[node];
    struct file copy = {.data = mn_alloc(f->len + 1), .len = f->len};
    enum fate fate = fate_of(rng, all);
    if (fate == SUBSET && is_kept_in_order(path))
        fate = BEGINNING;
    size_t count = fate == KEEP        ? f->count
                   : fate == BEGINNING ? mn_rng_below(rng, f->count + 1)
                                       : 0;
    if (f->len > 0)
        memcpy(copy.data, f->data, f->len);
    for (size_t i = 0; i < count; i++)
        apply(&copy, &d->trace->events[f->pending[i]]);
    if (fate == BEGINNING && count < f->count)
        keep_beginning(&copy, &d->trace->events[f->pending[count]], rng);
    if (fate == SUBSET)
        keep_subset(&copy, d, f, rng);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    MN_BUG_ON(fd < 0 || write(fd, copy.data, copy.len) != (ssize_t)copy.len);
    close(fd);
    mn_free(copy.data);
}

/*
 * Names of folder `dir` as they survive.  New names and renames in order, as
 * file systems with a journal keep them: RocksDB counts on it when it makes
 * a manifest, renames CURRENT to name it, and syncs the folder then.
 * Removals each for itself.
 */
static void survive(const struct power_disk *d, int dir, struct mn_rng *rng, enum fate all,
                    struct names *names)
{
    const struct file *f = &d->files[dir];
    enum fate fate = fate_of(rng, all);
    size_t count = fate == LOSE ? 0 : fate == KEEP ? f->count : mn_rng_below(rng, f->count + 1);
    for (size_t i = 0; i < f->count; i++) {
        const struct power_event *e = &d->trace->events[f->pending[i]];
        bool in_order = fate != SUBSET || e->kind != POWER_NAME_DROP;
        if (in_order ? i < count : mn_rng_below(rng, 2) == 0)
            apply_name(names, e);
    }
}

static void write_dir(const struct power_disk *d, int dir, struct mn_rng *rng, enum fate all,
                      const char *path)
{
    struct names names = {0};
    for (int i = 0; i < d->name_count; i++)
        if (d->names[i].dir == dir)
            add_name(&names, dir, d->names[i].name, d->names[i].node);
    survive(d, dir, rng, all, &names);
    MN_BUG_ON(mkdir(path, 0700) != 0);
    for (int i = 0; i < names.count; i++) {
        char name[512];
        snprintf(name, sizeof(name), "%.250s/%s", path, names.p[i].name);
        if (d->trace->nodes[names.p[i].node].is_dir)
            write_dir(d, names.p[i].node, rng, all, name);
        else
            write_file(d, names.p[i].node, rng, all, name);
    }
    mn_free(names.p);
}

void power_disk_write(const struct power_disk *d, struct mn_rng *rng, const char *dir)
{
    /* Often all files fare alike: pure losses and pure gains are cases of their own. */
    enum fate all = (enum fate)mn_rng_below(rng, 2 * FATE_COUNT);
    write_dir(d, POWER_ROOT_NODE, rng, all, dir);
}

/* ---- the recorder's own check ---- */

static bool is_same(const struct file *f, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool same = fd >= 0 && fstat(fd, &st) == 0 && (size_t)st.st_size == f->len;
    char *p = mn_alloc(f->len + 1);
    same = same && pread(fd, p, f->len, 0) == (ssize_t)f->len &&
           (f->len == 0 || memcmp(p, f->data, f->len) == 0);
    mn_free(p);
    if (fd >= 0)
        close(fd);
    return same;
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    return n >= m && strcmp(name + n - m, suffix) == 0;
}

static bool dir_is_same(const struct power_disk *d, int dir, const char *path, char *ret_what,
                        size_t cap)
{
    for (int i = 0; i < d->name_count; i++) {
        char name[512];
        int node = d->names[i].node;
        /* Memory that two processes share by a file's name, and made anew after a cut. */
        if (d->names[i].dir != dir || has_suffix(d->names[i].name, "-shm"))
            continue;
        snprintf(name, sizeof(name), "%.250s/%s", path, d->names[i].name);
        if (d->trace->nodes[node].is_dir) {
            if (!dir_is_same(d, node, name, ret_what, cap))
                return false;
        } else if (!is_same(&d->files[node], name)) {
            snprintf(ret_what, cap, "%s", name);
            return false;
        }
    }
    return true;
}

bool power_is_whole(const struct power_trace *trace, char *ret_what, size_t cap)
{
    struct power_disk *d = power_disk_new(trace);
    power_disk_advance(d, trace->count);
    power_disk_settle(d);
    bool same = dir_is_same(d, POWER_ROOT_NODE, trace->root, ret_what, cap);
    power_disk_free(d);
    return same;
}
