/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_APP_WIRE_H
#define MN_APP_WIRE_H

#include "api/api.h"
#include "app/config.h"
#include "base/buf.h"
#include "gate/gate.h"
#include "im/account.h"
#include "im/call/calls.h"
#include "im/group/groups.h"
#include "net/net.h"
#include "store/log/msglog.h"

/*
 * From options to each part's own configuration: the only place that knows
 * both.  The same functions serve start and reload.  Main thread.
 */
void mn_wire_net(const struct mn_config *config, struct mn_net_config *ret);
/* Loads the text filter; on failure `why` says what is wrong with its file. */
MN_MUSTCHECK enum mn_err mn_wire_gate(const struct mn_config *config, struct mn_gate_settings *ret,
                                      struct mn_buf *why);
void mn_wire_msglog(const struct mn_config *config, struct mn_msglog_config *ret);
/* These three: only what options decide; the rest of *ret stays. */
void mn_wire_calls(const struct mn_config *config, struct mn_calls_config *ret);
void mn_wire_groups(const struct mn_config *config, struct mn_groups_config *ret);
void mn_wire_account(const struct mn_config *config, struct mn_account_config *ret);
/* Texts stay the config's; the filter is the caller's. Errors of mn_filter_load(). */
MN_MUSTCHECK enum mn_err mn_wire_api(const struct mn_config *config, struct mn_api_options *ret,
                                     struct mn_buf *why);

#endif
