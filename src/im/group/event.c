/* SPDX-License-Identifier: Apache-2.0 */
/* GROUP_EVENT (W-3.11): see impl.h.  Workers, after the commit. */
#include "base/mem.h"
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

void mn_group_tell(struct mn_groups *groups, int64_t group, int64_t from, int64_t to,
                   const char *event, int64_t who_left)
{
    size_t count = 0;
    int64_t *uids = members_of(groups, group, MN_ROLE_MEMBER, &count);
    if (!uids)
        return; /* best effort: he asks over HTTP */
    if (who_left)
        uids[count++] = who_left;
    mn_sink_push(&groups->config.sink, uids, count,
                 &(struct mn_envelope){
                     .type = MN_TYPE_GROUP_EVENT,
                     .has = MN_HAS_FROM | MN_HAS_GROUP_ID | (to ? MN_HAS_TO : 0),
                     .from = from,
                     .to = to,
                     .group_id = group,
                     .body = mn_str_c(event),
                 });
    mn_free(uids);
}
