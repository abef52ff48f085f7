/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_GROUP_STRATEGY_H
#define MN_IM_GROUP_STRATEGY_H

/* What members of a group are told of a message (W-9.2); the last three are mini-im's other names. */
enum mn_group_mode {
    MN_GROUP_AUTO = 0,
    MN_GROUP_PUSH,
    MN_GROUP_NOTIFY,
    MN_GROUP_NONE,
    MN_GROUP_STRATEGY1, /* push */
    MN_GROUP_STRATEGY2, /* notify */
    MN_GROUP_OFF        /* none */
};

static inline enum mn_group_mode mn_group_mode_of(enum mn_group_mode named)
{
    return named >= MN_GROUP_STRATEGY1 ? named - MN_GROUP_STRATEGY1 + MN_GROUP_PUSH : named;
}

#endif
