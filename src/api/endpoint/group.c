/* SPDX-License-Identifier: Apache-2.0 */
/* /group/...: groups and their members (H-7.5). */
#include "api/endpoint/group_json.h"
#include "api/endpoint/handlers.h"
#include "api/input.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"

static struct mn_groups *groups_of(const struct mn_api_call *call)
{
    return call->api->config.groups;
}

static struct mn_str or_null(bool has, const char *text)
{
    return has ? mn_str_c(text) : MN_STR_NONE;
}

/* ---- shared with group_join.c ---------------------------------------------- */

bool mn_api_group_id(struct mn_api_call *call, const char *name, const char *missing,
                     const char *bad, int64_t *ret)
{
    bool given = false;
    if (!mn_body_id(call, name, ret, &given))
        return false;
    if (!given || *ret <= 0)
        mn_api_fail(call, 40000, given ? bad : missing);
    return given && *ret > 0;
}

bool mn_api_group_query_id(struct mn_api_call *call, const char *name, int64_t *ret)
{
    if (!mn_query_need(call, name, ret))
        return false;
    if (*ret <= 0)
        mn_api_fail(call, 40000, "bad_group_id");
    return *ret > 0;
}

bool mn_api_group_limited(struct mn_api_call *call, enum mn_api_rule rule)
{
    struct mn_str who = mn_str_make((const char *)&call->user, sizeof(call->user));
    return mn_api_limited(call, mn_api_limit_hit(call, rule, who, MN_STR_NONE));
}

/* Void, or why not. */
static void answer(struct mn_api_call *call, const char *what, enum mn_err err, const char *reason)
{
    if (err)
        mn_api_refused(call, what, err, reason);
    else
        mn_api_ok(call);
}

/* ---- H-7.5.1 ----------------------------------------------------------------- */

void mn_api_group_create(struct mn_api_call *call)
{
    struct mn_str name;
    bool invites = false;
    if (!mn_body_text(call, "name", &name) || !mn_body_filled(call, "memberUserIds", &invites))
        return;
    int64_t group = 0;
    const char *reason = NULL;
    enum mn_err err = mn_group_name(name, &name, &reason);
    if (!err && invites) {
        err = MN_EINVAL;
        reason = "group_member_invite_not_supported";
    }
    /* Counted behind the checks: a mistake does not use up the minute's only one. */
    if (!err && mn_api_group_limited(call, MN_API_RULE_GROUP_CREATE))
        return;
    if (!err)
        err = mn_groups_create(groups_of(call), call->user, name, &group);
    if (err) {
        mn_api_refused(call, "group_create", err, reason);
        return;
    }
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    mn_jout_id(&out, "groupId", group);
    mn_jout_close(&out, '}');
    mn_api_data_end(call);
}

/* ---- H-7.5.2 ----------------------------------------------------------------- */

enum { BASIC_MAX = 2048 }; /* a request line has no room for more */

static int by_id(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The positive ids of the list, ascending and each once; what is none is skipped. */
static size_t parse_ids(struct mn_str list, int64_t ids[BASIC_MAX])
{
    struct mn_str entry;
    size_t pos = 0, count = 0, kept = 0;
    while (count < BASIC_MAX && mn_list_next(list, &pos, &entry))
        if (mn_parse_i64(entry, 1, INT64_MAX, &ids[count]) == MN_OK)
            count++;
    qsort(ids, count, sizeof(ids[0]), by_id);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || ids[kept - 1] != ids[i])
            ids[kept++] = ids[i];
    return kept;
}

static void print_basic(void *arg, const struct mn_group *group)
{
    struct mn_jout *out = arg;
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "id", group->id);
    mn_jout_str(out, "name", mn_str_c(group->name));
    mn_jout_str(out, "avatarUrl", or_null(group->has_avatar_url, group->avatar_url));
    mn_jout_close(out, '}');
}

void mn_api_group_basic(struct mn_api_call *call)
{
    struct mn_str list;
    if (!mn_query_text(call, "ids", &list))
        return;
    int64_t *ids = mn_alloc_array(BASIC_MAX, sizeof(*ids));
    size_t count = parse_ids(list, ids);
    enum mn_err err = MN_OK;
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '[');
    for (size_t i = 0; i < count && !err; i += MN_GROUPS_OF_MAX) {
        size_t n = count - i < MN_GROUPS_OF_MAX ? count - i : MN_GROUPS_OF_MAX;
        err = mn_groups_of(groups_of(call), call->user, ids + i, n, print_basic, &out);
    }
    mn_jout_close(&out, ']');
    mn_free(ids);
    if (err)
        mn_api_broken(call, "groups", err);
    else
        mn_api_data_end(call);
}

