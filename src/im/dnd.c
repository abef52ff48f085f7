/* SPDX-License-Identifier: Apache-2.0 */
/* Do not disturb: see dnd.h. */
#include "im/dnd.h"

#include "base/clock.h"
#include "store/sql/user.h"

static enum mn_err check_user(struct mn_db *db, int64_t id)
{
    struct mn_user_brief brief;
    size_t count = 0;
    enum mn_err err = mn_db_users_by_ids(db, &id, 1, &brief, &count);
    return err ? err : count > 0 ? MN_OK : MN_ENOTFOUND;
}

/* Both at once, or neither (docs/decisions/0028). */
static enum mn_err set_in_new_chat(const struct mn_dnd *dnd, struct mn_dnd_change *change)
{
    struct mn_chat_key pair = mn_chat_pair(change->user, change->target);
    const struct mn_todo todo = {.id = mn_idgen_next(dnd->ids),
                                 .kind = MN_TODO_CHAT,
                                 .a = pair.a,
                                 .b = pair.b,
                                 .created_ms = change->now_ms};
    int64_t chat = 0;
    if (todo.id <= 0)
        return MN_EBUSY;
    enum mn_err err = check_user(dnd->db, change->target);
    if (err)
        return err;
    change->todo = &todo;
    err = mn_db_dnd_set(dnd->db, change);
    change->todo = NULL;
    return err ? err : mn_log_todo_do_chat(dnd->todo, pair.a, pair.b, &chat);
}

enum mn_err mn_dnd_set_peer(const struct mn_dnd *dnd, int64_t user, int64_t peer, bool is_muted)
{
    struct mn_dnd_change change = {.user = user,
                                   .kind = MN_DND_PEER,
                                   .target = peer,
                                   .is_muted = is_muted,
                                   .now_ms = mn_unix_ms()};
    int64_t chat = 0;
    enum mn_err err = mn_msglog_pair(dnd->msglog, user, peer, &chat);
    if (err == MN_ENOTFOUND)
        return set_in_new_chat(dnd, &change);
    return err ? err : mn_db_dnd_set(dnd->db, &change);
}

/* Since when he is a member.  MN_EPERM: he is none. */
static enum mn_err member_since(const struct mn_dnd *dnd, int64_t user, int64_t group,
                                int64_t *ret_ms)
{
    struct mn_chat_view view;
    enum mn_err err = mn_msglog_chat(dnd->msglog, group, user, &view);
    if (err)
        return err == MN_ENOTFOUND ? MN_EPERM : err;
    *ret_ms = view.created_ms;
    return view.peer == 0 ? MN_OK : MN_EPERM; /* else it is a chat of two */
}

enum mn_err mn_dnd_set_group(const struct mn_dnd *dnd, int64_t user, int64_t group, bool is_muted)
{
    int64_t since_ms = 0;
    enum mn_err err = member_since(dnd, user, group, &since_ms);
    int64_t now_ms = mn_unix_ms();
    if (err)
        return err;
    const struct mn_dnd_change change = {.user = user,
                                         .kind = MN_DND_GROUP,
                                         .target = group,
                                         .is_muted = is_muted,
                                         /* Not before he joined: a clock may have been set back. */
                                         .now_ms = now_ms > since_ms ? now_ms : since_ms};
    return mn_db_dnd_set(dnd->db, &change);
}

struct listing {
    const struct mn_dnd *dnd;
    int64_t user;
    enum mn_dnd_kind kind;
    mn_dnd_give give;
    void *arg;
    enum mn_err err;
};

/* Who left a group and came back has not set it there. */
static bool give_one(void *arg, int64_t target, int64_t since_ms)
{
    struct listing *listing = arg;
    int64_t joined_ms = 0;
    enum mn_err err = MN_OK;
    if (listing->kind == MN_DND_GROUP)
        err = member_since(listing->dnd, listing->user, target, &joined_ms);
    if (err == MN_OK && joined_ms <= since_ms)
        listing->give(listing->arg, target);
    listing->err = err == MN_EPERM ? MN_OK : err;
    return listing->err == MN_OK;
}

enum mn_err mn_dnd_list(const struct mn_dnd *dnd, int64_t user, enum mn_dnd_kind kind,
                        mn_dnd_give give, void *arg)
{
    struct listing listing = {.dnd = dnd, .user = user, .kind = kind, .give = give, .arg = arg};
    enum mn_err err = mn_db_dnd(dnd->db, user, kind, MN_DND_MAX, give_one, &listing);
    return err ? err : listing.err;
}
