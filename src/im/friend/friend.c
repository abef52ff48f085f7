/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of friends: see friend.h. */
#include "im/friend/friend.h"

#include <ctype.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/utf8.h"
#include "im/message.h"
#include "store/sql/user.h"

enum { CODE_MAX = 16 };

struct mn_friends {
    struct mn_friends_config config;
};

struct mn_friends *mn_friends_new(const struct mn_friends_config *config)
{
    struct mn_friends *friends = mn_new(struct mn_friends);
    friends->config = *config;
    return friends;
}

void mn_friends_free(struct mn_friends *friends) { mn_free(friends); }

/* ---- what a request may be ---- */

static bool is_too_long(struct mn_str text)
{
    return text.n > MN_FRIEND_TEXT_MAX && mn_utf8_utf16_len(text) > MN_FRIEND_TEXT_MAX;
}

enum mn_err mn_friend_text(const struct mn_filter *filter, struct mn_str text, struct mn_buf *out,
                           struct mn_str *ret)
{
    bool changed = false;
    *ret = text;
    if (is_too_long(text))
        return MN_ELIMIT;
    if (text.n == 0 || !filter)
        return MN_OK;
    if (mn_filter_apply(filter, text, out, &changed))
        return MN_ENOMEM;
    if (changed)
        *ret = mn_buf_str(out);
    return is_too_long(*ret) ? MN_ELIMIT : MN_OK; /* a mask may be longer than its word */
}

enum mn_reason mn_friend_check(int64_t from, const struct mn_envelope *env)
{
    if (mn_str_is_blank(env->client_msg_id))
        return MN_REASON_MISSING_MSG_ID;
    if (!(env->has & MN_HAS_TO))
        return MN_REASON_MISSING_TO;
    if (env->to == from)
        return MN_REASON_CANNOT_SEND_TO_SELF;
    if (is_too_long(env->body))
        return MN_REASON_BODY_TOO_LONG;
    return env->to <= 0 ? MN_REASON_INTERNAL_ERROR : mn_message_check_labels(env);
}

/* ---- asking ---- */

static void tell_request(struct mn_friends *friends, const struct mn_friend_question *question,
                         int64_t id)
{
    char text[20];
    mn_sink_push(&friends->config.sink, &question->to, 1,
                 &(struct mn_envelope){
                     .type = MN_TYPE_FRIEND_REQUEST,
                     .has = MN_HAS_FROM | MN_HAS_TO,
                     .client_msg_id = question->client_msg_id,
                     .server_msg_id = mn_str_make(text, mn_print_u64(text, (uint64_t)id)),
                     .from = question->from,
                     .to = question->to,
                     .body = question->content,
                 });
}

enum mn_err mn_friend_ask(struct mn_friends *friends, const struct mn_friend_question *question,
                          struct mn_friend_asked *ret)
{
    const struct mn_friend_asking asking = {.id = mn_idgen_next(friends->config.ids),
                                            .from = question->from,
                                            .to = question->to,
                                            .content = question->content,
                                            .client_msg_id = question->client_msg_id,
                                            .now_ms = mn_unix_ms()};
    if (asking.id <= 0)
        return MN_EBUSY;
    enum mn_err err = mn_db_friend_ask(friends->config.db, &asking, ret);
    if (err == MN_OK && ret->is_new)
        tell_request(friends, question, ret->id);
    return err;
}

/* Upper case; codes are ASCII (H-8.6).  False: it can be none. */
static bool read_code(struct mn_str code, char ret[CODE_MAX])
{
    if (code.n == 0 || code.n > CODE_MAX)
        return false;
    for (size_t i = 0; i < code.n; i++)
        ret[i] = (char)toupper((unsigned char)code.p[i]);
    return true;
}

enum mn_err mn_friend_code_check(struct mn_str code)
{
    char text[CODE_MAX];
    return read_code(mn_str_trim(code), text) ? MN_OK : MN_EINVAL;
}

enum mn_err mn_friend_ask_by_code(struct mn_friends *friends, int64_t from, struct mn_str code,
                                  struct mn_str content, struct mn_friend_asked *ret)
{
    char text[CODE_MAX];
    struct mn_user user;
    code = mn_str_trim(code);
    if (!read_code(code, text))
        return MN_EINVAL;
    enum mn_err err = mn_db_user_by_friend_code(friends->config.db, mn_str_make(text, code.n),
                                                &user);
    if (err)
        return err;
    if (user.id == from)
        return MN_EPERM;
    const struct mn_friend_question question = {.from = from, .to = user.id, .content = content};
    return mn_friend_ask(friends, &question, ret);
}

