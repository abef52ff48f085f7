/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_APP_SETTINGS_H
#define MN_APP_SETTINGS_H

#include "app/config.h"
#include "base/buf.h"

/*
 * From the options to a part's settings, where these are not the options as
 * they are: what is derived from several, goes to several parts, or has to be
 * loaded.  The same functions serve start and reload.  Main thread.
 */

/* As many loops and connections as this machine can have. */
struct mn_net_config mn_settings_net(const struct mn_config *config);
/* Loads the text filter; on failure `why` says what is wrong with its file. */
MN_MUSTCHECK enum mn_err mn_settings_gate(const struct mn_config *config,
                                          struct mn_gate_settings *ret, struct mn_buf *why);
/* With the directory. */
struct mn_msglog_config mn_settings_msglog(const struct mn_config *config);
struct mn_groups_config mn_settings_groups(const struct mn_config *config);
/* Texts stay the config's; the filter is the caller's.  Errors as of mn_settings_gate(). */
MN_MUSTCHECK enum mn_err mn_settings_api(const struct mn_config *config, struct mn_api_options *ret,
                                         struct mn_buf *why);

#endif
