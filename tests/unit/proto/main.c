/* SPDX-License-Identifier: Apache-2.0 */
/* All unit tests of src/proto. */
#include "unit/proto/tests.h"

#include "base/mem.h"

char *proto_exact_copy(struct mn_str s)
{
    char *copy = mn_alloc(s.n != 0 ? s.n : 1);

    if (s.n != 0)
        memcpy(copy, s.p, s.n);
    return copy;
}

int main(void)
{
    static int (*const groups[])(void) = {
        test_proto_base64url, test_proto_envelope_parse, test_proto_envelope_print,
        test_proto_json,      test_proto_jwt_sign,       test_proto_jwt_verify,
        test_proto_mentions,  test_proto_names,          test_proto_ws_header,
        test_proto_ws_mask,   test_proto_ws_rx,
    };
    int failed = 0;

    for (size_t i = 0; i < MN_ARRAY_LEN(groups); i++)
        failed += groups[i]();
    return failed != 0;
}
