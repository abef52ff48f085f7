/* SPDX-License-Identifier: Apache-2.0 */
/* Rosters in memory (im/group/roster.h). */
#include "im/group/roster.h"

#include <pthread.h>

#include "base/mem.h"
#include "support/torture.h"
#include "unit/im/tests.h"

enum { GROUPS = 64 };

/* The store: members 1..count of each group, the n-th muted until n * 1000 for odd n. */
static struct {
    int counts[GROUPS];
    unsigned reads;
    enum mn_err err;
    int inside; /* this group changes during its read, so often */
    struct mn_rosters *rosters;
} store;

static enum mn_err members(void *ctx, int64_t group, mn_roster_put put, void *arg)
{
    (void)ctx;
    store.reads++;
    int count = group < GROUPS ? store.counts[group] : 0;
    for (int64_t i = count; i >= 1; i--) /* not in order */
        put(arg, i * 10, (unsigned)(i % 3), i % 2 ? i * 1000 : 0);
    if (store.inside > 0) {
        store.inside--;
        store.counts[group]++;
        mn_roster_changed(store.rosters, group);
    }
    return store.err;
}

static struct mn_metrics *metrics;

static int setup(void **state)
{
    (void)state;
    const struct mn_roster_source source = {.members = members};
    memset(&store, 0, sizeof(store));
    metrics = mn_metrics_new();
    store.rosters = mn_rosters_new(&source, 16 * 4096, metrics);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mn_rosters_free(store.rosters);
    mn_metrics_free(metrics);
    return 0;
}

static uint32_t load(int64_t group)
{
    struct mn_roster *roster = NULL;
    assert_int_equal(mn_roster_load(store.rosters, group, &roster), MN_OK);
    assert_int_equal(roster->group, group);
    uint32_t count = roster->count;
    mn_roster_unref(roster);
    return count;
}

static bool is_kept(int64_t group)
{
    struct mn_roster *roster = mn_roster_find(store.rosters, group);
    mn_roster_unref(roster);
    return roster != NULL;
}

static void finds_members(void **state)
{
    struct mn_roster *roster = NULL;
    (void)state;
    store.counts[1] = 33;
    assert_null(mn_roster_find(store.rosters, 1));
    assert_int_equal(mn_roster_load(store.rosters, 1, &roster), MN_OK);
    assert_int_equal(roster->count, 33);
    for (int64_t i = 1; i <= 33; i++) {
        const struct mn_roster_member *member = mn_roster_member(roster, i * 10);
        assert_non_null(member);
        assert_true(member->uid == i * 10 && member->role == (unsigned)(i % 3));
        assert_int_equal(member->mute_until_ms, i % 2 ? i * 1000 : 0);
        assert_null(mn_roster_member(roster, i * 10 + 1));
    }
    assert_null(mn_roster_member(roster, INT64_MIN));
    assert_null(mn_roster_member(roster, INT64_MAX));
    struct mn_roster *again = mn_roster_find(store.rosters, 1);
    assert_ptr_equal(again, roster);
    assert_int_equal(load(1), 33);
    assert_int_equal(store.reads, 1);
    mn_roster_unref(again);
    mn_roster_unref(roster);
}

/* The next find after a change gives the new state or none; who holds the old one keeps it. */
static void changes(void **state)
{
    struct mn_roster *old = NULL, *now = NULL;
    (void)state;
    store.counts[1] = 3;
    assert_int_equal(mn_roster_load(store.rosters, 1, &old), MN_OK);
    store.counts[1] = 2;
    mn_roster_changed(store.rosters, 1);
    mn_roster_changed(store.rosters, 2); /* not in memory: nothing to do */
    assert_null(mn_roster_find(store.rosters, 1));
    assert_int_equal(old->count, 3);
    assert_int_equal(mn_roster_load(store.rosters, 1, &now), MN_OK);
    assert_int_equal(now->count, 2);
    assert_true(now->version > old->version);
    mn_roster_unref(old);
    mn_roster_unref(now);
}

/* What was read while the group changed may be from before, and does not stay. */
static void changes_during_a_read(void **state)
{
    (void)state;
    store.counts[1] = 3;
    store.inside = 2;
    assert_int_equal(load(1), 5);
    assert_int_equal(store.reads, 3);
    assert_true(is_kept(1));
    mn_roster_changed(store.rosters, 1);
    store.inside = 100; /* again and again: an answer is given all the same */
    assert_true(load(1) > 5);
    assert_false(is_kept(1));
}

