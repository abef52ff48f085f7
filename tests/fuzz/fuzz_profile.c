/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles of `bench mixed`: what is taken has shares that are one in all; what is not has a reason. */
#include <math.h>

#include "fuzz/fuzz_file.h"
#include "tool/bench/profile.h"

static void check_shares(const struct profile *profile)
{
    double sum = 0;

    for (int kind = 0; kind < PROFILE_KIND_COUNT; kind++) {
        double share = profile_share(profile, (enum profile_kind)kind);

        FUZZ_CHECK(share >= 0 && share <= 1);
        sum += share;
    }
    FUZZ_CHECK(fabs(sum - 1) < 1e-6);
    FUZZ_CHECK(profile->read_pct >= 0 && profile->read_pct <= 100);
    FUZZ_CHECK(profile->page > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_file file = fuzz_file_make(data, size);
    struct profile profile;
    char why[200] = "";

    if (profile_load(&profile, file.path, why, sizeof(why)) == MN_OK)
        check_shares(&profile);
    else
        FUZZ_CHECK(why[0] != '\0' && strlen(why) < sizeof(why));
    fuzz_file_close(&file);
    return 0;
}
