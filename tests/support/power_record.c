/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder of power.h: names, descriptors, and the trace that grows. */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "support/power.h"
#include "support/power_trace.h"

enum { MAX_FDS = 4096, MAX_NAMES = 512 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct power_trace *trace; /* NULL: nothing is recorded */
static struct power_entry names[MAX_NAMES];
static int name_count;
static _Atomic int fds[MAX_FDS]; /* node + 1 */
static _Atomic bool recording, free_syncs, full;

/* Tests have no limit that matters here; running out ends the process. */
static void *grown(void *p, size_t count, size_t size)
{
    void *q = mn_try_realloc_array(p, count, size);
    MN_BUG_ON(!q);
    return q;
}

void power_set_free_syncs(bool on) { atomic_store(&free_syncs, on); }
bool power_syncs_are_free(void) { return atomic_load(&free_syncs) || atomic_load(&recording); }
void power_set_full(bool on) { atomic_store(&full, on); }
bool power_is_full(void) { return atomic_load(&full); }
void power_lock(void) { pthread_mutex_lock(&lock); }
void power_unlock(void) { pthread_mutex_unlock(&lock); }
size_t power_position(void) { return trace ? trace->count : 0; }

size_t power_now(void)
{
    power_lock();
    size_t now = power_position();
    power_unlock();
    return now;
}

int power_node_of(int fd)
{
    if (fd < 0 || fd >= MAX_FDS || !atomic_load_explicit(&recording, memory_order_relaxed))
        return -1;
    return atomic_load(&fds[fd]) - 1;
}

/* ---- names ---- */

static int find_entry(int dir, const char *name)
{
    for (int i = 0; i < name_count; i++)
        if (names[i].dir == dir && strcmp(names[i].name, name) == 0)
            return i;
    return -1;
}

int power_find(int dir, const char *name)
{
    int i = find_entry(dir, name);
    return i < 0 ? -1 : names[i].node;
}

static void drop_entry(int dir, const char *name)
{
    int i = find_entry(dir, name);
    if (i >= 0)
        names[i] = names[--name_count];
}

static void add_entry(int dir, const char *name, int node)
{
    drop_entry(dir, name);
    MN_BUG_ON(name_count == MAX_NAMES || strlen(name) >= POWER_NAME);
    names[name_count].dir = dir;
    names[name_count].node = node;
    snprintf(names[name_count++].name, POWER_NAME, "%s", name);
}

bool power_find_dir(const char *path, int *ret_dir, const char **ret_name)
{
    /* First: while nothing is recorded `trace` is not for other threads to look at. */
    if (!atomic_load(&recording))
        return false;
    size_t n = strlen(trace->root);
    if (strncmp(path, trace->root, n) != 0 || (path[n] != '/' && path[n] != '\0'))
        return false;
    const char *name = path + n; /* the root itself has the name "" */
    int dir = POWER_ROOT_NODE;
    while (*name == '/')
        name++;
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(name, '/')) {
        char part[POWER_NAME];
        if (slash[1] == '\0' || slash[1] == '/') /* "folder//" */
            break;
        snprintf(part, sizeof(part), "%.*s", (int)(slash - name), name);
        dir = power_find(dir, part);
        if (dir < 0)
            return false;
        name = slash + 1;
    }
    *ret_dir = dir;
    *ret_name = name;
    return true;
}

/* ---- events ---- */

static struct power_event *event_new(enum power_kind kind, int node)
{
    if (trace->count == trace->cap) {
        trace->cap = 2 * trace->cap + 256;
        trace->events = grown(trace->events, trace->cap, sizeof(*trace->events));
    }
    struct power_event *e = &trace->events[trace->count++];
    *e = (struct power_event){.kind = kind, .node = node};
    return e;
}

static int node_new(bool is_dir)
{
    if (trace->node_count == trace->node_cap) {
        trace->node_cap = 2 * trace->node_cap + 64;
        trace->nodes = grown(trace->nodes, (size_t)trace->node_cap, sizeof(*trace->nodes));
    }
    trace->nodes[trace->node_count] = (struct power_node){.is_dir = is_dir};
    return trace->node_count++;
}

