/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to groups: see fanout.h. */
#include "gate/fanout.h"

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"
#include "gate/members.h"
#include "gate/message_frame.h"
#include "gate/push.h"
#include "gate/resend.h"

enum {
    WAITING_MAX =
        4096,     /* messages of a group that wait for its roster; beyond it members are resent */
    COUNTED = 256 /* groups whose members online are remembered */
};

/* Members of a large group that are online, as of a roster and a state of the presence. */
struct counted {
    uint64_t version, changes;
    uint32_t online;
};

/* Messages of a group that wait for its roster. */
struct waiting {
    struct mn_job job;
    struct mn_fanout *fanout;
    int64_t group;
    struct mn_op *first, *last; /* by `next`; one reference each */
    unsigned count;
    bool overflowed;
};

struct mn_fanout {
    struct mn_gate *gate;
    /* Strategy; set by reloads, read by the writer and workers. */
    _Atomic int mode;
    _Atomic uint32_t group_size, online_users, notify_max, huge_size;
    pthread_mutex_t lock; /* for what follows */
    struct mn_map groups; /* group -> struct waiting */
    struct counted counted[COUNTED];
    _Atomic unsigned waiting; /* groups in the map; changed under the lock */
};

struct mn_fanout *mn_fanout_new(struct mn_gate *gate)
{
    struct mn_fanout *fanout = mn_new(struct mn_fanout);
    fanout->gate = gate;
    pthread_mutex_init(&fanout->lock, NULL);
    mn_map_init(&fanout->groups);
    mn_fanout_configure(fanout, &gate->config.settings);
    return fanout;
}

void mn_fanout_free(struct mn_fanout *fanout)
{
    if (!fanout)
        return;
    MN_BUG_ON(atomic_load(&fanout->waiting) > 0); /* the workers have ended, with their work done */
    mn_map_deinit(&fanout->groups);
    pthread_mutex_destroy(&fanout->lock);
    mn_free(fanout);
}

void mn_fanout_configure(struct mn_fanout *fanout, const struct mn_gate_settings *settings)
{
    atomic_store(&fanout->mode, mn_group_mode_of(settings->group_mode));
    atomic_store(&fanout->group_size, settings->group_size);
    atomic_store(&fanout->online_users, settings->group_online_users);
    atomic_store(&fanout->notify_max, settings->group_notify_max);
    atomic_store(&fanout->huge_size, settings->group_huge_size);
}

/* ---- strategy (W-9.2) ---- */

static uint32_t load(const _Atomic uint32_t *at)
{
    return atomic_load_explicit(at, memory_order_relaxed);
}

/* With the lock. Counted when somebody came or went since; asked for large groups only. */
static uint32_t count_online(struct mn_fanout *fanout, const struct mn_roster *roster)
{
    struct mn_presence *presence = fanout->gate->config.presence;
    struct counted *counted = &fanout->counted[mn_hash_u64((uint64_t)roster->group) % COUNTED];
    uint64_t changes = mn_presence_changes(presence);
    if (counted->version == roster->version && counted->changes == changes)
        return counted->online;
    uint32_t online = 0;
    for (uint32_t i = 0; i < roster->count; i++)
        online += mn_presence_find(presence, roster->members[i].uid) != 0;
    *counted = (struct counted){roster->version, changes, online};
    return online;
}

/* Whether at least `least` members other than the sender are there. */
static bool are_online(struct mn_fanout *fanout, const struct mn_roster *roster, int64_t from,
                       uint32_t least)
{
    if (roster->count <= least)
        return false;
    uint32_t self = mn_presence_find(fanout->gate->config.presence, from) != 0;
    return count_online(fanout, roster) >= least + self;
}

static enum mn_fanout_how strategy(struct mn_fanout *fanout, const struct mn_roster *roster,
                                   const struct mn_op *op)
{
    int64_t from = op->from;
    if (op->kind == MN_OP_REVOKE) /* whoever has the message is told (W-3.9.7) */
        return roster->count > 0 ? MN_FANOUT_PUSH : MN_FANOUT_NONE;
    int mode = atomic_load_explicit(&fanout->mode, memory_order_relaxed);
    if (roster->count == 0 || mode == MN_GROUP_NONE)
        return MN_FANOUT_NONE;
    if (mode == MN_GROUP_PUSH)
        return MN_FANOUT_PUSH;
    if (roster->count >= load(&fanout->huge_size))
        return MN_FANOUT_NONE;
    if (mode == MN_GROUP_AUTO && roster->count < load(&fanout->group_size) &&
        !are_online(fanout, roster, from, load(&fanout->online_users)))
        return MN_FANOUT_PUSH;
    return are_online(fanout, roster, from, load(&fanout->notify_max)) ? MN_FANOUT_NONE
                                                                       : MN_FANOUT_NOTIFY;
}

