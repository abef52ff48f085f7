/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reason strings: the table of reason.h as an array.  Constant data, any
 * thread.
 */
#include "proto/reason.h"

static const char *const texts[MN_REASON_COUNT] = {[MN_REASON_NONE] = "",
#define MN_REASON_TEXT(sym, text) [MN_REASON_##sym] = (text),
                                                   MN_REASON_MAP(MN_REASON_TEXT)
#undef MN_REASON_TEXT
};

const char *mn_reason_text(enum mn_reason reason)
{
    return (unsigned)reason < MN_REASON_COUNT ? texts[reason] : "";
}
