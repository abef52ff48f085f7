/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message type names: the table of envelope.h in both directions.  Constant
 * data, any thread.
 */
#include "proto/envelope.h"

static const char *const names[MN_TYPE_COUNT] = {[MN_TYPE_UNKNOWN] = "",
#define MN_TYPE_TEXT(sym, text, inbound) [MN_TYPE_##sym] = (text),
                                                 MN_TYPE_MAP(MN_TYPE_TEXT)
#undef MN_TYPE_TEXT
};

static const bool inbound_types[MN_TYPE_COUNT] = {
#define MN_TYPE_INBOUND(sym, text, inbound) [MN_TYPE_##sym] = (inbound),
    MN_TYPE_MAP(MN_TYPE_INBOUND)
#undef MN_TYPE_INBOUND
};

const char *mn_type_name(enum mn_type type)
{
    return (unsigned)type < MN_TYPE_COUNT ? names[type] : "";
}

enum mn_type mn_type_find(struct mn_str name)
{
    /* The lengths and texts are constants here: a chain of compares, no call. */
#define MN_TYPE_FIND(sym, text, inbound)                                                           \
    if (name.n == sizeof(text) - 1 && memcmp(name.p, text, sizeof(text) - 1) == 0)                 \
        return MN_TYPE_##sym;
    MN_TYPE_MAP(MN_TYPE_FIND)
#undef MN_TYPE_FIND
    return MN_TYPE_UNKNOWN;
}

bool mn_type_is_inbound(enum mn_type type)
{
    return (unsigned)type < MN_TYPE_COUNT && inbound_types[type];
}
