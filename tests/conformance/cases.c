/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reader of *.cases files (README.md): free-form tokens to the bytes of the
 * input and the events that are expected.  Used by one thread; any mistake
 * in a file is fatal.
 */
#include "conformance/cases.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"

enum { INPUT_MAX = 1 << 20 };

static const uint8_t usual_mask[4] = {0x37, 0xfa, 0x21, 0x3d};

_Noreturn static void bad(const struct case_reader *r, const char *what, struct mn_str token)
{
    (void)fprintf(stderr, "%s:%d: %s: %.*s\n", r->file, r->line, what, (int)token.n, token.p);
    exit(2);
}

void case_reader_init(struct case_reader *r, const char *file, struct mn_str text)
{
    *r = (struct case_reader){.file = file,
                              .p = text.p,
                              .start = text.p,
                              .end = text.p + text.n,
                              .line = 1,
                              .role = MN_WS_SERVER,
                              .limit = 65536};
}

/* To the next token, over blanks, line ends and comments. */
static void skip(struct case_reader *r)
{
    while (r->p < r->end) {
        if (*r->p == '#') {
            while (r->p < r->end && *r->p != '\n')
                r->p++;
        } else if (*r->p == '\n') {
            r->line++;
            r->p++;
        } else if (*r->p == ' ' || *r->p == '\t') {
            r->p++;
        } else {
            return;
        }
    }
}

/* A case ends where a line begins in column 0. */
static bool at_case_end(struct case_reader *r)
{
    skip(r);
    return r->p == r->end || r->p == r->start || r->p[-1] == '\n';
}

static bool is_word_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '.' || c == '=' || c == '>' || c == '@';
}

/* A word, or one character of punctuation; a string only shows its quote. */
static struct mn_str peek(struct case_reader *r)
{
    const char *q;

    if (at_case_end(r))
        return MN_STR_NONE;
    for (q = r->p; q < r->end && is_word_char(*q); q++)
        ;
    return mn_str_make(r->p, q > r->p ? (size_t)(q - r->p) : 1);
}

static struct mn_str take(struct case_reader *r)
{
    struct mn_str token;

    skip(r);
    if (r->p == r->start || r->p[-1] == '\n') { /* the name of a case, a directive */
        const char *q = r->p;

        while (q < r->end && is_word_char(*q))
            q++;
        token = mn_str_make(r->p, (size_t)(q - r->p));
    } else {
        token = peek(r);
    }
    r->p += token.n;
    return token;
}

static bool take_if(struct case_reader *r, const char *word)
{
    if (!mn_str_is(peek(r), word))
        return false;
    (void)take(r);
    return true;
}

static uint64_t number(struct case_reader *r, struct mn_str text, uint64_t max)
{
    uint64_t v;

    if (mn_parse_u64(text, 0, max, &v) != MN_OK)
        bad(r, "number expected", text);
    return v;
}

static uint8_t hex_byte(struct case_reader *r, const char *p)
{
    unsigned v = 0;

    for (int i = 0; i < 2; i++) {
        const char *digits = "0123456789abcdef";
        const char *at = p + i < r->end ? memchr(digits, p[i] | 0x20, 16) : NULL;

        if (at == NULL)
            bad(r, "hex digits expected", mn_str_make(p, 1));
        v = v << 4 | (unsigned)(at - digits);
    }
    return (uint8_t)v;
}

static void add_hex(struct case_reader *r, struct mn_str digits, struct mn_buf *out)
{
    if (digits.n % 2 != 0)
        bad(r, "odd number of hex digits", digits);
    for (size_t i = 0; i < digits.n; i += 2)
        MN_BUG_ON(mn_buf_add_char(out, (char)hex_byte(r, digits.p + i)) != MN_OK);
}

static char take_escape(struct case_reader *r)
{
    static const char letters[] = "nrt0\"\\";
    static const char meaning[] = "\n\r\t\0\"\\";
    const char *at;

    if (r->p + 1 < r->end && r->p[1] == 'x') {
        r->p += 4;
        return (char)hex_byte(r, r->p - 2);
    }
    at = r->p + 1 < r->end ? memchr(letters, r->p[1], sizeof(letters) - 1) : NULL;
    if (at == NULL)
        bad(r, "unknown escape", mn_str_make(r->p, 2));
    r->p += 2;
    return meaning[at - letters];
}

/* "text" or "text"*N, r->p at the quote. */
static void add_string(struct case_reader *r, struct mn_buf *out)
{
    size_t start = out->n;
    size_t n;
    uint64_t times = 1;

    r->p++;
    while (r->p < r->end && *r->p != '"') {
        char c;

        if (*r->p == '\n')
            bad(r, "string without its end", MN_STR(""));
        c = *r->p == '\\' ? take_escape(r) : *r->p++;
        MN_BUG_ON(mn_buf_add_char(out, c) != MN_OK);
    }
    r->p++;
    n = out->n - start;
    if (r->p < r->end && *r->p == '*') {
        r->p++;
        times = number(r, peek(r), INPUT_MAX);
        (void)take(r);
    }
    MN_BUG_ON(times == 0);
    MN_BUG_ON(mn_buf_reserve(out, n * (times - 1)) != MN_OK);
    for (uint64_t i = 1; i < times; i++)
        MN_BUG_ON(mn_buf_add(out, out->p + start, n) != MN_OK);
}

