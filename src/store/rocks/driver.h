/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_STORE_ROCKS_DRIVER_H
#define MN_STORE_ROCKS_DRIVER_H

#include "store/log/log_driver.h"

/* The message log on RocksDB (open.c). */
extern const struct mn_log_driver mn_rocks_log_driver;

#endif
