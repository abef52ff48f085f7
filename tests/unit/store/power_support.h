/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_STORE_POWER_SUPPORT_H
#define TESTS_UNIT_STORE_POWER_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "support/power.h"

/*
 * What the power cuts of both stores have in common: sessions in a chain.
 * Each session opens the store on what a power cut of the one before left,
 * works, and closes; all of it is recorded, so that its cuts fall into
 * opening, recovery, flushes, checkpoints and closing as well.
 *
 * MINIM_TEST_CUTS says how many cuts in all, MINIM_TEST_SEED which.
 */
struct power_case {
    const char *name;
    unsigned percent;     /* of all cuts */
    unsigned sessions;    /* in a chain; then from an empty disk again */
    void *(*begin)(void); /* a chain; power_case's `world` from here on */
    void (*end)(void *world);
    /* Before a session is recorded: what it finds on the disk is to be different. May be NULL. */
    void (*prepare)(void *world, const char *dir, struct mn_rng *rng);
    /* Opens the store in `dir`, works, closes; calls power_opened_now() once it is open. */
    void (*work)(void *world, const char *dir, struct mn_rng *rng);
    /* Opens what a cut at `position` left in `dir`, checks, closes. False: print what is wrong first. */
    bool (*check)(void *world, const char *dir, size_t position, struct mn_rng *rng);
    /* The chain goes on from this cut, of which `dir` is a copy: what is there has to stay. */
    bool (*accept)(void *world, const char *dir, size_t position, struct mn_rng *rng);
};

/*
 * Ends a recording; `to`, which must not exist, gets what a process killed at
 * `position` had written.
 */
void power_write_as_of(size_t position, const char *to);

void power_opened_now(void);
/* Fails the test at the first cut whose check fails, and tells how to repeat it. */
void power_run(const struct power_case *c);

/* In a check: prints and returns false when `cond` does not hold. */
#define POWER_CHECK(cond, ...)                                                                     \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            print_error("%s:%d: %s: ", __FILE__, __LINE__, #cond);                                 \
            print_error(__VA_ARGS__);                                                              \
            print_error("\n");                                                                     \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

#endif
