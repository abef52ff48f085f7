/* SPDX-License-Identifier: Apache-2.0 */
/* Which driver keeps the messages: the one place that knows the front and the drivers. */
#include "store/log/log_driver.h"
#include "store/rocks/driver.h"

enum mn_err mn_msglog_open(const struct mn_msglog_config *config, struct mn_metrics *metrics,
                           struct mn_msglog **ret, struct mn_buf *why)
{
    return mn_msglog_open_with(&mn_rocks_log_driver, config, metrics, ret, why);
}
