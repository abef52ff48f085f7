/* SPDX-License-Identifier: Apache-2.0 */
/* Prints numbers with units, and escapes text; see fmt.h.  Pure functions. */
#include "tool/kit/fmt.h"

#include <math.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"

struct scale {
    double from; /* the first one that |value| reaches is taken */
    double divisor;
    const char *unit;
};

static const struct scale ns_scales[] = {{120e9, 60e9, " min"},
                                         {1e9, 1e9, " s"},
                                         {1e6, 1e6, " ms"},
                                         {1e3, 1e3, " \u00b5s"},
                                         {0, 1, " ns"}};
static const struct scale second_scales[] = {
    {7200, 3600, " h"}, {120, 60, " min"}, {1, 1, " s"}, {1e-3, 1e-3, " ms"}, {0, 1, " s"}};
static const struct scale byte_scales[] = {{1073741824.0, 1073741824.0, " GiB"},
                                           {1048576, 1048576, " MiB"},
                                           {10240, 1024, " KiB"},
                                           {0, 1, " B"}};

enum fmt fmt_of_unit(enum bar_unit unit)
{
    switch (unit) {
    case BAR_TIME:
        return FMT_NS;
    case BAR_SECONDS:
        return FMT_SECONDS;
    case BAR_BYTES:
        return FMT_BYTES;
    case BAR_COUNT:
        break;
    }
    return FMT_COUNT;
}

void fmt_fixed(char *out, size_t cap, double value, unsigned decimals)
{
    char digits[64];
    /* Beyond 2^53 the digits would be noise, and long. */
    if (!isfinite(value) || fabs(value) > 9e15) {
        snprintf(out, cap, isfinite(value) ? "%.3g" : "-", value);
        return;
    }
    int n = snprintf(digits, sizeof digits, "%.*f", (int)(decimals > 9 ? 9 : decimals), value);
    const char *p = digits;
    size_t at = 0;
    if (*p == '-' && at + 1 < cap)
        out[at++] = *p++;
    size_t whole = strspn(p, "0123456789");
    for (size_t i = 0; p + i < digits + n && at + 2 < cap; i++) {
        if (i > 0 && i < whole && (whole - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = p[i];
    }
    out[at] = '\0';
}

/* Decimals that give three significant digits; whole numbers need none. */
static unsigned decimals_of(double value)
{
    double a = fabs(value);
    /* By what is printed: 0.9997 has the digits of 1. */
    if (a >= 99.95 || a == floor(a))
        return 0;
    if (a >= 9.995)
        return 1;
    if (a >= 0.9995)
        return 2;
    return a >= 1e-7 ? (unsigned)ceil(-log10(a)) + 2 : 9;
}

static const struct scale *scales_of(enum fmt fmt)
{
    static const struct scale none[] = {{0, 1, ""}};
    static const struct scale percent[] = {{0, 0.01, " %"}};
    switch (fmt) {
    case FMT_NS:
        return ns_scales;
    case FMT_SECONDS:
        return second_scales;
    case FMT_BYTES:
        return byte_scales;
    case FMT_PERCENT:
        return percent;
    case FMT_COUNT:
        break;
    }
    return none;
}

static const struct scale *pick(const struct scale *scales, double value)
{
    /* A little below the limit already: 999.7 us would print as 1,000 us. */
    while (scales->from > 0 && fabs(value) < scales->from * 0.9995)
        scales++;
    return scales;
}

void fmt_axis(enum fmt fmt, double max, double *ret_divisor, const char **ret_unit)
{
    const struct scale *s = pick(scales_of(fmt), max);
    *ret_divisor = s->divisor;
    *ret_unit = s->unit + (s->unit[0] == ' ');
}

void fmt_print(char *out, size_t cap, enum fmt fmt, double value)
{
    if (!isfinite(value)) {
        snprintf(out, cap, "-");
        return;
    }
    const struct scale *s = pick(scales_of(fmt), value);
    char number[32];
    value /= s->divisor;
    fmt_fixed(number, sizeof number, value, decimals_of(value));
    snprintf(out, cap, "%s%s", number, s->unit);
}

/* U+FFFE and U+FFFF, which XML forbids though UTF-8 can spell them. */
static bool is_forbidden(const unsigned char *p)
{
    return p[0] == 0xef && p[1] == 0xbf && (p[2] == 0xbe || p[2] == 0xbf);
}

void fmt_escape(struct mn_buf *out, const char *text)
{
    static const char replacement[] = "\xef\xbf\xbd";
    static const struct {
        char c;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    for (const char *p = text ? text : ""; *p; p++) {
        const char *as = NULL;
        for (size_t i = 0; i < MN_ARRAY_LEN(entities) && !as; i++)
            if (*p == entities[i].c)
                as = entities[i].entity;
        if ((unsigned char)*p < 0x20 && *p != '\t' && *p != '\n')
            as = replacement;
        if (is_forbidden((const unsigned char *)p)) {
            as = replacement;
            p += 2;
        }
        if (as)
            mn_ignore(mn_buf_add_z(out, as));
        else
            mn_ignore(mn_buf_add_char(out, *p));
    }
}
