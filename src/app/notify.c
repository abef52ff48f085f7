/* SPDX-License-Identifier: Apache-2.0 */
/* Telling the service manager, see notify.h.  Main thread. */
#include "app/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"

static void notify(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = path ? strlen(path) : 0;

    /* A path, or a name of the abstract space: its '@' stands for a zero. */
    if (n < 2 || n >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, n);
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    /* Who does not listen learns it from the process's end; nothing else could be done here. */
    mn_ignore(sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
                     (const struct sockaddr *)&to,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)));
    close(fd);
}

void mn_notify_ready(void) { notify("READY=1\nSTATUS=serving"); }

void mn_notify_reloading(void)
{
    char text[96];

    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, mn_mono_ns() / 1000);
    notify(text);
}

void mn_notify_stopping(void) { notify("STOPPING=1\nSTATUS=draining"); }