void power_note_name(enum power_kind kind, int dir, const char *name, int node, const char *name2)
{
    struct power_event *e = event_new(kind, node);
    e->dir = dir;
    snprintf(e->name, sizeof(e->name), "%s", name);
    if (name2)
        snprintf(e->name2, sizeof(e->name2), "%s", name2);
    if (kind == POWER_NAME_ADD) {
        add_entry(dir, name, node);
    } else {
        int old = power_find(dir, name);
        drop_entry(dir, name);
        if (kind == POWER_NAME_MOVE && old >= 0)
            add_entry(dir, name2, old);
    }
}

void power_note_mkdir(int dir, const char *name)
{
    power_note_name(POWER_NAME_ADD, dir, name, node_new(true), NULL);
}

void power_opened(int fd, int dir, const char *name, bool is_new, bool is_truncated)
{
    int node = *name ? power_find(dir, name) : dir;
    if (is_new) {
        node = node_new(false);
        power_note_name(POWER_NAME_ADD, dir, name, node, NULL);
    }
    if (node < 0 || fd >= MAX_FDS) /* one that was made by stdio: RocksDB's LOG, nobody's data */
        return;
    if (is_truncated && !is_new)
        power_note_length(POWER_TRUNCATE, node, 0);
    atomic_store(&fds[fd], node + 1);
}

void power_note_write(int node, uint64_t off, const void *p, size_t len)
{
    struct power_event *e = event_new(POWER_WRITE, node);
    e->off = off;
    e->len = len;
    e->data = mn_alloc(len);
    memcpy(e->data, p, len);
}

void power_note_length(enum power_kind kind, int node, uint64_t length)
{
    event_new(kind, node)->off = length;
}

void power_note_sync(int node, size_t begin) { event_new(POWER_SYNC, node)->begin = begin; }

void power_note_close(int fd)
{
    if (fd >= 0 && fd < MAX_FDS)
        atomic_store(&fds[fd], 0);
}

/* ---- begin and end ---- */

static void read_file(const char *path, struct power_node *node)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    MN_BUG_ON(fd < 0 || fstat(fd, &st) != 0);
    node->len = (size_t)st.st_size;
    node->data = mn_alloc(node->len + 1);
    MN_BUG_ON(pread(fd, node->data, node->len, 0) != (ssize_t)node->len);
    close(fd);
}

static void read_dir(const char *path, int dir_node)
{
    DIR *dir = opendir(path);
    MN_BUG_ON(!dir);
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        char name[512];
        struct stat st;
        /* RocksDB's notes to its operator go through stdio; they are nobody's data. */
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            strncmp(e->d_name, "LOG", 3) == 0)
            continue;
        snprintf(name, sizeof(name), "%.250s/%.250s", path, e->d_name);
        MN_BUG_ON(stat(name, &st) != 0);
        int node = node_new(S_ISDIR(st.st_mode));
        add_entry(dir_node, e->d_name, node);
        if (S_ISDIR(st.st_mode))
            read_dir(name, node);
        else
            read_file(name, &trace->nodes[node]);
    }
    closedir(dir);
}

void power_record(const char *root)
{
    MN_BUG_ON(trace || strlen(root) >= sizeof(trace->root));
    trace = mn_new(struct power_trace);
    snprintf(trace->root, sizeof(trace->root), "%s", root);
    name_count = 0;
    read_dir(root, node_new(true));
    trace->start_count = name_count;
    trace->start = mn_alloc_array((size_t)name_count + 1, sizeof(*trace->start));
    memcpy(trace->start, names, (size_t)name_count * sizeof(*names));
    atomic_store(&recording, true);
}

struct power_trace *power_stop(void)
{
    power_lock();
    struct power_trace *done = trace;
    trace = NULL;
    atomic_store(&recording, false);
    power_unlock();
    for (int fd = 0; fd < MAX_FDS; fd++)
        MN_BUG_ON(atomic_load(&fds[fd]) != 0);
    return done;
}

void power_trace_free(struct power_trace *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        mn_free(t->events[i].data);
    for (int i = 0; i < t->node_count; i++)
        mn_free(t->nodes[i].data);
    mn_free(t->events);
    mn_free(t->nodes);
    mn_free(t->start);
    mn_free(t);
}

size_t power_length(const struct power_trace *t) { return t->count; }

size_t power_next_sync(const struct power_trace *t, size_t from)
{
    for (size_t i = from; i < t->count; i++)
        if (t->events[i].kind == POWER_SYNC)
            return i + 1;
    return t->count;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

void power_remove(const char *dir) { nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS); }
