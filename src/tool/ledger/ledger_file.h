/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_TOOL_LEDGER_LEDGER_FILE_H
#define MN_TOOL_LEDGER_LEDGER_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * The ledger as a file: one line for every message whose ACK(saved) came,
 * written by `minim bench single-e2e --ledger`, read by `minim verify`
 * (docs/verify.md describes the format).
 */
#define LEDGER_FILE_HEAD "minim-ledger 1"

struct ledger_line {
    int64_t from, to;
    int64_t group; /* 0: a chat of two; else `to` is 0 */
    int64_t id;    /* serverMsgId */
    int64_t seq;   /* msgSeq */
    struct mn_str client_id;
    uint64_t text_hash[2]; /* ledger_text_hash() of the body */
};

/* What stands for a text: SipHash-2-4 with 128 bits and a key of zeroes. */
void ledger_text_hash(struct mn_str text, uint64_t ret_hash[2]);

/* ---- writing: one of these a thread; lines of all of them go to one file ---- */

#define LEDGER_OUT_BYTES 65536
/* Longest line that can be written; client ids of ours have 24 bytes. */
#define LEDGER_OUT_LINE 256
struct ledger_out {
    /* private */
    int fd; /* opened for appending: each write is whole lines, wherever the others are */
    size_t n;
    int error; /* errno of the first failed write; nothing is written any more */
    char p[LEDGER_OUT_BYTES];
};

/* Creates or empties the file and writes its head; the descriptor, or -1 with errno. */
int ledger_file_create(const char *path);
/* Adds a line; the client id must need no quotes (no blanks, no '"'). */
void ledger_out_add(struct ledger_out *out, const struct ledger_line *line);
/* Writes what is buffered. */
void ledger_out_flush(struct ledger_out *out);

/* ---- reading ---- */

struct ledger_reader {
    /* private */
    const char *path;
    FILE *file;
    char *line;
    struct mn_buf text; /* a quoted client id */
    uint64_t number;    /* of the line that was read last, from 1 */
    int64_t offset;     /* in the file, of the next line */
    bool cut;           /* the last line had no end: left out */
};

/* MN_EINVAL: not a ledger; MN_ENOTFOUND, MN_EIO, MN_EPERM. `why` gets a sentence. */
MN_MUSTCHECK enum mn_err ledger_reader_open(struct ledger_reader *reader, const char *path,
                                            struct mn_buf *why);
/* Also for a zeroed one. */
void ledger_reader_close(struct ledger_reader *reader);
/*
 * The next line; texts are valid until the next call.  MN_ENOTFOUND: there
 * are no more.  MN_EINVAL, MN_EIO: `why` names the line.
 */
MN_MUSTCHECK enum mn_err ledger_reader_next(struct ledger_reader *reader, struct ledger_line *ret,
                                            struct mn_buf *why);
/* Goes on at an offset that a line was read from; 0: at the beginning. */
MN_MUSTCHECK enum mn_err ledger_reader_seek(struct ledger_reader *reader, int64_t offset);

#endif