static void unknown_groups_take_no_room(void **state)
{
    (void)state;
    assert_int_equal(load(5), 0);
    assert_false(is_kept(5));
    store.err = MN_EIO;
    struct mn_roster *roster = NULL;
    assert_int_equal(mn_roster_load(store.rosters, 6, &roster), MN_EIO);
    assert_null(roster);
    assert_int_equal(mn_metrics_sum(metrics, MN_M_ROSTERS), 0);
    assert_int_equal(mn_metrics_sum(metrics, MN_M_ROSTER_BYTES), 0);
}

static void a_ceiling(void **state)
{
    (void)state;
    for (int64_t group = 1; group < GROUPS; group++) {
        store.counts[group] = 100;
        assert_int_equal(load(group), 100);
        assert_true(is_kept(group)); /* the one that was asked for stays */
        assert_in_range(mn_metrics_sum(metrics, MN_M_ROSTER_BYTES), 1600, 16 * 4096);
    }
    assert_true(mn_metrics_sum(metrics, MN_M_ROSTER_EVICTIONS) > 0);
    store.counts[1] = 100000; /* greater than all the room there is: it is there while it is used */
    mn_roster_changed(store.rosters, 1);
    assert_int_equal(load(1), 100000);
    assert_true(is_kept(1));
    /* A member takes 16 bytes. */
    assert_in_range(mn_metrics_sum(metrics, MN_M_ROSTER_BYTES), 1600000, 1600000 + 16 * 4096);
}

static void without_memory(void **state)
{
    struct mn_roster *roster = NULL;
    (void)state;
    store.counts[1] = 100;
    unsigned n = 1;
    for (;; n++) {
        torture_begin(n);
        enum mn_err err = mn_roster_load(store.rosters, 1, &roster);
        bool reached = torture_end();
        if (!err)
            break;
        assert_true(reached);
        assert_int_equal(err, MN_ENOMEM);
    }
    assert_in_range(n, 3, 20);
    assert_int_equal(roster->count, 100);
    mn_roster_unref(roster);
}

static void *use(void *arg)
{
    int *stop = arg;
    while (!__atomic_load_n(stop, __ATOMIC_ACQUIRE)) {
        struct mn_roster *roster = NULL;
        int64_t group = 1;
        int before = __atomic_load_n(&store.counts[2], __ATOMIC_ACQUIRE);
        assert_int_equal(mn_roster_load(store.rosters, group, &roster), MN_OK);
        assert_true((int)roster->count >= before); /* it only grows here: never an old one */
        mn_roster_unref(roster);
        mn_roster_unref(mn_roster_find(store.rosters, group));
    }
    return NULL;
}

static enum mn_err grow_only(void *ctx, int64_t group, mn_roster_put put, void *arg)
{
    (void)ctx;
    int count = __atomic_load_n(&store.counts[group], __ATOMIC_ACQUIRE);
    for (int64_t i = 1; i <= count; i++)
        put(arg, i, 0, 0);
    return MN_OK;
}

/* Readers and changes at the same time; under TSan in script/test. */
static void threads(void **state)
{
    (void)state;
    const struct mn_roster_source source = {.members = grow_only};
    pthread_t thread[3];
    int stop = 0;
    mn_rosters_free(store.rosters);
    store.rosters = mn_rosters_new(&source, 1 << 20, metrics);
    store.counts[1] = 1;
    for (unsigned i = 0; i < MN_ARRAY_LEN(thread); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, use, &stop), 0);
    for (int i = 2; i < 500; i++) {
        /* As a change is made: stored, told to the rosters, and only then seen by others. */
        struct mn_roster *roster = NULL;
        __atomic_store_n(&store.counts[1], i, __ATOMIC_RELEASE);
        mn_roster_changed(store.rosters, 1);
        __atomic_store_n(&store.counts[2], i, __ATOMIC_RELEASE);
        assert_int_equal(mn_roster_load(store.rosters, 1, &roster), MN_OK);
        assert_int_equal(roster->count, i);
        mn_roster_unref(roster);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < MN_ARRAY_LEN(thread); i++)
        pthread_join(thread[i], NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int test_im_roster(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_members),
        TEST(changes),
        TEST(changes_during_a_read),
        TEST(unknown_groups_take_no_room),
        TEST(a_ceiling),
        TEST(without_memory),
        TEST(threads),
    };
    return cmocka_run_group_tests_name("im/roster", tests, NULL, NULL);
}
