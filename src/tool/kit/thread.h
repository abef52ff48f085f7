/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_THREAD_H
#define MN_TOOL_KIT_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/*
 * Starts a thread that takes no signals: they are the main thread's.  false:
 * the system has none to give.  The caller joins it.
 */
bool thread_start(pthread_t *ret_thread, void *(*run)(void *), void *arg);

#endif
