/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Password hashes.  Stored ones come from a Java library, whose $2a$ is the
 * correct algorithm; libxcrypt alters $2a$ for a few inputs, to defuse a bug
 * of old PHP, so everything is computed as $2b$ and written as $2a$.
 * Copies of passwords live on the stack and are wiped.
 */
#include "im/account/password.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/mem.h"
#include "base/rand.h"
#include "proto/base64url.h"

#define PREFIX_LEN 4 /* "$2b$" */

/* Runs bcrypt with the salt and cost of `setting`; out gets the 60 characters. */
static enum mn_err run(struct mn_str password, const char *setting,
                       char out[MN_PASSWORD_HASH_LEN + 1])
{
    char phrase[MN_PASSWORD_MAX + 1];
    size_t n = password.n < MN_PASSWORD_MAX ? password.n : MN_PASSWORD_MAX;
    memcpy(phrase, password.p, n);
    phrase[n] = '\0';
    struct crypt_data *data = mn_new(struct crypt_data); /* 32 KiB */
    const char *hash = crypt_r(phrase, setting, data);
    enum mn_err err = MN_EINVAL;
    if (hash && hash[0] == '$' && strlen(hash) == MN_PASSWORD_HASH_LEN) {
        memcpy(out, hash, MN_PASSWORD_HASH_LEN + 1);
        err = MN_OK;
    }
    explicit_bzero(phrase, sizeof(phrase));
    explicit_bzero(data, sizeof(*data));
    mn_free(data);
    return err;
}

static bool has_nul(struct mn_str s) { return s.n > 0 && memchr(s.p, '\0', s.n) != NULL; }

/* The same over all bytes of the password, however many. */
static enum mn_err run_long(struct mn_str password, const char *setting,
                            char out[MN_PASSWORD_HASH_LEN + 1])
{
    unsigned char digest[32];
    char text[MN_BASE64URL_ENCODED(sizeof(digest)) + 1];
    if (EVP_Digest(password.p, password.n, digest, NULL, EVP_sha256(), NULL) != 1)
        return MN_ENOMEM;
    size_t n = mn_base64url_encode(digest, sizeof(digest), text);
    enum mn_err err = run(mn_str_make(text, n), setting, out);
    explicit_bzero(digest, sizeof(digest));
    explicit_bzero(text, sizeof(text));
    return err;
}

enum mn_err mn_password_hash(struct mn_str password, unsigned cost, char *out, size_t cap)
{
    bool is_long = password.n >= MN_PASSWORD_MAX;
    size_t before = is_long ? MN_PASSWORD_LONG_LEN : 0;
    if (password.n > MN_PASSWORD_MAX || has_nul(password) || cap <= before + MN_PASSWORD_HASH_LEN)
        return MN_EINVAL;
    char seed[16], setting[CRYPT_GENSALT_OUTPUT_SIZE], hash[MN_PASSWORD_HASH_LEN + 1];
    mn_rand_bytes(seed, sizeof(seed));
    if (!crypt_gensalt_rn("$2b$", cost, seed, sizeof(seed), setting, sizeof(setting)))
        return MN_EINVAL;
    enum mn_err err = (is_long ? run_long : run)(password, setting, hash);
    if (err == MN_OK) {
        hash[2] = 'a';
        memcpy(out, MN_PASSWORD_LONG, before);
        memcpy(out + before, hash, sizeof(hash));
    }
    return err;
}

static bool looks_like_bcrypt(const char *hash)
{
    return strlen(hash) == MN_PASSWORD_HASH_LEN && hash[0] == '$' && hash[1] == '2' &&
           (hash[2] == 'a' || hash[2] == 'b' || hash[2] == 'y') && hash[3] == '$';
}

bool mn_password_matches(struct mn_str password, const char *hash)
{
    bool is_long = strncmp(hash, MN_PASSWORD_LONG, MN_PASSWORD_LONG_LEN) == 0;
    if (is_long)
        hash += MN_PASSWORD_LONG_LEN;
    if (!looks_like_bcrypt(hash) || has_nul(password))
        return false;
    char setting[MN_PASSWORD_HASH_LEN + 1], got[MN_PASSWORD_HASH_LEN + 1];
    memcpy(setting, hash, sizeof(setting));
    setting[2] = 'b';
    if ((is_long ? run_long : run)(password, setting, got) != MN_OK)
        return false;
    return CRYPTO_memcmp(got + PREFIX_LEN, hash + PREFIX_LEN, MN_PASSWORD_HASH_LEN - PREFIX_LEN) ==
           0;
}

void mn_password_waste(struct mn_str password, unsigned cost)
{
    char setting[MN_PASSWORD_HASH_LEN + 1], got[MN_PASSWORD_HASH_LEN + 1];
    snprintf(setting, sizeof(setting), "$2b$%02u$......................", cost);
    mn_ignore(run(password, setting, got)); /* only its time is wanted */
}
