/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bench connect`: connections that are there and do nothing but answer the
 * server's pings.  Everything it measures is counted by the connections
 * themselves.  `bench reconnect` is the same under a server that goes away
 * (reconnect.c).
 */
#include "tool/bench/bench.h"

const struct load_mode bench_mode_connect = {.name = "connect"};

/* Asks over HTTP only, see lists.h. */
const struct load_mode bench_mode_lists = {.name = "lists"};
