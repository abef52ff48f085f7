/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_REPORT_REPORT_HTML_H
#define MN_TOOL_REPORT_REPORT_HTML_H

#include <jansson.h>
#include <stdbool.h>

#include "tool/kit/outputs.h"

/*
 * The page of one result document.  false, after a message on standard
 * error, when it could not be written.
 */
bool report_html(const json_t *doc, struct outputs *outputs);
/*
 * Every chart that the result has as DIR/NAME-CHART.svg, NAME being its
 * scenario's or mode's; DIR is there (kit/outputs.h sees to it).
 */
bool report_svg(const json_t *doc, const char *dir);

#endif
