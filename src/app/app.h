/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_APP_APP_H
#define MN_APP_APP_H

#include "app/config.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"

/*
 * The daemon: makes the parts, wires them, and ends them in the right
 * order.  All process-wide state hangs from here.  Main thread.
 */
struct mn_app;

/*
 * Starts everything; when it returns MN_OK every listener accepts.  `why`
 * gets a sentence for the operator on failure.  `config` is copied.
 */
MN_MUSTCHECK enum mn_err mn_app_start(const struct mn_config *config, struct mn_log *log,
                                      struct mn_app **ret, struct mn_buf *why);
/* "http=HOST:PORT ws=HOST:PORT" as bound, for the ready line; [::1]:PORT for IPv6. */
void mn_app_print_ready(const struct mn_app *app, struct mn_buf *out);
/*
 * Takes over what may change while running.  On failure the old values stay
 * and `why` says which one is wrong.
 */
MN_MUSTCHECK enum mn_err mn_app_reload(struct mn_app *app, const struct mn_config *config,
                                       struct mn_buf *why);
/*
 * Drains (clients are told 1012 at staggered times), answers what is under
 * way, commits, closes the stores, frees everything.
 */
void mn_app_stop(struct mn_app *app);

#endif
