/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event, one line, added whole: lines of several threads do not mix.
 * Strings may be a peer's: they are cut, and every byte that could end a line, a quote
 * or steer a terminal is escaped; in JSON, what is no UTF-8 becomes U+FFFD.
 * Stateless but for struct mn_log, any thread.
 */
#include "base/log.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/lineq.h"
#include "base/utf8.h"

enum {
    STRING_MAX_BYTES = 256,
    LINE_MAX_BYTES = 64 * 1024, /* dozens of fields of the greatest size; more is our mistake */
    QUEUE_BYTES = 256 * 1024    /* some thousand lines: a reader may rest for a while */
};

static const char *level_name(enum mn_log_level level)
{
    static const char *const names[MN_LOG_COUNT] = {"debug", "info", "warn", "error"};

    return (unsigned)level < MN_LOG_COUNT ? names[level] : "error";
}

void mn_log_init(struct mn_log *log, enum mn_log_level level, enum mn_log_format format)
{
    atomic_init(&log->level, (int)level);
    atomic_init(&log->format, (int)format);
    log->fd = STDERR_FILENO;
    log->queue = NULL;
}

/* Length of the UTF-8 sequence at `p` by its lead byte, no longer than `n`. */
static size_t lead_len(const char *p, size_t n)
{
    unsigned char c = (unsigned char)*p;
    size_t len = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    return len < n ? len : n;
}

/* Cuts at the last whole character within STRING_MAX_BYTES. */
static struct mn_str shorten(struct mn_str s, bool *ret_cut)
{
    *ret_cut = s.n > STRING_MAX_BYTES;
    if (*ret_cut) {
        s.n = STRING_MAX_BYTES;
        while (s.n > STRING_MAX_BYTES - 4 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
            s.n--;
    }
    return s;
}

/* U+0080..U+009F: control characters too, some terminals act on them. */
static bool is_c1(const char *p, size_t len)
{
    return len == 2 && (unsigned char)p[0] == 0xc2 && (unsigned char)p[1] < 0xa0;
}

static bool needs_quotes(struct mn_str s)
{
    if (s.n == 0)
        return true;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c == '"' || c == '\\' || c == '=' || c >= 0x7f)
            return true;
    }
    return false;
}

static void add_hex(struct mn_buf *buf, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mn_buf_addf(buf, "\\x%02x", (unsigned char)p[i]);
}

static void add_text_string(struct mn_buf *buf, struct mn_str s)
{
    bool cut;

    s = shorten(s, &cut);
    if (!cut && !needs_quotes(s)) {
        mn_buf_add_str(buf, s);
        return;
    }
    mn_buf_add_char(buf, '"');
    for (size_t i = 0; i < s.n;) {
        const char *p = s.p + i;
        size_t len = lead_len(p, s.n - i);
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\')
            mn_buf_addf(buf, "\\%c", c);
        else if (c == '\n')
            mn_buf_add_z(buf, "\\n");
        else if (c < 0x20 || c == 0x7f || is_c1(p, len))
            add_hex(buf, p, len);
        else if (mn_utf8_valid(p, len))
            mn_buf_add(buf, p, len);
        else
            add_hex(buf, p, len = 1);
        i += len;
    }
    mn_buf_add_z(buf, cut ? "...\"" : "\"");
}

static void add_json_string(struct mn_buf *buf, struct mn_str s)
{
    static const char replacement[] = "\xef\xbf\xbd";
    char clean[STRING_MAX_BYTES * 3 + 3];
    size_t n = 0;
    bool cut;

    s = shorten(s, &cut);
    for (size_t i = 0; i < s.n;) {
        size_t len = lead_len(s.p + i, s.n - i);
        if (mn_utf8_valid(s.p + i, len)) {
            memcpy(clean + n, s.p + i, len);
            n += len;
        } else {
            memcpy(clean + n, replacement, 3);
            n += 3;
            len = 1;
        }
        i += len;
    }
    if (cut) {
        memcpy(clean + n, "...", 3);
        n += 3;
    }
    mn_buf_add_json(buf, mn_str_make(clean, n));
}

