/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_POWER_TRACE_H
#define TESTS_SUPPORT_POWER_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the files of the power-loss harness share; not for tests. */

enum { POWER_NAME = 64, POWER_ROOT_NODE = 0 };

enum power_kind {
    POWER_NAME_ADD = 1, /* dir, name -> node: created, linked, mkdir */
    POWER_NAME_MOVE,    /* dir, name -> name2 */
    POWER_NAME_DROP,    /* dir, name */
    POWER_WRITE,        /* node: data[len] at off */
    POWER_TRUNCATE,     /* node: length becomes off */
    POWER_EXTEND,       /* node: length becomes at least off */
    POWER_SYNC          /* node: what happened to it before `begin` is on the disk */
};

struct power_event {
    enum power_kind kind;
    int node, dir;
    char name[POWER_NAME], name2[POWER_NAME];
    uint64_t off;
    size_t len, begin;
    char *data;
};

/* A file or folder; its bytes are those it had when the recording began. */
struct power_node {
    bool is_dir;
    char *data;
    size_t len;
};

/* A name in a folder. */
struct power_entry {
    int dir, node;
    char name[POWER_NAME];
};

struct power_trace {
    char root[256];
    struct power_event *events;
    size_t count, cap;
    struct power_node *nodes;
    int node_count, node_cap;
    struct power_entry *start; /* names when the recording began */
    int start_count;
};

/* ---- the recorder, for power_calls.c ---- */

/* Whether syncs are to be skipped. */
bool power_syncs_are_free(void);
/* Node of a descriptor, -1 when it is not recorded. */
int power_node_of(int fd);
/* Calls between these are in the order of the trace. */
void power_lock(void);
void power_unlock(void);
/* Below: under the lock. */
bool power_is_full(void);
size_t power_position(void);
/* The path is below the root: its folder's node and its last part. */
bool power_find_dir(const char *path, int *ret_dir, const char **ret_name);
int power_find(int dir, const char *name); /* -1: there is none */
void power_opened(int fd, int dir, const char *name, bool is_new, bool is_truncated);
void power_note_name(enum power_kind kind, int dir, const char *name, int node, const char *name2);
void power_note_mkdir(int dir, const char *name);
void power_note_write(int node, uint64_t off, const void *p, size_t len);
void power_note_length(enum power_kind kind, int node, uint64_t length);
void power_note_sync(int node, size_t begin);
void power_note_close(int fd);

#endif