/* ---- deciding ---- */

static void tell_decision(struct mn_friends *friends, const struct mn_friend_deciding *deciding,
                          int64_t to)
{
    char text[20];
    struct mn_str id = mn_str_make(text, mn_print_u64(text, (uint64_t)deciding->request));
    mn_sink_push(&friends->config.sink, &to, 1,
                 &(struct mn_envelope){
                     .type = MN_TYPE_FRIEND_DECISION,
                     .has = MN_HAS_FROM | MN_HAS_TO,
                     .server_msg_id = id,
                     .from = deciding->user,
                     .to = to,
                     .body = deciding->accept ? MN_STR("accepted") : MN_STR("rejected"),
                 });
}

/* The chat is not made yet: told when it is. */
struct news {
    struct mn_log_todo_news news; /* first */
    struct mn_friends *friends;
    struct mn_friend_deciding deciding;
    int64_t to;
};

static void tell_late(struct mn_log_todo_news *news)
{
    const struct news *late = mn_container_of(news, struct news, news);
    tell_decision(late->friends, &late->deciding, late->to);
}

static void tell_when_done(struct mn_friends *friends, const struct mn_friend_deciding *deciding,
                           int64_t to)
{
    struct news *late = mn_new(struct news);
    int64_t low = deciding->user < to ? deciding->user : to;
    *late = (struct news){.news = {.group = low, .tell = tell_late},
                          .friends = friends,
                          .deciding = *deciding,
                          .to = to};
    mn_log_todo_then(friends->config.todo, &late->news);
}

/* Of a request that was decided before. */
static enum mn_err judge_again(enum mn_friend_status status, bool accept)
{
    if (status != MN_FRIEND_ACCEPTED)
        return MN_EINVAL;
    return accept ? MN_OK : MN_EEXIST;
}

enum mn_err mn_friend_decide(struct mn_friends *friends, int64_t request, int64_t user, bool accept,
                             int64_t *ret_chat)
{
    const struct mn_friend_deciding deciding = {.request = request,
                                                .user = user,
                                                .accept = accept,
                                                .relation = mn_idgen_next(friends->config.ids),
                                                .todo = mn_idgen_next(friends->config.ids),
                                                .now_ms = mn_unix_ms()};
    struct mn_friend_decided decided;
    *ret_chat = 0;
    if (deciding.relation <= 0 || deciding.todo <= 0)
        return MN_EBUSY;
    enum mn_err err = mn_db_friend_decide(friends->config.db, &deciding, &decided);
    if (!err && !decided.is_changed)
        err = judge_again(decided.status, accept);
    if (err)
        return err;
    if (accept) /* again, too: the first one may still be at it, or have failed here */
        err = mn_log_todo_do_chat(friends->config.todo, decided.from, user, ret_chat);
    if (decided.is_changed && err)
        tell_when_done(friends, &deciding, decided.from);
    else if (decided.is_changed)
        tell_decision(friends, &deciding, decided.from);
    return err;
}

/* ---- lists ---- */

enum mn_err mn_friend_relations(struct mn_friends *friends, int64_t user, int64_t before,
                                unsigned limit, mn_friend_relation_fn fn, void *arg)
{
    return mn_db_friends(friends->config.db, user, before, limit, fn, arg);
}

enum mn_err mn_friend_requests(struct mn_friends *friends,
                               const struct mn_friend_request_query *query, mn_friend_request_fn fn,
                               void *arg)
{
    return mn_db_friend_requests(friends->config.db, query, fn, arg);
}

enum mn_err mn_friend_requests_page(struct mn_friends *friends,
                                    const struct mn_friend_request_query *query,
                                    mn_friend_request_fn fn, void *arg, int64_t *ret_total)
{
    enum mn_err err = mn_db_friend_request_count(friends->config.db, query->user, query->box,
                                                 ret_total);
    if (err || query->skip >= (uint64_t)*ret_total)
        return err;
    return mn_friend_requests(friends, query, fn, arg);
}