static void add_double(struct mn_buf *buf, double v, bool json)
{
    if (isfinite(v))
        mn_buf_addf(buf, "%.6g", v);
    else
        mn_buf_add_z(buf, json ? "null" : isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
}

static void add_value(struct mn_buf *buf, const struct mn_kv *kv, bool json)
{
    switch (kv->kind) {
    case MN_KV_KIND_I64:
        mn_buf_add_i64(buf, kv->v.i);
        break;
    case MN_KV_KIND_U64:
        mn_buf_add_u64(buf, kv->v.u);
        break;
    case MN_KV_KIND_F64:
        add_double(buf, kv->v.f, json);
        break;
    case MN_KV_KIND_STR:
        if (json && !kv->v.s.p)
            mn_buf_add_z(buf, "null");
        else if (json)
            add_json_string(buf, kv->v.s);
        else
            add_text_string(buf, kv->v.s);
        break;
    }
}

static void format_text(struct mn_buf *buf, const char *level, const char *event,
                        const struct mn_kv *kv, unsigned count)
{
    mn_buf_addf(buf, " level=%s event=%s", level, event);
    for (unsigned i = 0; i < count; i++) {
        mn_buf_addf(buf, " %s=", kv[i].key);
        add_value(buf, &kv[i], false);
    }
    mn_buf_add_char(buf, '\n');
}

static void format_json(struct mn_buf *buf, const char *level, const char *event,
                        const struct mn_kv *kv, unsigned count)
{
    mn_buf_addf(buf, ",\"level\":\"%s\",\"event\":\"%s\"", level, event);
    for (unsigned i = 0; i < count; i++) {
        mn_buf_addf(buf, ",\"%s\":", kv[i].key);
        add_value(buf, &kv[i], true);
    }
    mn_buf_add_z(buf, "}\n");
}

/* Without a queue: a closed descriptor costs the line. */
static void write_all(int fd, struct mn_str s)
{
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        s.p += n;
        s.n -= (size_t)n;
    }
}

static void format_line(const struct mn_log *log, struct mn_buf *buf, enum mn_log_level level,
                        const char *event, const struct mn_kv *kv, unsigned count)
{
    char ts[25];
    bool json = atomic_load_explicit(&log->format, memory_order_relaxed) == MN_LOG_JSON;

    mn_date_print_utc(ts, mn_unix_ms());
    mn_buf_addf(buf, json ? "{\"ts\":\"%s\"" : "ts=%s", ts);
    (json ? format_json : format_text)(buf, level_name(level), event, kv, count);
}

void mn_log_write(struct mn_log *log, enum mn_log_level level, const char *event,
                  const struct mn_kv *kv, unsigned count)
{
    struct mn_buf buf;

    mn_buf_init(&buf, LINE_MAX_BYTES);
    format_line(log, &buf, level, event, kv, count);
    if (!buf.failed && log->queue)
        mn_lineq_add(log->queue, mn_buf_str(&buf)); /* no room: lost, and counted there */
    else if (!buf.failed)
        write_all(log->fd, mn_buf_str(&buf));
    mn_buf_deinit(&buf);
}

/* ---- the thread that writes ---- */

static size_t tell_lost(void *ctx, uint64_t lost, char *ret_line, size_t size)
{
    struct mn_log *log = ctx;
    const struct mn_kv kv = MN_KV_U("lines", lost);
    struct mn_buf buf;

    mn_buf_init(&buf, size);
    format_line(log, &buf, MN_LOG_WARN, "log_lines_lost", &kv, 1);
    size_t n = buf.failed ? 0 : buf.n;
    memcpy(ret_line, buf.p, n);
    mn_buf_deinit(&buf);
    return n;
}

enum mn_err mn_log_start(struct mn_log *log)
{
    return mn_lineq_new(log->fd, QUEUE_BYTES, tell_lost, log, &log->queue);
}

void mn_log_stop(struct mn_log *log, uint32_t wait_ms)
{
    mn_lineq_free(log->queue, wait_ms);
    log->queue = NULL;
}

uint64_t mn_log_lost(const struct mn_log *log)
{
    return log->queue ? mn_lineq_lost(log->queue) : 0;
}

bool mn_log_gate_pass(struct mn_log_gate *gate, uint64_t every_ms, uint64_t *ret_suppressed)
{
    uint64_t now = mn_mono_ms();
    uint64_t next = atomic_load_explicit(&gate->next_ms, memory_order_relaxed);

    /* Of several threads that find the gate open, the exchange lets one through. */
    if (now < next ||
        !atomic_compare_exchange_strong_explicit(&gate->next_ms, &next, now + every_ms,
                                                 memory_order_relaxed, memory_order_relaxed)) {
        atomic_fetch_add_explicit(&gate->suppressed, 1, memory_order_relaxed);
        return false;
    }
    *ret_suppressed = atomic_exchange_explicit(&gate->suppressed, 0, memory_order_relaxed);
    return true;
}
