/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small pure parts of WebSocket: frame headers to send, the close code
 * rule, and the answer to the handshake key.  No state, any thread.  The
 * receiver is in ws_rx.c, masking in ws_mask.c.
 */
#include "proto/ws.h"

#include <openssl/evp.h>

#define FIN 0x80u
#define MASKED 0x80u

/* RFC 6455 section 1.3: appended to the key before it is hashed. */
#define KEY_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* The first two bytes and the extended length; returns the size. */
static size_t put_header(char *out, enum mn_ws_opcode op, uint64_t payload, unsigned mask_bit)
{
    size_t size = mn_ws_header_size(payload);

    out[0] = (char)(FIN | op);
    if (size == 2) {
        out[1] = (char)(mask_bit | payload);
        return size;
    }
    out[1] = (char)(mask_bit | (size == 4 ? 126u : 127u));
    for (size_t i = size; i > 2; i--) {
        out[i - 1] = (char)(payload & 0xffu);
        payload >>= 8;
    }
    return size;
}

size_t mn_ws_header(char out[10], enum mn_ws_opcode op, uint64_t payload)
{
    return put_header(out, op, payload, 0);
}

size_t mn_ws_header_masked(char out[14], enum mn_ws_opcode op, uint64_t payload,
                           const uint8_t mask[4])
{
    size_t size = put_header(out, op, payload, MASKED);

    memcpy(out + size, mask, 4);
    return size + 4;
}

bool mn_ws_close_code_valid(uint16_t code)
{
    /* 1004 to 1006 and 1015 are reserved and never sent; 1016 to 2999 are not assigned. */
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

void mn_ws_accept_key(struct mn_str key, char ret[29])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    /* Fixed-size work: it fails only without memory, or without SHA-1 in the library. */
    MN_BUG_ON(ctx == NULL || !EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) ||
              !EVP_DigestUpdate(ctx, key.p, key.n) ||
              !EVP_DigestUpdate(ctx, KEY_GUID, sizeof(KEY_GUID) - 1) ||
              !EVP_DigestFinal_ex(ctx, digest, NULL));
    EVP_MD_CTX_free(ctx);
    EVP_EncodeBlock((unsigned char *)ret, digest, 20);
}
