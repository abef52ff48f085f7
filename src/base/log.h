/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_BASE_LOG_H
#define MN_BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * One line an event on standard error, key=value or JSON.  Only gate, api,
 * ops, net and app log: what lies below tells its caller.  Any thread; never
 * a token, a password or a message body: there is no field for them.
 *
 * After mn_log_start() lines go through a queue to a thread of their own, so
 * that a reader who stands still costs lines, never the server.
 *
 *   mn_log(log, MN_LOG_WARN, "ws_slow_consumer", MN_KV_U("conn", id), MN_KV_Z("cause", "pressure"));
 *
 * Strings are escaped and cut at 256 bytes, as they may be a peer's.
 */
enum mn_log_level { MN_LOG_DEBUG = 0, MN_LOG_INFO, MN_LOG_WARN, MN_LOG_ERROR, MN_LOG_COUNT };
enum mn_log_format { MN_LOG_TEXT = 0, MN_LOG_JSON };

struct mn_lineq;
struct mn_log {
    _Atomic int level;      /* lines below are not formatted */
    _Atomic int format;     /* enum mn_log_format */
    int fd;                 /* 2 unless a test wants them */
    struct mn_lineq *queue; /* NULL: each line is one write(2) of the caller */
};

enum mn_kv_kind { MN_KV_KIND_I64 = 1, MN_KV_KIND_U64, MN_KV_KIND_STR, MN_KV_KIND_F64 };
struct mn_kv {
    const char *key;
    enum mn_kv_kind kind;
    union {
        int64_t i;
        uint64_t u;
        double f;
        struct mn_str s;
    } v;
};
#define MN_KV_I(k, x) ((struct mn_kv){.key = (k), .kind = MN_KV_KIND_I64, .v.i = (x)})
#define MN_KV_U(k, x) ((struct mn_kv){.key = (k), .kind = MN_KV_KIND_U64, .v.u = (x)})
#define MN_KV_F(k, x) ((struct mn_kv){.key = (k), .kind = MN_KV_KIND_F64, .v.f = (x)})
#define MN_KV_S(k, x) ((struct mn_kv){.key = (k), .kind = MN_KV_KIND_STR, .v.s = (x)})
#define MN_KV_Z(k, x) ((struct mn_kv){.key = (k), .kind = MN_KV_KIND_STR, .v.s = mn_str_c(x)})

void mn_log_init(struct mn_log *log, enum mn_log_level level, enum mn_log_format format);
/* From here on a thread writes the lines.  Before other threads log. */
MN_MUSTCHECK enum mn_err mn_log_start(struct mn_log *log);
/* Writes what waits, at most for `wait_ms`.  When no other thread logs any more. */
void mn_log_stop(struct mn_log *log, uint32_t wait_ms);
/* Lines that could not be written, since mn_log_start().  Any thread. */
uint64_t mn_log_lost(const struct mn_log *log);
void mn_log_write(struct mn_log *log, enum mn_log_level level, const char *event,
                  const struct mn_kv *kv, unsigned count);
/* The level is tested before the arguments are evaluated. */
#define mn_log(log, lvl, event, ...)                                                               \
    do {                                                                                           \
        struct mn_log *mn_log_ = (log);                                                            \
        if ((int)(lvl) >= atomic_load_explicit(&mn_log_->level, memory_order_relaxed)) {           \
            const struct mn_kv mn_kv_[] = {(struct mn_kv){0}, __VA_ARGS__};                        \
            mn_log_write(mn_log_, (lvl), (event), mn_kv_ + 1,                                      \
                         (unsigned)(sizeof(mn_kv_) / sizeof(mn_kv_[0])) - 1);                      \
        }                                                                                          \
    } while (0)

/*
 * Rate limit for repeated events: true at most once in `every_ms`;
 * *ret_suppressed counts the calls that were held back since.  Any thread.
 */
struct mn_log_gate {
    _Atomic uint64_t next_ms;
    _Atomic uint64_t suppressed;
};
bool mn_log_gate_pass(struct mn_log_gate *gate, uint64_t every_ms, uint64_t *ret_suppressed);

#endif