/* Without a roster: what does not depend on it. */
static enum mn_fanout_how blind_strategy(struct mn_fanout *fanout, const struct mn_op *op)
{
    int mode = atomic_load_explicit(&fanout->mode, memory_order_relaxed);
    if (op->kind == MN_OP_REVOKE)
        return MN_FANOUT_PUSH;
    if (mode == MN_GROUP_NONE)
        return MN_FANOUT_NONE;
    return mode == MN_GROUP_NOTIFY ? MN_FANOUT_NOTIFY : MN_FANOUT_PUSH;
}

/* ---- waiting for a roster ---- */

static void add_waiting(struct waiting *waiting, struct mn_op *op)
{
    if (waiting->count >= WAITING_MAX) {
        waiting->overflowed = true;
        return;
    }
    MN_BUG_ON(op->next != NULL);
    mn_op_ref(op);
    if (waiting->last)
        waiting->last->next = op;
    else
        waiting->first = op;
    waiting->last = op;
    waiting->count++;
}

/* With the lock, so that nothing that is committed meanwhile overtakes them. */
static void send_waiting(struct waiting *waiting, struct mn_roster *roster)
{
    struct mn_fanout *fanout = waiting->fanout;
    for (struct mn_op *op = waiting->first, *next; op; op = next) {
        struct mn_fanout_plan plan = {.roster = roster};
        next = op->next;
        op->next = NULL;
        plan.how = roster ? strategy(fanout, roster, op) : blind_strategy(fanout, op);
        if (plan.how != MN_FANOUT_NONE)
            mn_push_group(fanout->gate, op, &plan);
        if (!next && waiting->overflowed) {
            plan.how = MN_FANOUT_RESEND;
            mn_push_group(fanout->gate, op, &plan);
        }
        mn_op_unref(op);
    }
}

static void end_waiting(struct waiting *waiting, struct mn_roster *roster)
{
    struct mn_fanout *fanout = waiting->fanout;
    pthread_mutex_lock(&fanout->lock);
    send_waiting(waiting, roster);
    mn_map_remove(&fanout->groups, (uint64_t)waiting->group);
    atomic_fetch_sub(&fanout->waiting, 1);
    pthread_mutex_unlock(&fanout->lock);
    mn_roster_unref(roster);
    mn_free(waiting);
}

static void work(struct mn_job *job, unsigned worker)
{
    (void)worker;
    struct waiting *waiting = mn_container_of(job, struct waiting, job);
    struct mn_roster *roster = NULL;
    /* A store that cannot be read now: those who are known get it, see mn_fanout_deliver(). */
    if (mn_roster_load(waiting->fanout->gate->config.rosters, waiting->group, &roster))
        roster = NULL;
    end_waiting(waiting, roster);
}

static void start_waiting(struct mn_fanout *fanout, struct mn_op *op)
{
    struct waiting *waiting = mn_new(struct waiting);
    waiting->fanout = fanout;
    waiting->group = op->key.a;
    waiting->job.run = work;
    add_waiting(waiting, op);
    pthread_mutex_lock(&fanout->lock);
    bool ok = mn_map_put(&fanout->groups, (uint64_t)op->key.a, (uintptr_t)waiting) == MN_OK;
    atomic_fetch_add(&fanout->waiting, 1);
    pthread_mutex_unlock(&fanout->lock);
    if (!ok || mn_pool_submit(fanout->gate->pool, &waiting->job))
        end_waiting(waiting, NULL);
}

/* Whether others of the group wait: then it waits behind them. */
static bool waits(struct mn_fanout *fanout, struct mn_op *op)
{
    uint64_t at = 0;
    if (atomic_load(&fanout->waiting) == 0)
        return false;
    pthread_mutex_lock(&fanout->lock);
    bool found = mn_map_get(&fanout->groups, (uint64_t)op->key.a, &at);
    if (found)
        add_waiting((struct waiting *)(uintptr_t)at, op);
    pthread_mutex_unlock(&fanout->lock);
    return found;
}

