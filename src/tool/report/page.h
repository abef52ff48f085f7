/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_REPORT_PAGE_H
#define MN_TOOL_REPORT_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "tool/kit/fmt.h"
#include "tool/kit/outputs.h"

/*
 * A self-contained HTML page: frame, style sheet, and the few elements that
 * the reports are made of.  It is well-formed XML too, has no script, and
 * fetches nothing (its content security policy says so).  All text is
 * escaped here.
 */

/* Ceiling of a page: a run of a week is a few MiB. */
#define PAGE_MAX_BYTES ((size_t)64 << 20)

void page_begin(struct mn_buf *page, const char *title);
void page_end(struct mn_buf *page);
/* Writes it to `path`; false after a message on standard error. */
bool page_write(const struct mn_buf *page, const char *path);
/* The same for one of the files that the command has opened. */
bool page_put(const struct mn_buf *page, struct outputs *outputs, enum output_kind kind);

/* <tag class="cls">text</tag>; cls NULL: none. */
void page_element(struct mn_buf *page, const char *tag, const char *cls, const char *text);
void page_open(struct mn_buf *page, const char *tag, const char *cls);
void page_close(struct mn_buf *page, const char *tag);

/* A section with its heading; every one is closed with page_close(page, "section"). */
void page_section(struct mn_buf *page, const char *heading);
/* A big figure with its name above and a note (may be NULL) below. */
void page_tile(struct mn_buf *page, const char *name, const char *value, const char *note,
               const char *cls);
/* One line of what must be known before anything else: cls "good", "bad" or "warn". */
void page_notice(struct mn_buf *page, const char *cls, const char *text);
/* A table, closed by page_table_end(); all but the first column is right-aligned; count 0: no head. */
void page_table(struct mn_buf *page, const char *const *heads, size_t count);
void page_table_end(struct mn_buf *page);
/* A number in a cell. */
void page_cell(struct mn_buf *page, enum fmt fmt, double value, const char *cls);

#endif
