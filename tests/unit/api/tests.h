/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_UNIT_API_TESTS_H
#define MN_TESTS_UNIT_API_TESTS_H

/* Each runs one group of tests of api/ and returns the number that failed. */
int test_api_auth(void);
int test_api_client(void);
int test_api_group_message(void);
int test_api_input(void);
int test_api_jout(void);
int test_api_origin(void);
int test_api_pipeline(void);
int test_api_places(void);
int test_api_single_chat(void);

#endif