bool mn_fanout_begin(struct mn_fanout *fanout, struct mn_op *op, struct mn_fanout_plan *ret)
{
    if (waits(fanout, op))
        return false;
    ret->roster = mn_roster_find(fanout->gate->config.rosters, op->key.a);
    if (!ret->roster) {
        start_waiting(fanout, op);
        return false;
    }
    pthread_mutex_lock(&fanout->lock);
    ret->how = strategy(fanout, ret->roster, op);
    pthread_mutex_unlock(&fanout->lock);
    if (ret->how != MN_FANOUT_NONE)
        return true;
    mn_roster_unref(ret->roster);
    return false;
}

/* ---- on the loop ---- */

/* The frames of a message: encoded once for all members here that are told the same. */
struct frames {
    struct mn_msg msg;
    const struct mn_op *op;
    bool notify;
    struct mn_chunk *frame[2]; /* normal, important; made when first needed */
    bool made[2];
};

/* NULL: no memory. */
static struct mn_chunk *frame_for(struct frames *f, int64_t uid)
{
    bool important = (f->msg.reply_author != 0 || f->msg.mentions.n > 0) &&
                     mn_msg_addresses(&f->msg, uid);
    if (!f->made[important]) {
        const struct mn_message_frame how = {.msg_type = mn_op_msg_type(f->op),
                                             .important = important};
        f->frame[important] = f->notify ? mn_notify_frame(&f->msg, important)
                                        : mn_message_frame(&f->msg, &how);
        f->made[important] = true;
    }
    return f->frame[important];
}

/* NULL: he has gone, or the connection is another one's now. */
static struct mn_conn *session_of(struct mn_gate_loop *gl, const struct mn_member *member)
{
    struct mn_conn *conn = mn_loop_find(gl->loop, member->conn);
    if (!conn || mn_session_of(conn)->state != MN_SESSION_LIVE ||
        mn_session_of(conn)->uid != member->uid)
        return NULL;
    return conn;
}

static void resend_all(struct mn_gate_loop *gl, struct mn_member_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        struct mn_conn *conn = session_of(gl, &list->at[i]);
        if (conn && mn_conn_is_congested(conn))
            mn_session_of(conn)->lossy = true;
        else if (conn)
            mn_resend_start(conn);
    }
    list->missed = false;
}

static void send_all(struct mn_gate_loop *gl, struct mn_member_list *list, struct frames *f)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        struct mn_conn *conn = session_of(gl, &list->at[i]);
        if (!conn)
            continue;
        int64_t uid = list->at[i].uid;
        list->at[kept++] = list->at[i];
        if (uid == f->msg.from)
            continue;
        if (f->notify)
            mn_push_notice(conn, frame_for(f, uid));
        else
            mn_push_shared(conn, f->msg.at, frame_for(f, uid));
    }
    list->count = kept;
}

/* That a message was revoked, to all but its sender: push.c tells him, a member or not. */
static void tell_all(struct mn_gate_loop *gl, const struct mn_member_list *list,
                     const struct mn_op *op)
{
    for (uint32_t i = 0; i < list->count; i++) {
        struct mn_conn *conn = list->at[i].uid != op->from ? session_of(gl, &list->at[i]) : NULL;
        if (conn)
            mn_revoked_push(conn, op);
    }
}

void mn_fanout_deliver(struct mn_gate_loop *gl, const struct mn_op *op,
                       const struct mn_fanout_plan *plan)
{
    struct mn_member_list *list = mn_members_of(gl->members, op->key.a, plan->roster);
    if (list && op->kind == MN_OP_REVOKE) {
        tell_all(gl, list, op); /* who is missed is told after his next AUTH */
        return;
    }
    struct frames f = {.msg = mn_message_of(op), .op = op, .notify = plan->how == MN_FANOUT_NOTIFY};
    if (!list)
        return;
    if (plan->how != MN_FANOUT_RESEND)
        send_all(gl, list, &f);
    if (!plan->roster)
        list->missed = true;
    else if ((list->missed && list->version != 0) || plan->how == MN_FANOUT_RESEND)
        resend_all(gl, list);
    mn_chunk_unref(f.frame[0]);
    mn_chunk_unref(f.frame[1]);
}
