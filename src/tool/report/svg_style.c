/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The style sheet of the charts.  Colours are written out for both schemes,
 * without CSS variables: the files of `--svg` are also drawn by programs
 * that know none.  Each pair keeps a contrast of 3:1 to its background, and
 * neighbours differ in lightness too, for those who do not see all colours.
 */
#include "tool/report/svg.h"

#define COLOUR(k, hex) ".line.k" #k "{stroke:" hex "}.area.k" #k "{fill:" hex "}"

static const char style[] =
    ".chart{display:block;width:100%;height:auto;font-family:system-ui,-apple-system,'Segoe UI',"
    "'Helvetica Neue','DejaVu Sans',sans-serif}"
    ".chart text{font-size:12px;fill:#565c66;font-variant-numeric:tabular-nums}"
    ".chart .head{font-size:15px;font-weight:600;fill:#16181d}"
    ".chart .name{fill:#16181d}"
    /* The halo keeps a note legible where it crosses a line. */
    ".chart .note{font-size:11px;paint-order:stroke;stroke:#ffffff;stroke-width:4px;"
    "stroke-linejoin:round}"
    ".chart .end{text-anchor:end}.chart .mid{text-anchor:middle}"
    ".back{fill:#ffffff}"
    ".grid{stroke:#e7e8eb;stroke-width:1;fill:none}"
    ".axis{stroke:#9ba1ab;stroke-width:1;fill:none}"
    ".span{fill:#16181d;fill-opacity:.045}"
    ".mark{stroke:#565c66;stroke-width:1;stroke-dasharray:2 3;fill:none}"
    ".line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}"
    ".dash{stroke-dasharray:1 4}"
    ".area{fill-opacity:.14}"
    ".hit{fill:#2a78d6;fill-opacity:0}.hit:hover{fill-opacity:.12}" COLOUR(0, "#2a78d6")
        COLOUR(1, "#d4690a") COLOUR(2, "#17875a") COLOUR(3, "#7a4fd0") COLOUR(4, "#cc3737")
            COLOUR(5, "#0d8798") COLOUR(6, "#78aee9") COLOUR(7, "#2a78d6") COLOUR(8, "#123f7a")
                COLOUR(9, "#858b95") "@media (prefers-color-scheme:dark){"
                                     ".chart text{fill:#a3a9b4}"
                                     ".chart .head,.chart .name{fill:#eceded}"
                                     ".chart .note{stroke:#1a1d23}"
                                     ".back{fill:#1a1d23}"
                                     ".grid{stroke:#2c3038}"
                                     ".axis{stroke:#69707c}"
                                     ".span{fill:#ffffff;fill-opacity:.05}"
                                     ".mark{stroke:#a3a9b4}"
                                     ".area{fill-opacity:.2}" COLOUR(0, "#5a9cf0")
                                         COLOUR(1, "#f0a04b") COLOUR(2, "#45c08a")
                                             COLOUR(3, "#ab8ef2") COLOUR(4, "#f07c7c")
                                                 COLOUR(5, "#45c1d1") COLOUR(6, "#3f7fd0")
                                                     COLOUR(7, "#7fb2f2") COLOUR(8, "#d3e5fc")
                                                         COLOUR(9, "#8d94a0") "}";

const char *svg_style(void) { return style; }