/* ---- H-7.5.3, H-7.5.4 ---------------------------------------------------------- */

static const char *role_text(enum mn_role role)
{
    static const char *const texts[] = {
        [MN_ROLE_NONE] = NULL,
        [MN_ROLE_OWNER] = "OWNER",
        [MN_ROLE_ADMIN] = "ADMIN",
        [MN_ROLE_MEMBER] = "MEMBER",
    };
    return texts[role];
}

static void answer_profile(struct mn_api_call *call, const struct mn_group_profile *profile)
{
    const struct mn_group *group = &profile->group;
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    mn_jout_id(&out, "groupId", group->id);
    mn_jout_str(&out, "name", mn_str_c(group->name));
    mn_jout_str(&out, "avatarUrl", or_null(group->has_avatar_url, group->avatar_url));
    mn_jout_str(&out, "groupCode", mn_str_c(group->code));
    mn_jout_id(&out, "createdBy", group->created_by);
    mn_jout_date(&out, "createdAt", group->created_ms);
    mn_jout_date(&out, "updatedAt", group->updated_ms);
    mn_jout_num(&out, "memberCount", profile->members);
    mn_jout_str(&out, "myRole", mn_str_c(role_text(profile->role)));
    mn_jout_bool(&out, "isMember", profile->role != MN_ROLE_NONE);
    mn_jout_close(&out, '}');
    mn_api_data_end(call);
}

void mn_api_group_profile_by_id(struct mn_api_call *call)
{
    int64_t group = 0;
    struct mn_group_profile profile;
    const char *reason = NULL;
    if (!mn_api_group_query_id(call, "groupId", &group))
        return;
    enum mn_err err = mn_groups_profile(groups_of(call), call->user, group, &profile, &reason);
    if (err)
        mn_api_refused(call, "group_profile", err, reason);
    else
        answer_profile(call, &profile);
}

void mn_api_group_profile_by_code(struct mn_api_call *call)
{
    struct mn_str code;
    struct mn_group_profile profile;
    const char *reason = NULL;
    if (!mn_query_text(call, "groupCode", &code) ||
        mn_api_group_limited(call, MN_API_RULE_GROUP_CODE))
        return;
    enum mn_err err = mn_groups_profile_by_code(groups_of(call), call->user, code, &profile,
                                                &reason);
    if (err)
        mn_api_refused(call, "group_profile", err, reason);
    else
        answer_profile(call, &profile);
}

/* ---- H-7.5.5 ----------------------------------------------------------------- */

enum { MEMBER_BYTES = 4096 /* every row is shorter, whatever the names are */ };

struct member_list {
    struct mn_jout out;
    int64_t skip;
};

static bool print_member(void *arg, const struct mn_group_row *row)
{
    struct member_list *list = arg;
    struct mn_jout *out = &list->out;
    const struct mn_user_brief *user = &row->user;
    if (list->skip > 0) {
        list->skip--;
        return true;
    }
    if (out->buf->n + MEMBER_BYTES > out->buf->limit)
        return false; /* the answer is full: the rest is asked for with `skip` */
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "userId", user->id);
    mn_jout_str(out, "username", or_null(user->username[0] != '\0', user->username));
    mn_jout_str(out, "nickname", or_null(user->has_nickname, user->nickname));
    mn_jout_str(out, "avatarUrl", or_null(user->has_avatar_url, user->avatar_url));
    mn_jout_str(out, "role", mn_str_c(role_text(row->role)));
    mn_jout_date(out, "joinAt", row->joined_ms);
    if (row->mute_until_ms == MN_MUTED_FOREVER_MS) /* so in every time zone */
        mn_jout_str(out, "speakMuteUntil", MN_STR("9999-12-31T23:59:59.999"));
    else
        mn_jout_date(out, "speakMuteUntil", row->mute_until_ms);
    mn_jout_close(out, '}');
    return !out->buf->failed;
}

void mn_api_group_member_list(struct mn_api_call *call)
{
    struct member_list list;
    int64_t group = 0, skip = 0;
    const char *reason = NULL;
    if (!mn_query_clamped(call, "skip", 0, 0, INT64_MAX, &skip) ||
        !mn_api_group_query_id(call, "groupId", &group))
        return;
    list = (struct member_list){.out = mn_api_data_begin(call), .skip = skip};
    mn_jout_open(&list.out, NULL, '[');
    enum mn_err err = mn_groups_members(groups_of(call), call->user, group, print_member, &list,
                                        &reason);
    mn_jout_close(&list.out, ']');
    if (err)
        mn_api_refused(call, "group_members", err, reason);
    else
        mn_api_data_end(call);
}

