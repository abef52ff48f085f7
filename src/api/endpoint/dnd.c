/* SPDX-License-Identifier: Apache-2.0 */
/* /dnd/...: chats and groups for which nothing is to ring (H-7.8). */
#include "im/dnd.h"
#include "api/endpoint/handlers.h"
#include "api/input.h"
#include "base/num.h"

static void print_id(void *arg, int64_t target) { mn_jout_id(arg, NULL, target); }

static enum mn_err print_list(struct mn_api_call *call, struct mn_jout *out, const char *key,
                              enum mn_dnd_kind kind)
{
    mn_jout_open(out, key, '[');
    enum mn_err err = mn_dnd_list(call->api->config.dnd, call->user, kind, print_id, out);
    mn_jout_close(out, ']');
    return err;
}

void mn_api_dnd_list(struct mn_api_call *call)
{
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    enum mn_err err = print_list(call, &out, "dmPeerUserIds", MN_DND_PEER);
    if (err == MN_OK)
        err = print_list(call, &out, "groupIds", MN_DND_GROUP);
    mn_jout_close(&out, '}');
    if (err == MN_OK)
        mn_api_data_end(call);
    else
        mn_api_broken(call, "dnd", err);
}

/* An id as text, and the wish, in the order of the contract.  False: answered. */
static bool read_change(struct mn_api_call *call, const char *name, const char *missing,
                        const char *invalid, int64_t *ret_id, bool *ret_muted)
{
    struct mn_str text;
    bool given = false;
    if (!mn_body_text(call, name, &text) || !mn_body_flag(call, "muted", ret_muted, &given))
        return false;
    const char *reason = NULL;
    if (mn_str_is_blank(text))
        reason = missing;
    else if (mn_parse_i64(mn_str_trim(text), 1, INT64_MAX, ret_id) != MN_OK)
        reason = invalid;
    else if (!given)
        reason = "bad_request";
    if (reason)
        mn_api_fail(call, 40000, reason);
    return reason == NULL;
}

void mn_api_dnd_dm_set(struct mn_api_call *call)
{
    int64_t peer = 0;
    bool muted = false;
    if (!read_change(call, "peerUserId", "missing_peer_user_id", "invalid_peer_user_id", &peer,
                     &muted))
        return;
    if (peer == call->user) {
        mn_api_fail(call, 40000, "cannot_mute_self_chat");
        return;
    }
    enum mn_err err = mn_dnd_set_peer(call->api->config.dnd, call->user, peer, muted);
    if (err == MN_OK)
        mn_api_ok(call);
    else if (err == MN_ENOTFOUND)
        mn_api_fail(call, 40400, "user_not_found");
    else
        mn_api_broken(call, "dnd", err);
}

void mn_api_dnd_group_set(struct mn_api_call *call)
{
    int64_t group = 0;
    bool muted = false;
    if (!read_change(call, "groupId", "missing_group_id", "invalid_group_id", &group, &muted))
        return;
    enum mn_err err = mn_dnd_set_group(call->api->config.dnd, call->user, group, muted);
    if (err == MN_OK)
        mn_api_ok(call);
    else if (err == MN_EPERM)
        mn_api_fail(call, 40300, "not_group_member");
    else
        mn_api_broken(call, "dnd", err);
}
