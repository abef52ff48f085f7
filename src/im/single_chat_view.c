/* SPDX-License-Identifier: Apache-2.0 */
#include "im/single_chat_view.h"

enum mn_err mn_single_chat_with(struct mn_msglog *log, int64_t user, int64_t peer,
                                struct mn_chat_view *ret)
{
    int64_t chat = 0;
    enum mn_err err = mn_msglog_pair(log, user, peer, &chat);
    return err == MN_OK ? mn_msglog_chat(log, chat, user, ret) : err;
}