/* ---- H-7.5.6 to H-7.5.10: members --------------------------------------------- */

/* What they begin with: whose group, whom it concerns, and the call limit. */
static bool need_target(struct mn_api_call *call, const char *name, int64_t *ret_group,
                        int64_t *ret_target)
{
    return mn_api_group_id(call, "groupId", "bad_request", "bad_request", ret_group) &&
           mn_api_group_id(call, name, "bad_request", "bad_request", ret_target) &&
           !mn_api_group_limited(call, MN_API_RULE_GROUP_CHANGE);
}

void mn_api_group_member_kick(struct mn_api_call *call)
{
    int64_t group = 0, target = 0;
    const char *reason = NULL;
    if (!need_target(call, "userId", &group, &target))
        return;
    enum mn_err err = mn_groups_kick(groups_of(call), call->user, group, target, &reason);
    answer(call, "group_kick", err, reason);
}

void mn_api_group_member_set_admin(struct mn_api_call *call)
{
    int64_t group = 0, target = 0;
    bool admin = false, given = false;
    const char *reason = NULL;
    if (!mn_body_flag(call, "admin", &admin, &given) ||
        !need_target(call, "userId", &group, &target))
        return;
    if (!given) { /* not a default: it would demote him */
        mn_api_fail(call, 40000, "bad_request");
        return;
    }
    enum mn_err err = mn_groups_set_admin(groups_of(call), call->user, group, target, admin,
                                          &reason);
    answer(call, "group_set_admin", err, reason);
}

void mn_api_group_member_mute(struct mn_api_call *call)
{
    int64_t group = 0, target = 0, seconds = 0;
    bool given = false;
    const char *reason = NULL;
    if (!mn_body_id(call, "durationSeconds", &seconds, &given) ||
        !need_target(call, "userId", &group, &target))
        return;
    if (!given) { /* not a default: it would unmute him */
        mn_api_fail(call, 40000, "bad_request");
        return;
    }
    enum mn_err err = mn_groups_mute(groups_of(call), call->user, group, target, seconds, &reason);
    answer(call, "group_mute", err, reason);
}

void mn_api_group_owner_transfer(struct mn_api_call *call)
{
    int64_t group = 0, target = 0;
    const char *reason = NULL;
    if (!need_target(call, "newOwnerUserId", &group, &target))
        return;
    enum mn_err err = mn_groups_transfer(groups_of(call), call->user, group, target, &reason);
    answer(call, "group_transfer", err, reason);
}

/* The group of the calls that concern nobody else. */
static bool need_group(struct mn_api_call *call, int64_t *ret_group)
{
    return mn_api_group_id(call, "groupId", "bad_request", "bad_group_id", ret_group) &&
           !mn_api_group_limited(call, MN_API_RULE_GROUP_CHANGE);
}

void mn_api_group_leave(struct mn_api_call *call)
{
    int64_t group = 0;
    const char *reason = NULL;
    if (!need_group(call, &group))
        return;
    enum mn_err err = mn_groups_leave(groups_of(call), call->user, group, &reason);
    answer(call, "group_leave", err, reason);
}

/* ---- H-7.5.11 ------------------------------------------------------------------ */

/* HTTP 200 as in the original, with the header it lacks. */
static void cooldown(struct mn_api_call *call, const struct mn_group *group)
{
    int64_t left_ms = mn_groups_next_reset_ms(groups_of(call), group) - mn_unix_ms();
    char text[20];
    size_t n = mn_print_u64(text, left_ms > 1000 ? (uint64_t)(left_ms + 999) / 1000 : 1);
    (void)mn_http_response_header(call->res, "Retry-After", mn_str_make(text, n));
    mn_api_fail(call, 42900, "cooldown_not_reached");
}

void mn_api_group_code_reset(struct mn_api_call *call)
{
    int64_t id = 0;
    struct mn_group group;
    const char *reason = NULL;
    if (!need_group(call, &id))
        return;
    enum mn_err err = mn_groups_reset_code(groups_of(call), call->user, id, &group, &reason);
    if (err == MN_ELIMIT && reason) {
        cooldown(call, &group);
        return;
    }
    if (err) {
        mn_api_refused(call, "group_code", err, reason);
        return;
    }
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    mn_jout_str(&out, "groupCode", mn_str_c(group.code));
    mn_jout_date(&out, "groupCodeUpdatedAt", group.code_updated_ms);
    mn_jout_date(&out, "groupCodeNextResetAt", mn_groups_next_reset_ms(groups_of(call), &group));
    mn_jout_close(&out, '}');
    mn_api_data_end(call);
}
