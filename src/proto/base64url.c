/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 with the URL alphabet.  OpenSSL's decoder knows the other alphabet
 * only and tolerates blanks, which a token must not have.  Pure, any thread.
 */
#include "proto/base64url.h"

#include <stdint.h>

static const char alphabet[64] = {'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M',
                                  'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z',
                                  'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
                                  'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
                                  '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '-', '_'};

/* -1: not in the alphabet. */
static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* Takes the padding off; false if it is wrong, or if no text has this length. */
static bool strip_padding(struct mn_str *s)
{
    size_t n = s->n;

    while (n > 0 && s->n - n < 2 && s->p[n - 1] == '=')
        n--;
    if (n != s->n && s->n % 4 != 0)
        return false;
    s->n = n;
    return n % 4 != 1;
}

enum mn_err mn_base64url_decode(struct mn_str s, char *out, size_t *ret_n)
{
    uint32_t bits = 0;
    unsigned count = 0;
    size_t n = 0;

    if (!strip_padding(&s))
        return MN_EINVAL;
    for (size_t i = 0; i < s.n; i++) {
        int d = digit(s.p[i]);

        if (d < 0)
            return MN_EINVAL;
        bits = bits << 6 | (uint32_t)d;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[n++] = (char)(bits >> count);
        }
    }
    *ret_n = n;
    return MN_OK;
}

size_t mn_base64url_encode(const void *p, size_t n, char *out)
{
    const uint8_t *in = p;
    uint32_t bits = 0;
    unsigned count = 0;
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        bits = bits << 8 | in[i];
        for (count += 8; count >= 6; count -= 6)
            out[used++] = alphabet[bits >> (count - 6) & 0x3f];
    }
    if (count > 0)
        out[used++] = alphabet[bits << (6 - count) & 0x3f];
    return used;
}
