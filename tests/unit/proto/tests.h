/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_UNIT_PROTO_TESTS_H
#define MN_TESTS_UNIT_PROTO_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

/* Group runners of the proto layer: each returns the number of failed tests. */
int test_proto_base64url(void);
int test_proto_envelope_parse(void);
int test_proto_envelope_print(void);
int test_proto_json(void);
int test_proto_jwt_sign(void);
int test_proto_jwt_verify(void);
int test_proto_mentions(void);
int test_proto_names(void);
int test_proto_ws_header(void);
int test_proto_ws_mask(void);
int test_proto_ws_rx(void);

/* A copy of exactly its size on the heap, so that a sanitizer sees the first byte read too far. */
char *proto_exact_copy(struct mn_str s);

#endif