static bool starts_with(struct mn_str s, const char *prefix, struct mn_str *ret_rest)
{
    size_t n = strlen(prefix);

    if (s.n < n || memcmp(s.p, prefix, n) != 0)
        return false;
    *ret_rest = mn_str_make(s.p + n, s.n - n);
    return true;
}

static void add_big_endian(struct mn_buf *out, uint64_t v, unsigned bytes)
{
    while (bytes-- > 0)
        MN_BUG_ON(mn_buf_add_char(out, (char)(v >> (8 * bytes) & 0xff)) != MN_OK);
}

/* One piece of a payload; false if the next token is none. */
static bool add_payload(struct case_reader *r, struct mn_buf *out)
{
    struct mn_str token = peek(r);
    struct mn_str rest;

    if (mn_str_is(token, "\"")) {
        add_string(r, out);
        return true;
    }
    if (starts_with(token, "0x", &rest))
        add_hex(r, rest, out);
    else if (starts_with(token, "code=", &rest))
        add_big_endian(out, number(r, rest, 65535), 2);
    else
        return false;
    (void)take(r);
    return true;
}

static uint8_t opcode(struct case_reader *r, struct mn_str word)
{
    static const struct {
        const char *name;
        uint8_t op;
    } names[] = {{"text", MN_WS_OP_TEXT},   {"binary", MN_WS_OP_BINARY}, {"cont", MN_WS_OP_CONT},
                 {"close", MN_WS_OP_CLOSE}, {"ping", MN_WS_OP_PING},     {"pong", MN_WS_OP_PONG}};
    struct mn_str rest;

    for (size_t i = 0; i < MN_ARRAY_LEN(names); i++)
        if (mn_str_is(word, names[i].name))
            return names[i].op;
    if (!starts_with(word, "op", &rest))
        bad(r, "unknown opcode", word);
    return (uint8_t)number(r, rest, 15);
}

struct frame {
    uint8_t first; /* FIN, RSV, opcode */
    bool masked;
    uint8_t mask[4];
    unsigned form;  /* bytes of the extended length that are demanded; 0: the minimal form */
    uint64_t claim; /* length in the header, if `claimed` */
    bool claimed;
};

static void set_mask(struct case_reader *r, struct frame *f, struct mn_str digits)
{
    if (digits.n != 8)
        bad(r, "mask of 4 bytes expected", digits);
    for (size_t i = 0; i < 4; i++)
        f->mask[i] = hex_byte(r, digits.p + 2 * i);
}

/* One flag; false if the next token is none. */
static bool take_flag(struct case_reader *r, struct frame *f)
{
    struct mn_str token = peek(r);
    struct mn_str rest;

    if (mn_str_is(token, "more"))
        f->first &= 0x7f;
    else if (starts_with(token, "rsv", &rest))
        f->first |= (uint8_t)(0x80u >> number(r, rest, 3));
    else if (mn_str_is(token, "masked"))
        f->masked = true;
    else if (mn_str_is(token, "unmasked"))
        f->masked = false;
    else if (mn_str_is(token, "len16"))
        f->form = 2;
    else if (mn_str_is(token, "len64"))
        f->form = 8;
    else if (starts_with(token, "mask=", &rest))
        set_mask(r, f, rest);
    else if (starts_with(token, "claim=", &rest)) {
        f->claimed = true;
        f->claim = number(r, rest, UINT64_MAX);
    } else
        return false;
    (void)take(r);
    return true;
}

static void add_frame(const struct frame *f, const struct mn_buf *payload, struct mn_buf *out)
{
    uint64_t n = f->claimed ? f->claim : payload->n;
    unsigned form = f->form != 0 ? f->form : (unsigned)mn_ws_header_size(n) - 2;
    unsigned mask_bit = f->masked ? 0x80u : 0;
    size_t start;

    add_big_endian(out, f->first, 1);
    add_big_endian(out, mask_bit | (form == 0 ? (unsigned)n : form == 2 ? 126u : 127u), 1);
    add_big_endian(out, n, form);
    if (f->masked)
        MN_BUG_ON(mn_buf_add(out, f->mask, 4) != MN_OK);
    start = out->n;
    MN_BUG_ON(mn_buf_add_str(out, mn_buf_str(payload)) != MN_OK);
    /* Not by the code under test. */
    for (size_t i = 0; f->masked && i < payload->n; i++)
        out->p[start + i] = (char)((uint8_t)out->p[start + i] ^ f->mask[i % 4]);
}

