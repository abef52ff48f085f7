/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Liveness and readiness.  Alive means that the process answers at all;
 * ready means that a message or a login sent now would be stored, and that
 * the process is not about to end.
 *
 * Any thread: the only state of its own are two atomics.  Silent.
 */
#include "ops/ops.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ops/internal.h"

struct mn_ops *mn_ops_new(const struct mn_ops_config *config)
{
    struct mn_ops *ops = mn_new(struct mn_ops);
    ops->config = *config;
    ops->started_unix_ms = mn_unix_ms();
    ops->started_mono_ms = mn_mono_ms();
    return ops;
}

void mn_ops_free(struct mn_ops *ops) { mn_free(ops); }

void mn_ops_set_draining(struct mn_ops *ops) { atomic_store(&ops->draining, true); }

enum mn_err mn_ops_health(const struct mn_ops *ops, struct mn_buf *body)
{
    mn_buf_add_z(body, "{\"status\":\"ok\",\"version\":");
    mn_buf_add_json(body, mn_str_c(ops->config.version));
    return mn_buf_addf(body, ",\"uptimeSeconds\":%llu}",
                       (unsigned long long)((mn_mono_ms() - ops->started_mono_ms) / 1000));
}

static void reason(struct mn_buf *body, bool *ready, const char *text)
{
    mn_buf_add_z(body, *ready ? "{\"status\":\"unavailable\",\"reasons\":[\"" : ",\"");
    mn_buf_add_z(body, text);
    mn_buf_add_char(body, '"');
    *ready = false;
}

bool mn_ops_ready(const struct mn_ops *ops, struct mn_buf *body)
{
    bool ready = true;
    if (atomic_load(&ops->draining))
        reason(body, &ready, "draining");
    if (ops->config.msglog && !mn_msglog_is_writable(ops->config.msglog))
        reason(body, &ready, "message_store_not_writable");
    if (ops->config.msglog && mn_msglog_is_corrupt(ops->config.msglog))
        reason(body, &ready, "message_store_corrupt");
    if (ops->config.db && !mn_db_is_writable(ops->config.db))
        reason(body, &ready, "accounts_store_not_writable");
    if (ops->config.db && mn_db_is_corrupt(ops->config.db))
        reason(body, &ready, "accounts_store_corrupt");
    mn_buf_add_z(body, ready ? "{\"status\":\"ready\"}" : "]}");
    return ready;
}

bool mn_ops_needs_probe(const struct mn_ops *ops)
{
    return ops->config.db && !mn_db_is_writable(ops->config.db);
}

void mn_ops_probe(struct mn_ops *ops)
{
    /* The outcome is what mn_db_is_writable() says afterwards. */
    if (mn_ops_needs_probe(ops))
        mn_ignore(mn_db_probe(ops->config.db));
}
