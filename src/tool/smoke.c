/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/tool.h"
int mn_tool_smoke(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return MN_TOOL_EXIT_FAILED;
}
