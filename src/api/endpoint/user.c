/* SPDX-License-Identifier: Apache-2.0 */
/* GET /user/..., /me/...: profiles and the friend code (H-7.2). */
#include "api/endpoint/handlers.h"
#include "api/input.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"

#define BASIC_MAX 100 /* ids that are read; the rest is ignored, as clients expect */

static struct mn_str or_null(bool has, const char *text)
{
    return has ? mn_str_c(text) : MN_STR_NONE;
}

/* Positive ids without doubles, in order; false when one is none. */
static bool parse_ids(struct mn_str list, int64_t ids[BASIC_MAX], unsigned *ret_count)
{
    struct mn_str entry;
    size_t pos = 0;
    unsigned count = 0;
    while (count < BASIC_MAX && mn_list_next(list, &pos, &entry)) {
        int64_t id = 0;
        if (entry.n == 0)
            continue;
        if (mn_parse_i64(entry, 1, INT64_MAX, &id) != MN_OK)
            return false;
        unsigned i = 0;
        while (i < count && ids[i] != id)
            i++;
        if (i == count)
            ids[count++] = id;
    }
    *ret_count = count;
    return true;
}

static void print_basic(struct mn_api_call *call, const struct mn_user_brief *rows, size_t found)
{
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '[');
    for (size_t i = 0; i < found; i++) {
        mn_jout_open(&out, NULL, '{');
        mn_jout_id(&out, "id", rows[i].id);
        mn_jout_str(&out, "username", mn_str_c(rows[i].username));
        mn_jout_str(&out, "nickname", or_null(rows[i].has_nickname, rows[i].nickname));
        mn_jout_close(&out, '}');
    }
    mn_jout_close(&out, ']');
    mn_api_data_end(call);
}

void mn_api_user_basic(struct mn_api_call *call)
{
    struct mn_str list;
    int64_t ids[BASIC_MAX];
    unsigned count = 0;
    if (!mn_query_text(call, "ids", &list))
        return;
    if (!parse_ids(list, ids, &count)) {
        mn_api_fail(call, 40000, "bad_ids");
        return;
    }
    struct mn_user_brief *rows = mn_alloc_array(BASIC_MAX, sizeof(*rows));
    size_t found = 0;
    enum mn_err err = mn_account_briefs(call->api->config.account, ids, count, rows, &found);
    if (err == MN_OK)
        print_basic(call, rows, found);
    else
        mn_api_broken(call, "users", err);
    mn_free(rows);
}

static void print_code_dates(struct mn_api_call *call, struct mn_jout *out,
                             const struct mn_user *user)
{
    mn_jout_date(out, "friendCodeUpdatedAt", user->friend_code_updated_ms);
    mn_jout_date(out, "friendCodeNextResetAt",
                 mn_account_next_reset_ms(call->api->config.account, user));
}

static void show_profile(struct mn_api_call *call, int64_t id, bool own)
{
    struct mn_user user;
    enum mn_err err = mn_account_profile(call->api->config.account, id, &user);
    if (err == MN_ENOTFOUND) {
        mn_api_fail(call, 40400, "not_found");
        return;
    }
    if (err != MN_OK) {
        mn_api_broken(call, "profile", err);
        return;
    }
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    mn_jout_id(&out, "id", user.id);
    mn_jout_str(&out, "username", mn_str_c(user.username));
    mn_jout_str(&out, "nickname", or_null(user.has_nickname, user.nickname));
    mn_jout_str(&out, "avatarUrl", or_null(user.has_avatar_url, user.avatar_url));
    mn_jout_num(&out, "status", (int64_t)user.status);
    mn_jout_str(&out, "friendCode", or_null(user.friend_code[0] != '\0', user.friend_code));
    if (own)
        print_code_dates(call, &out, &user);
    mn_jout_close(&out, '}');
    mn_api_data_end(call);
}

void mn_api_user_profile(struct mn_api_call *call)
{
    int64_t id = 0;
    if (!mn_query_need(call, "userId", &id))
        return;
    if (id <= 0)
        mn_api_fail(call, 40000, "bad_user_id");
    else
        show_profile(call, id, false);
}

void mn_api_me_profile(struct mn_api_call *call) { show_profile(call, call->user, true); }

/* HTTP 200 as in the original, with the header it lacks (H-7.2.4). */
static void cooldown(struct mn_api_call *call, const struct mn_user *user)
{
    int64_t left_ms = mn_account_next_reset_ms(call->api->config.account, user) - mn_unix_ms();
    char text[20];
    size_t n = mn_print_u64(text, left_ms > 1000 ? (uint64_t)(left_ms + 999) / 1000 : 1);
    (void)mn_http_response_header(call->res, "Retry-After", mn_str_make(text, n));
    mn_api_fail(call, 42900, "cooldown_not_reached");
}

void mn_api_me_code_reset(struct mn_api_call *call)
{
    struct mn_user user;
    enum mn_err err = mn_account_reset_code(call->api->config.account, call->user, &user);
    if (err == MN_EPERM) {
        cooldown(call, &user);
        return;
    }
    if (err == MN_ENOTFOUND) {
        mn_api_fail(call, 40400, "not_found");
        return;
    }
    if (err != MN_OK) {
        mn_api_broken_softly(call, "friend_code", err);
        return;
    }
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    mn_jout_str(&out, "friendCode", mn_str_c(user.friend_code));
    print_code_dates(call, &out, &user);
    mn_jout_close(&out, '}');
    mn_api_data_end(call);
}
