/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_API_ASSET_H
#define MN_API_ASSET_H

#include <stddef.h>

/*
 * A file that is part of the program (cmake/embed.cmake).  It is sent from
 * where it lies, without a copy, and not again to a client that has it: its
 * ETag is a hash of its bytes (docs/decisions/0037-borrowed-bodies.md).
 */
struct mn_api_call;

struct mn_asset {
    const unsigned char *bytes;
    size_t n;
    const char *type; /* Content-Type */
    const char *etag; /* as in the header, with its quotes */
};

/*
 * Answers a GET or HEAD: 200, or 304 when If-None-Match has this ETag.  It
 * may be kept, but must be asked for each time.  Any thread.
 */
void mn_api_asset(struct mn_api_call *call, const struct mn_asset *asset);

/* docs/openapi.yaml as of the build. */
extern const struct mn_asset mn_openapi_yaml;

#endif
