/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/proto/tests.h"

#include "base/rand.h"
#include "proto/ws.h"

enum { MARGIN = 64, LONGEST = 300 };

/* Vectorised, portable and byte by byte are the same, at every alignment, length and phase. */
static void all_ways_agree(void **state)
{
    char fast[LONGEST + 2 * MARGIN];
    char slow[LONGEST + 2 * MARGIN];
    char plain[LONGEST + 2 * MARGIN];
    struct mn_rng rng;

    (void)state;
    mn_rng_seed(&rng, 42);
    for (size_t n = 0; n <= LONGEST; n += n < 140 ? 1 : 13) {
        for (size_t at = 0; at < 33; at++) {
            unsigned phase = (unsigned)mn_rng_below(&rng, 4);
            uint64_t bits = mn_rng_next(&rng);
            uint8_t mask[4];

            memcpy(mask, &bits, sizeof(mask));
            for (size_t i = 0; i < sizeof(plain); i++)
                plain[i] = (char)mn_rng_next(&rng);
            memcpy(fast, plain, sizeof(plain));
            memcpy(slow, plain, sizeof(plain));
            mn_ws_mask(fast + at, n, mask, phase);
            mn_ws_mask_portable(slow + at, n, mask, phase);
            for (size_t i = 0; i < n; i++)
                plain[at + i] = (char)((uint8_t)plain[at + i] ^ mask[(phase + i) % 4]);
            assert_memory_equal(fast, plain, sizeof(plain));
            assert_memory_equal(slow, plain, sizeof(plain));
        }
    }
}

/* A payload may be masked in pieces, each with the phase of its place. */
static void pieces_are_the_whole(void **state)
{
    static const uint8_t mask[4] = {1, 2, 4, 8};
    char whole[100] = {0};
    char pieces[100] = {0};

    (void)state;
    mn_ws_mask(whole, sizeof(whole), mask, 0);
    for (size_t cut = 0; cut <= sizeof(pieces); cut++) {
        memset(pieces, 0, sizeof(pieces));
        mn_ws_mask(pieces, cut, mask, 0);
        mn_ws_mask(pieces + cut, sizeof(pieces) - cut, mask, (unsigned)(cut % 4));
        assert_memory_equal(pieces, whole, sizeof(whole));
    }
}

int test_proto_ws_mask(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ways_agree),
        cmocka_unit_test(pieces_are_the_whole),
    };

    return cmocka_run_group_tests_name("proto_ws_mask", tests, NULL, NULL);
}
