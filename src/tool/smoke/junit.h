/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_SMOKE_JUNIT_H
#define MN_TOOL_SMOKE_JUNIT_H

#include <jansson.h>
#include <stdbool.h>

#include "tool/kit/outputs.h"

/*
 * The scenarios of a smoke result (the array "scenarios" of its document) as
 * JUnit XML, which continuous integration servers show: a test case each,
 * with the first failed step as its failure and all steps as its output.
 * false, after a message on standard error, when it could not be written.
 */
bool junit_write(const json_t *scenarios, struct outputs *outputs);

#endif