static void read_frame(struct case_reader *r, struct conf_case *c)
{
    struct frame f = {.masked = c->role == MN_WS_SERVER};
    struct mn_buf payload;
    struct mn_str word = take(r);

    if (mn_str_is(word, "hex")) {
        while (!mn_str_is(peek(r), ";") && !mn_str_is(peek(r), "=>"))
            add_hex(r, take(r), &c->in);
        return;
    }
    memcpy(f.mask, usual_mask, 4);
    f.first = (uint8_t)(0x80u | opcode(r, word));
    while (take_flag(r, &f))
        ;
    mn_buf_init(&payload, INPUT_MAX);
    while (add_payload(r, &payload))
        ;
    add_frame(&f, &payload, &c->in);
    mn_buf_deinit(&payload);
}

/* `close N reason`, `close none`. */
static void read_close(struct case_reader *r, struct case_event *e)
{
    struct mn_str word = take(r);

    e->ev = MN_WS_CLOSED;
    if (mn_str_is(word, "none")) {
        e->code = MN_WS_CLOSE_NO_STATUS;
    } else {
        e->code = (uint16_t)number(r, word, 65535);
        add_big_endian(&e->data, e->code, 2);
    }
}

static void read_fail(struct case_reader *r, struct case_event *e)
{
    struct mn_buf reason;

    e->ev = MN_WS_FAIL;
    e->code = (uint16_t)number(r, take(r), 65535);
    mn_buf_init(&reason, sizeof(e->reason) - 1);
    (void)add_payload(r, &reason);
    if (reason.n != 0)
        memcpy(e->reason, reason.p, reason.n);
    mn_buf_deinit(&reason);
}

static void read_event(struct case_reader *r, struct conf_case *c)
{
    static const struct {
        const char *name;
        enum mn_ws_event ev;
    } names[] = {{"text", MN_WS_TEXT},
                 {"binary", MN_WS_BINARY},
                 {"ping", MN_WS_PING},
                 {"pong", MN_WS_PONG},
                 {"wait", MN_WS_MORE}};
    struct mn_str word = take(r);
    struct case_event *e = &c->event[c->event_count];
    size_t i = 0;

    if (mn_str_is(word, "nothing"))
        return;
    if (c->event_count == CASE_EVENTS_MAX)
        bad(r, "too many events", word);
    c->event_count++;
    mn_buf_init(&e->data, INPUT_MAX);
    if (mn_str_is(word, "close")) {
        read_close(r, e);
    } else if (mn_str_is(word, "fail")) {
        read_fail(r, e);
        return;
    } else {
        while (i < MN_ARRAY_LEN(names) && !mn_str_is(word, names[i].name))
            i++;
        if (i == MN_ARRAY_LEN(names))
            bad(r, "unknown event", word);
        e->ev = names[i].ev;
    }
    while (add_payload(r, &e->data))
        ;
}

/* `@role server`, `@limit N`. */
static void read_directive(struct case_reader *r, struct mn_str word)
{
    struct mn_str value = take(r);

    if (mn_str_is(word, "@limit"))
        r->limit = (uint32_t)number(r, value, UINT32_MAX);
    else if (mn_str_is(word, "@role") && mn_str_is(value, "server"))
        r->role = MN_WS_SERVER;
    else if (mn_str_is(word, "@role") && mn_str_is(value, "client"))
        r->role = MN_WS_CLIENT;
    else
        bad(r, "unknown directive", word);
}

static void read_body(struct case_reader *r, struct conf_case *c)
{
    if (!mn_str_is(peek(r), "=>"))
        do
            read_frame(r, c);
        while (take_if(r, ";"));
    if (!take_if(r, "=>"))
        bad(r, "=> expected", peek(r));
    do
        read_event(r, c);
    while (take_if(r, ";"));
    if (!at_case_end(r))
        bad(r, "end of the case expected", peek(r));
}

bool case_next(struct case_reader *r, struct conf_case *ret)
{
    struct mn_str name;

    for (;;) {
        skip(r);
        if (r->p == r->end)
            return false;
        name = take(r);
        if (name.n == 0 || name.n >= sizeof(ret->name))
            bad(r, "name of a case expected", name);
        if (name.p[0] != '@')
            break;
        read_directive(r, name);
    }
    *ret = (struct conf_case){.line = r->line, .role = r->role, .limit = r->limit};
    memcpy(ret->name, name.p, name.n);
    mn_buf_init(&ret->in, INPUT_MAX);
    if (!take_if(r, ":"))
        bad(r, "colon expected behind", name);
    read_body(r, ret);
    return true;
}

void case_deinit(struct conf_case *c)
{
    mn_buf_deinit(&c->in);
    for (size_t i = 0; i < c->event_count; i++)
        mn_buf_deinit(&c->event[i].data);
}
