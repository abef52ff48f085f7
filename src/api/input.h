/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_API_INPUT_H
#define MN_API_INPUT_H

#include "api/call.h"
#include "base/clock.h"

/*
 * Input of a call: query parameters and the fields of its JSON body, with
 * the original's leniency (H-3.6, H-3.7) and its mistakes answered
 * with 400 / 40000 (H-2.3).  The functions that return bool have
 * answered when they return false: the handler just returns.
 */

/* Splits and decodes the query string; false only when there is no memory. */
bool mn_query_parse(struct mn_api_call *call);
/* Required text; several of the name are joined with commas. 400 missing_parameter. */
bool mn_query_text(struct mn_api_call *call, const char *name, struct mn_str *ret);
/* Optional text, absent when it is not there; else the same. */
bool mn_query_optional(struct mn_api_call *call, const char *name, struct mn_str *ret);
/* Required whole number. 400 missing_parameter, bad_parameter. */
bool mn_query_need(struct mn_api_call *call, const char *name, int64_t *ret);
/* Optional whole number; *ret_given says whether it was there. 400 bad_parameter. */
bool mn_query_id(struct mn_api_call *call, const char *name, int64_t *ret, bool *ret_given);
/* 64-bit number with a default, then pulled into min..max. 400 bad_parameter. */
bool mn_query_clamped(struct mn_api_call *call, const char *name, int64_t fallback, int64_t min,
                      int64_t max, int64_t *ret);
/* Optional date. 400 bad_parameter. */
bool mn_query_date(struct mn_api_call *call, const char *name, struct mn_date *ret,
                   bool *ret_given);

/* Parses the body into call->body. 415 unsupported_media_type, 400 malformed_json. */
bool mn_body_parse(struct mn_api_call *call);
/* A text field; absent or null gives an absent string. 400 bad_request. Valid as long as the body. */
bool mn_body_text(struct mn_api_call *call, const char *name, struct mn_str *ret);
/* A 64-bit field; *ret_given is false for absent, null and "". 400 bad_request. */
bool mn_body_id(struct mn_api_call *call, const char *name, int64_t *ret, bool *ret_given);
/* Whether a list field has elements; absent or null has none. 400 bad_request. */
bool mn_body_filled(struct mn_api_call *call, const char *name, bool *ret);
/* A yes/no field. 400 bad_request. */
bool mn_body_flag(struct mn_api_call *call, const char *name, bool *ret, bool *ret_given);

#endif
