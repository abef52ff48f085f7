/* SPDX-License-Identifier: Apache-2.0 */
/* --login: everybody's login before the first connect, with progress.  Main thread. */
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "tool/bench/bench.h"
#include "tool/kit/term.h"
#include "tool/load/logins.h"

#define LOOK_MS 20
/* CPU of the server for one password (bcrypt, cost 10). */
#define PASSWORD_S 0.05
/* Shorter waits need no explanation. */
#define WARN_S 10

/* Members of groups who never connect have an account too. */
static uint32_t users(const struct bench *bench)
{
    const struct opts *opts = &bench->opts;
    return bench->cmd == CMD_GROUP ? (uint32_t)(opts->groups * opts->members) : bench->run.clients;
}

static void warn(const struct bench *bench)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    double expected_s = users(bench) * PASSWORD_S / (double)(cores > 0 ? cores : 1);
    if (expected_s > WARN_S)
        fprintf(stderr,
                "minim bench: %u logins cost the server 50 ms of CPU each: some %.0f s if it has "
                "%ld cores\n",
                users(bench), expected_s, cores);
}

static void show(const struct bench *bench, uint32_t done, bool end)
{
    struct term_line line;
    if (!bench->progress)
        return;
    term_begin(&line);
    term_add(&line, "login  %u/%u", done, users(bench));
    if (end)
        term_clear();
    else
        term_show(&line);
}

bool bench_login(struct bench *bench)
{
    struct load_run *run = &bench->run;
    uint32_t done = 0;
    run->logins = logins_new(bench->opts.http, run->run_id, users(bench), bench->opts.timeout_ns);
    if (!run->logins)
        return false;
    warn(bench);
    logins_start(run->logins);
    while (done < users(bench) && !bench_is_interrupted(bench)) {
        done = logins_done(run->logins);
        show(bench, done, false);
        mn_ignore(poll(NULL, 0, LOOK_MS));
    }
    logins_join(run->logins);
    show(bench, done, true);
    if (bench_is_interrupted(bench)) {
        fputs("minim bench: ended while logging in\n", stderr);
        return false;
    }
    logins_keep_fresh(run->logins);
    return true;
}
