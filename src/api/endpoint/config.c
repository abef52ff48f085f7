/* SPDX-License-Identifier: Apache-2.0 */
/* GET /client/config: what a client has to know of this server (H-7.11). */
#include "api/endpoint/handlers.h"
#include "base/clock.h"
#include "im/account/code.h"
#include "im/call/turn.h"
#include "im/message.h"

enum { LOGIN_S = 86400 };

/* The login of a relay: made for the caller from the shared secret, or the one that all have. */
static void print_login(struct mn_jout *out, const struct mn_api_client_options *options,
                        int64_t user)
{
    struct mn_turn_login login;
    if (options->turn_secret[0]) {
        mn_turn_login_make(mn_str_c(options->turn_secret), user, mn_unix_ms() / 1000 + LOGIN_S,
                           &login);
        mn_jout_str(out, "username", mn_str_c(login.username));
        mn_jout_str(out, "credential", mn_str_c(login.credential));
    } else if (options->turn_username[0]) {
        mn_jout_str(out, "username", mn_str_c(options->turn_username));
        mn_jout_str(out, "credential", mn_str_c(options->turn_credential));
    }
}

/* As RTCPeerConnection wants them. */
static void print_ice(struct mn_jout *out, const struct mn_api_client_options *options,
                      int64_t user)
{
    struct mn_str url;
    size_t pos = 0;
    mn_jout_open(out, "iceServers", '[');
    while (mn_list_next(mn_str_c(options->ice_servers), &pos, &url)) {
        if (url.n == 0)
            continue;
        mn_jout_open(out, NULL, '{');
        mn_jout_str(out, "urls", url);
        if (mn_ice_url_is_turn(url))
            print_login(out, options, user);
        mn_jout_close(out, '}');
    }
    mn_jout_close(out, ']');
}

void mn_api_client_config(struct mn_api_call *call)
{
    const struct mn_api_client_options *options = &call->snapshot->options.client;
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    print_ice(&out, options, call->user);
    mn_jout_num(&out, "maxBodyLength", MN_MESSAGE_BODY_MAX);
    mn_jout_num(&out, "revokeWindowSeconds", options->revoke_window_s);
    mn_jout_str(&out, "codeAlphabet", mn_code_alphabet());
    mn_jout_num(&out, "codeLength", options->code_len);
    mn_jout_str(&out, "version", MN_STR(MN_VERSION));
    mn_jout_close(&out, '}');
    mn_api_data_end(call);
}
