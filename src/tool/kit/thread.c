/* SPDX-License-Identifier: Apache-2.0 */
/* Threads without signals, see thread.h. */
#include "tool/kit/thread.h"

#include <signal.h>

bool thread_start(pthread_t *ret_thread, void *(*run)(void *), void *arg)
{
    sigset_t all, old;
    sigfillset(&all);
    /* Inherited by the thread, and there from its first instruction on. */
    pthread_sigmask(SIG_BLOCK, &all, &old);
    bool ok = pthread_create(ret_thread, NULL, run, arg) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return ok;
}
