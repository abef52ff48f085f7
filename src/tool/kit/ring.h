/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_KIT_RING_H
#define MN_TOOL_KIT_RING_H

#include <stddef.h>
#include <stdint.h>

/*
 * Rings whose capacity is a power of two, or 0: item i of head..tail lies at
 * i & (cap - 1), so that indexes may run over.  The owner keeps ring and
 * indexes in types of its own, and the ceiling; here is only how one grows.
 */

/*
 * Doubles the ring: `*cap` items of `size` bytes, or `first` (a power of two)
 * where there were none.  The items head..tail are in the new one, `take_ring`
 * is freed.
 */
void *ring_grow(void *take_ring, size_t size, uint32_t first, uint32_t head, uint32_t tail,
                uint32_t *cap) __attribute__((returns_nonnull));

#endif
