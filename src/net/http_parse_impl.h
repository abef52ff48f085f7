/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_NET_HTTP_PARSE_IMPL_H
#define MN_NET_HTTP_PARSE_IMPL_H

#include "net/http_parse.h"

/* What http_parse.c (bytes) and http_head.c (meaning of a head) share. */

struct mn_http_span {
    uint32_t off, len;
};

enum mn_http_state {
    MN_HS_START = 0, /* before the request line: one empty line is tolerated */
    MN_HS_START_LF,  /* its LF */
    MN_HS_METHOD,    /* up to the blank */
    MN_HS_TARGET,    /* up to the blank */
    MN_HS_VERSION,   /* up to the CR */
    MN_HS_LINE_LF,   /* LF of the request line */
    MN_HS_LINE,      /* first byte of a header or trailer line */
    MN_HS_NAME,      /* up to the colon */
    MN_HS_BLANKS,    /* before the value */
    MN_HS_VALUE,     /* up to the CR */
    MN_HS_VALUE_LF,  /* LF of a header or trailer line */
    MN_HS_END_LF,    /* LF of the empty line */
    MN_HS_BODY,      /* Content-Length bytes */
    MN_HS_SIZE,      /* digits of a chunk's size */
    MN_HS_EXTENSION, /* of a chunk, up to the CR */
    MN_HS_SIZE_LF,   /* LF of the size's line */
    MN_HS_CHUNK,     /* data of a chunk */
    MN_HS_CHUNK_CR,  /* CR behind the data */
    MN_HS_CHUNK_LF,  /* its LF */
    MN_HS_OVER       /* done or refused: takes nothing more */
};

#define MN_HTTP_VERSION_LEN 8 /* "HTTP/1.1" */
#define MN_HTTP_TRAILER_NAME 24

struct mn_http_parse {
    struct mn_http_limits limits;
    struct mn_http_request *req; /* NULL after mn_http_parse_take() */
    enum mn_http_state state;
    struct mn_http_span method, target, body;
    struct mn_http_span name[MN_HTTP_HEADERS_MAX], value[MN_HTTP_HEADERS_MAX];
    char version[MN_HTTP_VERSION_LEN];
    char trailer[MN_HTTP_TRAILER_NAME]; /* name of the trailer at hand, cut */
    uint64_t fed;                       /* bytes seen in all */
    uint64_t left;                      /* of the body or the chunk */
    uint32_t line_bytes;   /* of the request line, counted against limits.request_line */
    uint32_t header_bytes; /* counted against limits.headers */
    uint32_t piece;        /* bytes of the version, size or trailer's name at hand */
    unsigned status;       /* of the error, or 0 */
    bool head_done, done, expects_continue, chunked;
};

/* Text of a span of the request at hand. */
struct mn_str mn_http_text(const struct mn_http_parse *parse, struct mn_http_span span);
/* Fills method, target and headers of the request from what is there. */
void mn_http_fill(struct mn_http_parse *parse);
/* Judges the request line once it is whole: a status, or 0. */
unsigned mn_http_judge_line(const struct mn_http_parse *parse);
/* Judges a whole head, and settles how the body is framed: a status, or 0. */
unsigned mn_http_judge_head(struct mn_http_parse *parse);
/* Whether a trailer of this name could change the framing or the routing of a request. */
bool mn_http_trailer_is_bad(struct mn_str name);

#endif
