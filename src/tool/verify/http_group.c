/* SPDX-License-Identifier: Apache-2.0 */
/* What a running server shows of a group besides its messages (http.c): head, counts, members. */
#include <inttypes.h>

#include "tool/verify/http_walk.h"

enum { PAGE = 100, LIST_PAGES = 1000 };

/* ---- before the walk ---- */

static bool take_row(struct verify_walk *walk, const json_t *row)
{
    if (verify_number(row, "groupId") != walk->group)
        return false;
    walk->row.unread = verify_number(row, "unreadCount");
    walk->row.mentions = verify_number(row, "mentionUnreadCount");
    walk->row.last_seq = verify_number(json_object_get(row, "lastMessage"), "msgSeq");
    return true;
}

/* The next page begins behind the last row of this one. */
static void next_path(char path[VERIFY_PATH], const json_t *page)
{
    const json_t *last = json_array_get(page, json_array_size(page) - 1);
    const char *at = json_string_value(json_object_get(last, "updatedAt"));
    snprintf(path, VERIFY_PATH,
             "/group/conversation/cursor?limit=%d&lastUpdatedAt=%.40s&lastId=%" PRId64, PAGE,
             at ? at : "", verify_number(last, "groupId"));
}

/* The group's row in the list of who reads it: he has one, as he is a member. */
static bool find_row(struct verify_walk *walk, struct mn_buf *why)
{
    char path[VERIFY_PATH];
    snprintf(path, sizeof path, "/group/conversation/cursor?limit=%d", PAGE);
    for (unsigned i = 0; i < LIST_PAGES; i++) {
        json_t *page = verify_get(walk, walk->as, path, why);
        size_t n = json_array_size(page);
        bool found = false;
        for (size_t k = 0; k < n && !found; k++)
            found = take_row(walk, json_array_get(page, k));
        if (!found && n > 0)
            next_path(path, page);
        bool is_read = page != NULL;
        json_decref(page);
        if (found || !is_read)
            return is_read;
        if (n == 0)
            break;
    }
    verify_found(walk->report, VERIFY_GROUP_MEMBER_MISSING,
                 "user %" PRId64 ": %s is not in his list of conversations", walk->as, walk->name);
    walk->row.unread = walk->row.mentions = walk->row.last_seq = 0;
    return true;
}

bool verify_group_head(struct verify_walk *walk, struct mn_buf *why)
{
    char path[VERIFY_PATH];
    walk->chat = walk->group;
    if (!find_row(walk, why))
        return false;
    snprintf(path, sizeof path, "/group/message/cursor?groupId=%" PRId64 "&limit=1", walk->group);
    json_t *page = verify_get(walk, walk->as, path, why);
    if (!page)
        return false;
    walk->head_seq = verify_number(json_array_get(page, 0), "msgSeq");
    walk->head_id = verify_number(json_array_get(page, 0), "serverMsgId");
    json_decref(page);
    return true;
}

/* ---- after it ---- */

static void check_row(struct verify_walk *walk)
{
    if (walk->row.unread > walk->others)
        verify_found(walk->report, VERIFY_OWN_COUNT_WRONG,
                     "%s: %" PRId64 " unread of user %" PRId64 ", but others wrote %" PRId64
                     " messages",
                     walk->name, walk->row.unread, walk->as, walk->others);
    if (walk->row.mentions > walk->row.unread)
        verify_found(walk->report, VERIFY_MENTION_WRONG,
                     "%s: %" PRId64 " of %" PRId64 " unread messages address user %" PRId64,
                     walk->name, walk->row.mentions, walk->row.unread, walk->as);
    if (walk->row.last_seq > walk->seq)
        verify_found(walk->report, VERIFY_HEAD_DIFFERS,
                     "%s: the last message has msgSeq %" PRId64 ", in the list of user %" PRId64
                     " it is %" PRId64,
                     walk->name, walk->seq, walk->as, walk->row.last_seq);
}

static void check_members(struct verify_walk *walk, const json_t *members)
{
    size_t n = json_array_size(members), owners = 0;
    bool is_there = false;
    struct mn_map seen;
    mn_map_init(&seen);
    for (size_t i = 0; i < n; i++) {
        const json_t *row = json_array_get(members, i);
        int64_t user = verify_number(row, "userId");
        const char *role = json_string_value(json_object_get(row, "role"));
        uint64_t before = 0;
        owners += role && strcmp(role, "OWNER") == 0;
        is_there |= user == walk->as;
        if (mn_map_get(&seen, (uint64_t)user, &before))
            verify_found(walk->report, VERIFY_GROUP_WRONG, "%s: user %" PRId64 " twice", walk->name,
                         user);
        mn_ignore(mn_map_put(&seen, (uint64_t)user, 1)); /* without memory: not looked at */
    }
    mn_map_deinit(&seen);
    walk->report->stats.groups++;
    walk->report->stats.group_members += n;
    if (owners != 1)
        verify_found(walk->report, VERIFY_GROUP_WRONG, "%s has %zu owners", walk->name, owners);
    if (!is_there)
        verify_found(walk->report, VERIFY_GROUP_MEMBER_EXTRA,
                     "%s: user %" PRId64 " reads it, and is no member", walk->name, walk->as);
}

void verify_group_end(struct verify_walk *walk)
{
    char path[VERIFY_PATH];
    struct mn_buf why;
    check_row(walk);
    mn_buf_init(&why, 1000);
    snprintf(path, sizeof path, "/group/member/list?groupId=%" PRId64, walk->group);
    json_t *members = verify_get(walk, walk->as, path, &why);
    if (members)
        check_members(walk, members);
    else
        verify_found(walk->report, VERIFY_UNREADABLE, "%s: %.*s", walk->name, (int)why.n,
                     why.n ? why.p : "");
    json_decref(members);
    mn_buf_deinit(&why);
}
