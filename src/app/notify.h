/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_APP_NOTIFY_H
#define MN_APP_NOTIFY_H

/*
 * The protocol of sd_notify(3) without its library: one datagram to the
 * socket that the service manager named in $NOTIFY_SOCKET.  Without one
 * nothing happens.  Never blocks; what cannot be sent is left out.
 */

/* Everything is listening, or a reload is over. */
void mn_notify_ready(void);
/* A reload begins; mn_notify_ready() ends it. */
void mn_notify_reloading(void);
void mn_notify_stopping(void);

#endif
