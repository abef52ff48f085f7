/* SPDX-License-Identifier: Apache-2.0 */
#include "im/text/visible.h"

#include <utf8proc.h>

#include "base/mem.h"

/* Letters and symbols by their category that are drawn as nothing. */
static bool is_filler(utf8proc_int32_t c)
{
    static const utf8proc_int32_t fillers[] = {0x115f, 0x1160, 0x17b4, 0x17b5,
                                               0x2800, 0x3164, 0xffa0};
    for (size_t i = 0; i < MN_ARRAY_LEN(fillers); i++)
        if (c == fillers[i])
            return true;
    return false;
}

/* What stands on something else, or is no character of its own, or space. */
static bool is_void(utf8proc_int32_t c)
{
    static const utf8proc_category_t voids[] = {UTF8PROC_CATEGORY_CC, UTF8PROC_CATEGORY_CF,
                                                UTF8PROC_CATEGORY_CS, UTF8PROC_CATEGORY_ZS,
                                                UTF8PROC_CATEGORY_ZL, UTF8PROC_CATEGORY_ZP,
                                                UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_MC,
                                                UTF8PROC_CATEGORY_ME};
    utf8proc_category_t category = utf8proc_category(c);
    for (size_t i = 0; i < MN_ARRAY_LEN(voids); i++)
        if (category == voids[i])
            return true;
    return false;
}

bool mn_text_is_visible(struct mn_str text)
{
    const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)text.p;
    size_t at = 0;
    while (at < text.n) {
        utf8proc_int32_t c = 0;
        utf8proc_ssize_t n = utf8proc_iterate(p + at, (utf8proc_ssize_t)(text.n - at), &c);
        if (n <= 0)
            return false;
        if (!is_void(c) && !is_filler(c))
            return true;
        at += (size_t)n;
    }
    return false;
}
