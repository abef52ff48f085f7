/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_APP_TERMINATE_H
#define MN_APP_TERMINATE_H

/*
 * RocksDB is C++ behind a C interface that lets exceptions through: no
 * memory or no thread for it would end minimd with abort() and a core.
 * From here on it ends with one line on standard error and exit code 1.
 */
void mn_terminate_with_message(void);

#endif
