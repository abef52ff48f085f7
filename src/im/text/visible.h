/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_IM_TEXT_VISIBLE_H
#define MN_IM_TEXT_VISIBLE_H

#include <stdbool.h>

#include "base/str.h"

/*
 * Whether valid UTF-8 shows anything at all: a name of blanks, zero-width
 * characters, marks that stand on nothing or fillers is none.  Any thread.
 */
bool mn_text_is_visible(struct mn_str text);

#endif
