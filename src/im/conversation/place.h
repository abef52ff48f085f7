/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_CONVERSATION_PLACE_H
#define MN_IM_CONVERSATION_PLACE_H

#include "base/clock.h"
#include "store/log/msglog.h"

/*
 * Where the next page of a conversation list begins.  A client names the
 * place by what it was shown of the last row: a local time and the chat's
 * id.  The time alone names two instants in the hour in which clocks are
 * set back, so the row decides (H-7.4.1).  When a newer message has
 * moved the row since, its history does: the row once stood at the time of
 * one of its messages.  A time in an hour that clocks skipped stands for
 * the skip itself.
 *
 * Private to im/conversation.  Reads the log and blocks: workers only.  Errors: those of the log; an unknown chat, or
 * one of others, is none, the latest instant is meant then.
 */
MN_MUSTCHECK enum mn_err mn_conversation_place(struct mn_msglog *log, int64_t user,
                                               const struct mn_date *updated, int64_t chat,
                                               struct mn_chat_pos *ret);

#endif
