/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a process in which a C++ exception met nobody to catch it, see
 * terminate.h.  The C++ library came with RocksDB; its two functions are
 * looked up by name, so that minimd needs no C++ to be built.
 */
#include "app/terminate.h"

#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

#include "base/std.h"

enum { EXIT_CODE = 1 };

typedef void handler_fn(void);

/* std::type_info as the Itanium C++ ABI lays it out. */
struct type_info {
    const void *vtable;
    const char *name;
};

/* The mangled name of the exception that is in flight, or NULL. */
static const char *exception_name(void)
{
    const struct type_info *(*current)(void);
    void *symbol = dlsym(RTLD_DEFAULT, "__cxa_current_exception_type");

    memcpy(&current, &symbol, sizeof current);
    const struct type_info *type = current ? current() : NULL;
    return type ? type->name : NULL;
}

static struct mn_str message(void)
{
    const char *name = exception_name();

    if (name && strstr(name, "bad_alloc"))
        return MN_STR("minimd: the message store found no memory: see ulimit -v, the unit's "
                      "MemoryMax=, and minim.store.cache-bytes\n");
    if (name && strstr(name, "system_error"))
        return MN_STR("minimd: the message store could not start a thread or get another resource "
                      "of the system: see ulimit -u and -v, and the unit's TasksMax= and "
                      "MemoryMax=\n");
    return MN_STR("minimd: the message store failed with an exception that nobody caught\n");
}

static void end(void)
{
    mn_ignore(mn_std_write(STDERR_FILENO, message(), MN_LAST_WORDS_MS));
    _exit(EXIT_CODE);
}

void mn_terminate_with_message(void)
{
    handler_fn *(*set_terminate)(handler_fn *);
    void *symbol = dlsym(RTLD_DEFAULT, "_ZSt13set_terminatePFvvE");

    memcpy(&set_terminate, &symbol, sizeof set_terminate);
    if (set_terminate)
        set_terminate(end);
}
