/* SPDX-License-Identifier: Apache-2.0 */
/* GROUP_EVENT (W-3.11): see impl.h.  Workers, after the commit. */
#include "base/mem.h"
#include "base/num.h"
#include "im/group/impl.h"

/*
 * Ids of the members whose role is at most `role`, and room for one more;
 * NULL: no memory, or the store failed.
 */
static int64_t *members_of(struct mn_groups *groups, int64_t group, unsigned role,
                           size_t *ret_count)
{
    struct mn_roster *roster = NULL;
    if (mn_roster_load(groups->config.rosters, group, &roster))
        return NULL;
    int64_t *uids = mn_alloc_array(roster->count + 1, sizeof(*uids));
    size_t count = 0;
    for (uint32_t i = 0; i < roster->count; i++)
        if (roster->members[i].role <= role)
            uids[count++] = roster->members[i].uid;
    mn_roster_unref(roster);
    *ret_count = count;
    return uids;
}

void mn_group_tell_heads(struct mn_groups *groups, int64_t group, const struct mn_envelope *env)
{
    size_t count = 0;
    int64_t *uids = members_of(groups, group, MN_ROLE_ADMIN, &count);
    if (uids)
        mn_sink_push(&groups->config.sink, uids, count, env);
    mn_free(uids);
}

void mn_group_tell_decision(struct mn_groups *groups, int64_t group, int64_t request, int64_t from,
                            int64_t to, bool accepted)
{
    char text[20];
    mn_sink_push(&groups->config.sink, &to, 1,
                 &(struct mn_envelope){
                     .type = MN_TYPE_GROUP_JOIN_DECISION,
                     .has = MN_HAS_FROM | MN_HAS_TO | MN_HAS_GROUP_ID,
                     .server_msg_id = mn_str_make(text, mn_print_u64(text, (uint64_t)request)),
                     .from = from,
                     .to = to,
                     .group_id = group,
                     .body = accepted ? MN_STR("ACCEPTED") : MN_STR("REJECTED"),
                 });
}

void mn_group_tell(struct mn_groups *groups, const struct mn_group_event *event)
{
    size_t count = 0;
    if (event->request)
        mn_group_tell_decision(groups, event->group, event->request, event->from, event->to, true);
    int64_t *uids = event->word ? members_of(groups, event->group, MN_ROLE_MEMBER, &count) : NULL;
    if (!uids)
        return; /* best effort: he asks over HTTP */
    if (event->who_left)
        uids[count++] = event->who_left;
    mn_sink_push(&groups->config.sink, uids, count,
                 &(struct mn_envelope){
                     .type = MN_TYPE_GROUP_EVENT,
                     .has = MN_HAS_FROM | MN_HAS_GROUP_ID | (event->to ? MN_HAS_TO : 0),
                     .from = event->from,
                     .to = event->to,
                     .group_id = event->group,
                     .body = mn_str_c(event->word),
                 });
    mn_free(uids);
}

/* ---- when the log has refused ---- */

struct news {
    struct mn_log_todo_news news; /* first */
    struct mn_groups *groups;
    struct mn_group_event event;
};

static void tell_late(struct mn_log_todo_news *news)
{
    const struct news *late = mn_container_of(news, struct news, news);
    mn_group_tell(late->groups, &late->event);
}

enum mn_err mn_group_members_changed(struct mn_groups *groups, const struct mn_group_event *event)
{
    mn_roster_changed(groups->config.rosters, event->group);
    enum mn_err err = mn_log_todo_do(groups->config.todo, event->group);
    if (!err || !event->word)
        return err;
    struct news *late = mn_new(struct news);
    *late = (struct news){
        .news = {.group = event->group, .tell = tell_late}, .groups = groups, .event = *event};
    mn_log_todo_then(groups->config.todo, &late->news);
    return err;
}
