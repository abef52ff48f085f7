/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_BANNED_H
#define MN_BASE_BANNED_H

/*
 * Forced into every file (-include): functions that have a bounded or
 * thread-safe counterpart.  Library headers come first, so that theirs are
 * not hit.  Text to number: base/num.h.  Memory: base/mem.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MN_BANNED(name) mn_banned_##name##_see_base_banned_h

#undef strcpy
#define strcpy(a, b) MN_BANNED(strcpy)
#undef strcat
#define strcat(a, b) MN_BANNED(strcat)
#undef strncpy
#define strncpy(a, b, c) MN_BANNED(strncpy)
#undef strncat
#define strncat(a, b, c) MN_BANNED(strncat)
#undef sprintf
#define sprintf(...) MN_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) MN_BANNED(vsprintf)
#undef strtok
#define strtok(a, b) MN_BANNED(strtok)
#undef atoi
#define atoi(a) MN_BANNED(atoi)
#undef atol
#define atol(a) MN_BANNED(atol)
#undef sscanf
#define sscanf(...) MN_BANNED(sscanf)
#undef strtol
#define strtol(a, b, c) MN_BANNED(strtol)
#undef localtime
#define localtime(a) MN_BANNED(localtime)
#undef gmtime
#define gmtime(a) MN_BANNED(gmtime)
#undef ctime
#define ctime(a) MN_BANNED(ctime)
#undef asctime
#define asctime(a) MN_BANNED(asctime)

#endif
