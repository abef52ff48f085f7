/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_PROTO_MENTIONS_H
#define MN_PROTO_MENTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/*
 * Iterates over the text of `mentions` as mn_mentions_next() does, but gives
 * the elements as they stand: strings without their quotes and with their
 * escapes.  A text that is no array ends the iteration.
 */
bool mn_mentions_raw(struct mn_str mentions, size_t *pos, struct mn_str *ret);

#endif
