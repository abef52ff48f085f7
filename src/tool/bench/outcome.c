/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a run has measured anything.  One that has not must not pass for
 * good: it says so, with the cause it knows.  Main thread, at the end.
 */
#include <errno.h>

#include "tool/bench/bench.h"
#include "tool/bench/http_load.h"
#include "tool/bench/lists.h"

#define ERRNO_MAX 200

static bool is_limit(const char *text)
{
    return strstr(text, "too_many_requests") || strstr(text, "rate_limited");
}

static bool met_limits(const struct load_reasons *reasons)
{
    for (unsigned i = 0; i < reasons->count; i++)
        if (is_limit(reasons->item[i].text))
            return true;
    return false;
}

static bool has_requests(const struct bench *bench)
{
    uint64_t ok = 0, failed = 0;
    if (bench->http_load)
        http_load_shown(bench->http_load, &ok, &failed);
    return ok > 0;
}

/* What the mode is about did happen in the steady phase. */
static bool has_figures(const struct bench *bench)
{
    const struct load_counters *steady = &bench->steady;
    if (bench->cmd & CMD_MESSAGES)
        return steady->saved + load_delivered(steady) > 0 || has_requests(bench);
    if (bench->cmd == CMD_LISTS)
        return bench->lists->ok > 0;
    return bench->cmd != CMD_PING || steady->pongs > 0;
}

/* "connect: ECONNREFUSED" with what that means. */
static void print_cause(const struct bench *bench)
{
    const struct load_reasons *failures = &bench->failures;
    for (size_t i = 0; i < bench->opts.ws.count; i++)
        fprintf(stderr, "%s%s", i ? ", " : " at ", bench->opts.ws.item[i]);
    for (unsigned i = 0; i < failures->count; i++) {
        const char *text = failures->item[i].text;
        const char *name = strstr(text, ": ");
        fprintf(stderr, "%s%s", i ? ", " : ": ", text);
        for (int e = 1; name && e < ERRNO_MAX; e++)
            if (strerrorname_np(e) && strcmp(strerrorname_np(e), name + 2) == 0)
                fprintf(stderr, " (%s)", strerror(e));
    }
    fputc('\n', stderr);
}

bool bench_has_measured(const struct bench *bench, bool ran)
{
    bool limited = met_limits(&bench->refusals) || met_limits(&bench->failures);
    bool measured = ran && has_figures(bench);
    if (!ran && !bench->interrupted && bench->cmd != CMD_LISTS) {
        fputs("minim bench: no client could be authenticated", stderr);
        print_cause(bench);
    }
    if (ran && !measured && !bench->interrupted)
        fputs("minim bench: nothing was measured in the steady phase\n", stderr);
    if (limited)
        fputs("minim bench: the server's rate limits refused or closed clients: for a load test,\n"
              "start it with --im.gateway.ws.rate-limit.connection-rate=0 and\n"
              "--im.gateway.ws.rate-limit.user-rate=0, or use --spawn\n",
              stderr);
    /* Ctrl-C: what there is, is what was wanted; but whoever never began has nothing. */
    return measured || (ran && bench->interrupted);
}
