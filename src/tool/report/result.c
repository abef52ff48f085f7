/* SPDX-License-Identifier: Apache-2.0 */
/* Reads result documents, see result.h.  Any thread. */
#include "tool/report/result.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A week of rows is 200 MB; more is no result. */
#define FILE_MAX_BYTES (INT64_C(512) << 20)

/* What is wrong with it as a result, or NULL. */
static const char *check(const json_t *doc)
{
    if (!json_is_object(doc) || strcmp(result_str(doc, "tool"), "minim bench") != 0)
        return "is no result of minim bench";
    if (result_num(doc, "schema_version") != RESULT_SCHEMA_VERSION)
        return "has another schema_version than this minim knows";
    if (!*result_str(doc, "mode") || !json_is_object(result_get(doc, "figures")))
        return "is no complete result of minim bench";
    return NULL;
}

enum mn_err result_load(const char *path, json_t **ret_doc, char *why, size_t why_cap)
{
    struct stat st;
    FILE *in = fopen(path, "re");
    if (!in || fstat(fileno(in), &st) != 0) {
        snprintf(why, why_cap, "%.100s: %s", path, strerror(errno));
        if (in)
            fclose(in);
        return MN_EIO;
    }
    if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES) {
        snprintf(why, why_cap, "%.100s: is no result of minim bench", path);
        fclose(in);
        return MN_EINVAL;
    }
    json_error_t error;
    json_t *doc = json_loadf(in, JSON_REJECT_DUPLICATES, &error);
    fclose(in);
    const char *bad = NULL;
    if (!doc)
        snprintf(why, why_cap, "%.100s: line %d: %.80s", path, error.line, error.text);
    else if ((bad = check(doc)))
        snprintf(why, why_cap, "%.100s: %s", path, bad);
    if (!doc || bad) {
        json_decref(doc);
        return MN_EINVAL;
    }
    *ret_doc = doc;
    return MN_OK;
}

const json_t *result_get(const json_t *o, const char *path)
{
    char key[64];
    while (o && *path) {
        size_t n = strcspn(path, ".");
        if (n >= sizeof key)
            return NULL;
        memcpy(key, path, n);
        key[n] = '\0';
        o = json_object_get(o, key);
        path += n + (path[n] == '.');
    }
    return o;
}

double result_num(const json_t *o, const char *path)
{
    const json_t *v = result_get(o, path);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

const char *result_str(const json_t *o, const char *path)
{
    const char *z = json_string_value(result_get(o, path));
    return z ? z : "";
}

bool result_true(const json_t *o, const char *path) { return json_is_true(result_get(o, path)); }

const char *result_name(const json_t *doc)
{
    const char *scenario = result_str(doc, "scenario");
    return *scenario ? scenario : result_str(doc, "mode");
}
