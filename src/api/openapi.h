/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_API_OPENAPI_H
#define MN_API_OPENAPI_H

#include <stddef.h>

/* docs/openapi.yaml as of the build (cmake/embed.cmake); not NUL-terminated. */
extern const unsigned char mn_openapi_text[];
extern const size_t mn_openapi_text_size;

#endif
