/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TESTS_CONFORMANCE_CASES_H
#define MN_TESTS_CONFORMANCE_CASES_H

#include "base/buf.h"
#include "proto/ws.h"

/* Reader of *.cases files; README.md describes the format. */

enum { CASE_EVENTS_MAX = 16 };

struct case_event {
    enum mn_ws_event ev; /* MN_WS_MORE stands for `wait` */
    uint16_t code;       /* of CLOSED and FAIL, as the receiver reports it */
    struct mn_buf data;  /* payload */
    char reason[128];    /* of FAIL; "" allows any */
};

struct conf_case {
    char name[96];
    int line;
    enum mn_ws_role role;
    uint32_t limit;
    struct mn_buf in;
    struct case_event event[CASE_EVENTS_MAX];
    size_t event_count;
};

struct case_reader {
    const char *file;
    const char *p;
    const char *start;
    const char *end;
    int line;
    enum mn_ws_role role;
    uint32_t limit;
};

/* Reads text that stays the caller's; `file` is for messages. */
void case_reader_init(struct case_reader *r, const char *file, struct mn_str text);
/*
 * The next case; false at the end.  A mistake in the file ends the process
 * with its place and text: a case that is not understood was not run.
 */
bool case_next(struct case_reader *r, struct conf_case *ret);
void case_deinit(struct conf_case *c);

#endif
