/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ledger files, see ledger_file.h.  Six fields a line, separated by tabs:
 *
 *   sender  receiver  clientMsgId  serverMsgId  msgSeq  text
 *
 * The receiver is a user, or a group as `group:ID`.
 * The text is its hash in 32 hex digits or the text itself as a JSON string;
 * the client id may be a JSON string too.  A file of any length is read and
 * written in fixed memory.
 */
#include "tool/ledger/ledger_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"

enum {
    /* A text of 4,096 units, every one of them escaped, and the rest of the line. */
    LINE_MAX_BYTES = 65536,
    CLIENT_ID_LIMIT = 4096,
    FIELDS = 6,
    HASH_HEX = 32
};

/* Before the id of a group. */
#define GROUP_LEAD "group:"

void ledger_text_hash(struct mn_str text, uint64_t ret_hash[2])
{
    static const uint64_t key[2] = {0, 0};
    mn_hash128(key, text.p ? text.p : "", text.n, ret_hash);
}

/* ---- writing ---- */

int ledger_file_create(const char *path)
{
    static const char head[] = LEDGER_FILE_HEAD "\n";
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    if (fd >= 0 && write(fd, head, sizeof head - 1) != (ssize_t)sizeof head - 1) {
        int saved = errno ? errno : ENOSPC;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

void ledger_out_flush(struct ledger_out *out)
{
    size_t done = 0;
    while (done < out->n && !out->error) {
        ssize_t n = write(out->fd, out->p + done, out->n - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            out->error = n == 0 ? ENOSPC : errno;
    }
    out->n = 0;
}

void ledger_out_add(struct ledger_out *out, const struct ledger_line *line)
{
    if (sizeof out->p - out->n < LEDGER_OUT_LINE)
        ledger_out_flush(out);
    int n = snprintf(out->p + out->n, LEDGER_OUT_LINE,
                     "%" PRId64 "\t%s%" PRId64 "\t%.*s\t%" PRId64 "\t%" PRId64 "\t%016" PRIx64
                     "%016" PRIx64 "\n",
                     line->from, line->group ? GROUP_LEAD : "",
                     line->group ? line->group : line->to, (int)line->client_id.n,
                     line->client_id.p, line->id, line->seq, line->text_hash[0],
                     line->text_hash[1]);
    MN_BUG_ON(n < 0 || n >= LEDGER_OUT_LINE);
    out->n += (size_t)n;
}

/* ---- reading ---- */

static enum mn_err fail(const struct ledger_reader *reader, struct mn_buf *why, const char *what)
{
    mn_buf_addf(why, "ledger %s, line %" PRIu64 ": %s", reader->path, reader->number, what);
    return MN_EINVAL;
}

/* A line without its end into reader->line. MN_ENOTFOUND: no more. */
static enum mn_err read_line(struct ledger_reader *reader, size_t *ret_n, struct mn_buf *why)
{
    if (!fgets(reader->line, LINE_MAX_BYTES, reader->file)) {
        if (!ferror(reader->file))
            return MN_ENOTFOUND;
        mn_buf_addf(why, "cannot read ledger %s: %s", reader->path, strerror(errno));
        return MN_EIO;
    }
    reader->number++;
    size_t n = strlen(reader->line);
    reader->offset += (int64_t)n;
    if (n > 0 && reader->line[n - 1] == '\n') {
        reader->line[n - 1] = '\0';
        *ret_n = n - 1;
        return MN_OK;
    }
    if (!feof(reader->file))
        return fail(reader, why, "too long, or with a NUL in it");
    reader->cut = true; /* whoever wrote it was ended in the middle of it */
    return MN_ENOTFOUND;
}

enum mn_err ledger_reader_open(struct ledger_reader *reader, const char *path, struct mn_buf *why)
{
    *reader = (struct ledger_reader){.path = path, .file = fopen(path, "re")};
    if (!reader->file) {
        enum mn_err err = mn_err_from_errno(errno);
        mn_buf_addf(why, "cannot open ledger %s: %s", path, strerror(errno));
        return err;
    }
    reader->line = mn_alloc(LINE_MAX_BYTES);
    mn_buf_init(&reader->text, CLIENT_ID_LIMIT);
    size_t n = 0;
    enum mn_err err = read_line(reader, &n, why);
    if (err == MN_ENOTFOUND || (!err && strcmp(reader->line, LEDGER_FILE_HEAD) != 0))
        err = fail(reader, why, "expected \"" LEDGER_FILE_HEAD "\": is it a ledger?");
    return err;
}

void ledger_reader_close(struct ledger_reader *reader)
{
    if (reader->file)
        fclose(reader->file);
    mn_free(reader->line);
    mn_buf_deinit(&reader->text);
    *reader = (struct ledger_reader){0};
}

enum mn_err ledger_reader_seek(struct ledger_reader *reader, int64_t offset)
{
    if (offset == 0) {
        rewind(reader->file);
        reader->number = reader->offset = 0;
        struct mn_buf why;
        mn_buf_init(&why, 1);
        size_t n;
        enum mn_err err = read_line(reader, &n, &why); /* the head */
        mn_buf_deinit(&why);
        return err;
    }
    if (fseeko(reader->file, offset, SEEK_SET) != 0)
        return mn_err_from_errno(errno);
    reader->offset = offset;
    return MN_OK;
}

/* Text of a JSON string; NULL when it is none. The caller drops *ret_root when done with it. */
static struct mn_str unquote(struct mn_str field, json_t **ret_root)
{
    *ret_root = json_loadb(field.p, field.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!json_is_string(*ret_root))
        return MN_STR_NONE;
    return mn_str_make(json_string_value(*ret_root), json_string_length(*ret_root));
}

static bool take_client_id(struct ledger_reader *reader, struct mn_str field, struct mn_str *ret)
{
    *ret = field;
    if (field.n == 0 || field.p[0] != '"')
        return field.n > 0;
    json_t *root = NULL;
    mn_buf_reset(&reader->text);
    struct mn_str text = unquote(field, &root);
    bool ok = text.p && mn_buf_add_str(&reader->text, text) == MN_OK;
    json_decref(root);
    *ret = mn_buf_str(&reader->text);
    return ok && ret->n > 0;
}

static bool take_hex(struct mn_str hex, uint64_t ret_hash[2])
{
    for (size_t i = 0; i < HASH_HEX; i++) {
        const char *digit = memchr("0123456789abcdef", hex.p[i], 16);
        if (!digit)
            return false;
        uint64_t *word = &ret_hash[i / 16];
        *word = *word << 4 | (uint64_t)(digit - "0123456789abcdef");
    }
    return true;
}

static bool take_text(struct mn_str field, uint64_t ret_hash[2])
{
    if (field.n == HASH_HEX && field.p[0] != '"')
        return take_hex(field, ret_hash);
    json_t *root = NULL;
    struct mn_str text = unquote(field, &root);
    if (text.p)
        ledger_text_hash(text, ret_hash);
    json_decref(root);
    return text.p != NULL;
}

static bool split(struct mn_str line, struct mn_str fields[FIELDS])
{
    size_t count = 0;
    const char *p = line.p, *end = line.p + line.n;
    while (count < FIELDS) {
        const char *tab = memchr(p, '\t', (size_t)(end - p));
        fields[count++] = mn_str_make(p, (size_t)((tab ? tab : end) - p));
        if (!tab)
            return count == FIELDS;
        p = tab + 1;
    }
    return false;
}

/* Where it was sent to: a user, or a group. */
static bool take_receiver(struct mn_str field, struct ledger_line *line)
{
    size_t lead = sizeof GROUP_LEAD - 1;
    if (field.n > lead && memcmp(field.p, GROUP_LEAD, lead) == 0)
        return mn_parse_i64(mn_str_make(field.p + lead, field.n - lead), 1, INT64_MAX,
                            &line->group) == MN_OK;
    return mn_parse_i64(field, 1, INT64_MAX, &line->to) == MN_OK && line->to != line->from;
}

enum mn_err ledger_reader_next(struct ledger_reader *reader, struct ledger_line *ret,
                               struct mn_buf *why)
{
    struct mn_str fields[FIELDS];
    size_t n = 0;
    enum mn_err err = read_line(reader, &n, why);
    if (err)
        return err;
    *ret = (struct ledger_line){0};
    if (!split(mn_str_make(reader->line, n), fields))
        return fail(reader, why, "expected six fields with tabs between them");
    if (mn_parse_i64(fields[0], 1, INT64_MAX, &ret->from) != MN_OK ||
        !take_receiver(fields[1], ret))
        return fail(reader, why, "sender and receiver are not two user ids, or one and a group");
    if (!take_client_id(reader, fields[2], &ret->client_id))
        return fail(reader, why, "bad client id");
    if (mn_parse_i64(fields[3], 0, INT64_MAX, &ret->id) != MN_OK ||
        mn_parse_i64(fields[4], 0, INT64_MAX, &ret->seq) != MN_OK)
        return fail(reader, why, "serverMsgId or msgSeq is no number");
    if (!take_text(fields[5], ret->text_hash))
        return fail(reader, why, "the text is neither 32 hex digits nor a JSON string");
    return MN_OK;
}
