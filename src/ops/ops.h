/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_OPS_OPS_H
#define MN_OPS_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/log/msglog.h"
#include "store/sql/db.h"

/*
 * What an operator's tools ask: is it alive, is it ready, how is it doing.
 * The functions print bodies; api/ serves them on GET /healthz, /readyz and
 * /metrics, without authentication.  Any thread.
 */
struct mn_ops;

struct mn_ops_config {
    struct mn_metrics *metrics; /* all three outlive the ops; msglog and db may be NULL in tests */
    struct mn_msglog *msglog;
    struct mn_db *db;
    const struct mn_log *log; /* whose lost lines are counted; NULL in tests */
    const char *version;      /* static text */
    bool hide_metrics;        /* mn_ops_metrics() gives MN_EPERM */
};

struct mn_ops *mn_ops_new(const struct mn_ops_config *config);
void mn_ops_free(struct mn_ops *ops);
/* From now on /readyz says 503: called first at shutdown. */
void mn_ops_set_draining(struct mn_ops *ops);

/* {"status":"ok",...}; never blocks. */
enum mn_err mn_ops_health(const struct mn_ops *ops, struct mn_buf *body);
/*
 * {"status":"ready"} and true, or {"status":"unavailable","reasons":[...]}
 * and false.  Never blocks: the stores are judged by their last write.
 */
bool mn_ops_ready(const struct mn_ops *ops, struct mn_buf *body);
/* True when readiness hangs on a write that failed: mn_ops_probe() may mend it. Never blocks. */
bool mn_ops_needs_probe(const struct mn_ops *ops);
/* Tries a small write to the store whose last one failed.  Blocks. */
void mn_ops_probe(struct mn_ops *ops);
/* Prometheus text format 0.0.4; MN_EPERM when hidden.  Reads /proc: blocks for as long as counting the descriptors takes. */
enum mn_err mn_ops_metrics(const struct mn_ops *ops, struct mn_buf *body);

#endif
