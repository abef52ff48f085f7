/* SPDX-License-Identifier: Apache-2.0 */
/* Growing rings, see ring.h.  Any thread. */
#include "tool/kit/ring.h"

#include <string.h>

#include "base/mem.h"

void *ring_grow(void *take_ring, size_t size, uint32_t first, uint32_t head, uint32_t tail,
                uint32_t *cap)
{
    uint32_t grown = *cap ? *cap * 2 : first;
    char *ring = mn_alloc_array(grown, size);
    const char *old = take_ring;
    for (uint32_t i = head; i != tail; i++)
        memcpy(ring + (i & (grown - 1)) * size, old + (i & (*cap - 1)) * size, size);
    mn_free(take_ring);
    *cap = grown;
    return ring;
}
