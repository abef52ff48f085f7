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

/*
 * Value of a character plus one; 0: not in the alphabet.  A table, because
 * branches on random text are mispredicted.
 */
static const uint8_t values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

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
        uint8_t value = values[(uint8_t)s.p[i]];

        if (value == 0)
            return MN_EINVAL;
        bits = bits << 6 | (value - 1u);
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
