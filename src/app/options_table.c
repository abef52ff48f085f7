/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every option of minimd: the one source for parsing, checking, printing,
 * documents and reload.  A name is mini-im's where it has one, `minim.*`
 * otherwise.  To add an option: a field in its part's struct (config.h), a row here, and
 * `script/check-generated --write`.
 */
#include "app/options_impl.h"

#include "base/mem.h"

/* Offset and size of a field, and a compile error if its type is not the one that the row needs. */
#define FIELD(field, ctype)                                                                        \
    .offset = offsetof(struct mn_config, field) +                                                  \
              0 * sizeof(char[_Generic(((struct mn_config *)0)->field, ctype : 1, default          \
                                       : -1)]),                                                    \
    .size = sizeof(((struct mn_config *)0)->field)
/* The same of a number of any type, if that has room for all that the row allows. */
#define LEAST(field)                                                                               \
    _Generic(((struct mn_config *)0)->field, int32_t : INT32_MIN, int64_t : INT64_MIN, default : 0)
#define MOST(field)                                                                                \
    _Generic(((struct mn_config *)0)->field, uint16_t                                              \
             : (int64_t)UINT16_MAX, int32_t                                                        \
             : (int64_t)INT32_MAX, uint32_t                                                        \
             : (int64_t)UINT32_MAX, int64_t                                                        \
             : INT64_MAX, uint64_t                                                                 \
             : INT64_MAX)
#define NUMBER_FIELD(field, lo, hi)                                                                \
    .offset = offsetof(struct mn_config, field) +                                                  \
              0 * sizeof(char[(lo) >= LEAST(field) && (hi) <= MOST(field) ? 1 : -1]),              \
    .size = sizeof(((struct mn_config *)0)->field)
#define TEXT_FIELD(field)                                                                          \
    .offset = offsetof(struct mn_config, field) +                                                  \
              0 * sizeof(char[_Generic(&((struct mn_config *)0)->field[0], char * : 1, default     \
                                       : -1)]),                                                    \
    .size = sizeof(((struct mn_config *)0)->field)

#define NUMBER(t, n, f, d, lo, hi)                                                                 \
    .name = n, .type = MN_OPTION_##t, NUMBER_FIELD(f, lo, hi), .default_text = d, .min = lo,       \
    .max = hi
#define INTEGER(n, f, d, lo, hi) NUMBER(INTEGER, n, f, d, lo, hi)
#define PORT(n, f, d) NUMBER(PORT, n, f, d, 0, 65535)
#define MS(n, f, d, lo, hi) NUMBER(MILLISECONDS, n, f, d, lo, hi)
#define SECONDS(n, f, d, lo, hi) NUMBER(SECONDS, n, f, d, lo, hi)
#define BYTES(n, f, d, lo, hi) NUMBER(BYTES, n, f, d, lo, hi)
#define BOOL(n, f, d) .name = n, .type = MN_OPTION_BOOL, FIELD(f, bool), .default_text = d, .max = 1
#define TEXT(t, n, f, d, lo, hi)                                                                   \
    .name = n, .type = MN_OPTION_##t, TEXT_FIELD(f), .default_text = d, .min = lo, .max = hi
#define STRING(n, f, d, lo) TEXT(STRING, n, f, d, lo, sizeof(((struct mn_config *)0)->f) - 1)
#define LIST(n, f, d) TEXT(LIST, n, f, d, 0, sizeof(((struct mn_config *)0)->f) - 1)
/* Room for a file name behind a directory. */
#define PATH(n, f, d, lo) TEXT(PATH, n, f, d, lo, MN_CONFIG_PATH - 100)
#define CHOICE(n, f, e, d, c)                                                                      \
    .name = n, .type = MN_OPTION_ENUM, FIELD(f, enum e), .default_text = d, .choices = c

#define GROUP(g) .group = MN_OPTION_GROUP_##g
#define RELOAD .flags = MN_OPTION_RELOAD
#define RELOAD_SECRET .flags = MN_OPTION_RELOAD | MN_OPTION_SECRET
#define KIB INT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)
#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (MINUTE_MS * 60)
#define DAY_S INT64_C(86400)

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const log_formats[] = {"text", "json", NULL};
static const char *const group_modes[] = {"auto",      "push",      "notify", "none",
                                          "strategy1", "strategy2", "off",    NULL};

const struct mn_option mn_options_table[] = {
    {GROUP(HTTP), STRING("server.address", net.listen[MN_LISTEN_API].host, "0.0.0.0", 1),
     .check = mn_option_check_host, .help = "Address on which the HTTP API and /ws are served."},
    {GROUP(HTTP), PORT("server.port", net.listen[MN_LISTEN_API].port, "8080"),
     .help = "Port of the HTTP API and /ws; 0 lets the system pick one."},
    {GROUP(HTTP),
     LIST("minim.http.cors-origins", http.cors_origins,
          "http://localhost:*,http://127.0.0.1:*,null,same-host"),
     RELOAD, .check = mn_option_check_origins,
     .help = "Origins whose pages may call the API. '*' stands for any text, null for pages opened "
             "from a file, same-host for the host of the request on any port."},
    {GROUP(HTTP), BYTES("minim.http.max-body", net.http_max_body, "64KiB", KIB, 64 * MIB), RELOAD,
     .help = "Longest request body; a longer one is answered 413."},
    {GROUP(HTTP), MS("minim.http.idle-ms", net.http_idle_ms, "75000", 100, HOUR_MS), RELOAD,
     .help = "How long a kept-alive connection may stay without a request. Keep it above what a "
             "proxy in front keeps its own for (most: 60 s), or a request may meet the close."},
    {GROUP(HTTP), BOOL("im.ratelimit.enabled", http.ratelimit_enabled, "true"), RELOAD,
     .help = "Limit how often one client may log in, refresh or verify tokens, and read."},
    {GROUP(HTTP), INTEGER("minim.http.reads-per-user", http.reads_per_user, "1200", 0, 1000000),
     RELOAD,
     .help = "Reads that a user may make in a minute; more are answered 429. 0: any number."},
    {GROUP(HTTP),
     INTEGER("minim.http.reads-per-address", http.reads_per_address, "1200", 0, 1000000), RELOAD,
     .help = "The same for an address whose calls have no token, or a bad one."},
    {GROUP(HTTP), BOOL("im.ratelimit.trust-forwarded-headers", http.trust_forwarded, "false"),
     RELOAD,
     .help = "Take a client's address from X-Forwarded-For or X-Real-IP when the request comes "
             "from a trusted proxy. Set it behind a reverse proxy, else all its clients share one "
             "limit."},
    {GROUP(HTTP), LIST("minim.http.trusted-proxies", http.trusted_proxies, ""), RELOAD,
     .check = mn_option_check_proxies,
     .help = "Proxies whose forwarding headers are believed, as addresses or networks "
             "(10.0.0.0/8, ::1). Empty: those on this machine."},

    {GROUP(WS), STRING("im.gateway.ws.host", net.listen[MN_LISTEN_WS].host, "0.0.0.0", 1),
     .check = mn_option_check_host, .help = "Address of the gateway's own port."},
    {GROUP(WS), PORT("im.gateway.ws.port", net.listen[MN_LISTEN_WS].port, "9001"),
     .help = "The gateway's own port; 0 lets the system pick one. It serves the same as "
             "server.port."},
    {GROUP(WS), STRING("im.gateway.ws.path", net.ws_path, "/ws", 2),
     .check = mn_option_check_ws_path, .help = "Path of the WebSocket, on both ports."},
    {GROUP(WS), INTEGER("im.gateway.ws.worker-threads", net.loops, "0", 0, 64),
     .help = "Loop threads that serve connections; 0: one for each core."},
    {GROUP(WS), BYTES("im.gateway.ws.max-message", net.max_message, "64KiB", KIB, 16 * MIB), RELOAD,
     .help = "Longest WebSocket message; a longer one closes the connection with 1009. Clients of "
             "mini-im expect 64KiB."},
    {GROUP(WS),
     INTEGER("im.gateway.ws.max-connections", net.max_connections, "200000", 1, 10000000), RELOAD,
     .help = "Most connections at a time, HTTP included, as far as the descriptors go. At the "
             "ceiling newcomers take the place of the connections without a session that have "
             "waited longest; where there are none, they are closed when accepted."},
    {GROUP(WS),
     INTEGER("im.gateway.ws.max-connections-per-address", net.max_connections_per_address, "20000",
             0, 10000000),
     RELOAD,
     .help = "Most connections of one IPv4 address, or of one IPv6 network of 64 bits, HTTP "
             "included; further ones are closed when accepted. It does not hold for trusted "
             "proxies while forwarding headers are believed. 0: any number."},

    {GROUP(STORMS), INTEGER("im.gateway.ws.accept-rate", net.accept_rate, "5000", 0, 1000000),
     RELOAD,
     .help = "Connections accepted per second; the rest waits in the kernel's backlog. 0: no "
             "limit."},
    {GROUP(STORMS), INTEGER("im.gateway.ws.accept-burst", net.accept_burst, "10000", 1, 10000000),
     RELOAD, .help = "Connections accepted at once after a quiet time."},
    {GROUP(STORMS), INTEGER("im.gateway.ws.auth-rate", gate.auth_rate, "5000", 0, 1000000), RELOAD,
     .help = "AUTH frames handled per second; the rest is told server_busy and when to come back. "
             "0: no limit."},
    {GROUP(STORMS), INTEGER("im.gateway.ws.auth-burst", gate.auth_burst, "10000", 1, 10000000),
     RELOAD, .help = "AUTH frames handled at once after a quiet time."},
    {GROUP(STORMS),
     INTEGER("im.gateway.ws.rate-limit.connection-rate", gate.connection_rate, "60", 0, 1000000),
     RELOAD,
     .help = "Text frames per second of one connection; more closes it with too_many_requests. "
             "0: no limit."},
    {GROUP(STORMS),
     INTEGER("im.gateway.ws.rate-limit.connection-burst", gate.connection_burst, "120", 1, 1000000),
     RELOAD, .help = "Text frames of one connection at once after a quiet time."},
    {GROUP(STORMS), INTEGER("im.gateway.ws.rate-limit.user-rate", gate.user_rate, "30", 0, 1000000),
     RELOAD,
     .help = "Requests per second of one user over all connections (messages, ACKs, calls). 0: no "
             "limit."},
    {GROUP(STORMS),
     INTEGER("im.gateway.ws.rate-limit.user-burst", gate.user_burst, "60", 1, 1000000), RELOAD,
     .help = "Requests of one user at once after a quiet time."},
    {GROUP(STORMS), INTEGER("im.gateway.ws.rate-limit.ice-rate", gate.ice_rate, "60", 0, 1000000),
     RELOAD,
     .help = "CALL_ICE frames per second of one user, which are no requests; more closes the "
             "connection with too_many_requests. 0: no limit."},
    {GROUP(STORMS),
     INTEGER("im.gateway.ws.rate-limit.ice-burst", gate.ice_burst, "120", 1, 1000000), RELOAD,
     .help = "CALL_ICE frames of one user at once after a quiet time."},
    {GROUP(STORMS),
     INTEGER("im.gateway.ws.rate-limit.control-rate", net.control_rate, "60", 0, 1000000), RELOAD,
     .help = "Ping, pong and binary frames per second of one connection; more closes it with 1008. "
             "0: no limit."},
    {GROUP(STORMS),
     INTEGER("im.gateway.ws.rate-limit.control-burst", net.control_burst, "120", 1, 1000000),
     RELOAD, .help = "Ping, pong and binary frames of one connection at once after a quiet time."},

    {GROUP(TIMERS),
     MS("im.gateway.ws.handshake-timeout-ms", net.handshake_timeout_ms, "10000", 100,
        10 * MINUTE_MS),
     RELOAD, .help = "Time from the connection to a complete request or upgrade."},
    {GROUP(TIMERS),
     MS("im.gateway.ws.auth-timeout-ms", gate.auth_timeout_ms, "3000", 100, 10 * MINUTE_MS), RELOAD,
     .help = "Time from the upgrade to a successful AUTH."},
    {GROUP(TIMERS),
     MS("im.gateway.ws.reader-idle-ms", net.reader_idle_ms, "90000", 100, 24 * HOUR_MS), RELOAD,
     .help = "A WebSocket from which nothing came for so long is closed."},
    {GROUP(TIMERS),
     MS("im.gateway.ws.writer-idle-ms", net.writer_idle_ms, "60000", 100, 24 * HOUR_MS), RELOAD,
     .help = "A WebSocket to which nothing was sent for so long gets a PING. Keep it below "
             "reader-idle-ms: the answer keeps quiet clients connected."},
    {GROUP(TIMERS), MS("im.gateway.ws.ping-idle-ms", net.ping_idle_ms, "45000", 0, 24 * HOUR_MS),
     RELOAD,
     .help = "A WebSocket to which nothing was sent for so long gets a ping of the WebSocket "
             "protocol, which programs do not see: proxies cut silent connections, most after 60 "
             "s. 0: none."},
    {GROUP(TIMERS), MS("im.gateway.ws.expiry-grace-ms", gate.expiry_grace_ms, "5000", 0, HOUR_MS),
     RELOAD,
     .help = "Time after its token's expiry in which a connection may still REAUTH before it is "
             "closed."},

    {GROUP(PRESSURE), BOOL("im.gateway.ws.backpressure.enabled", closes_congested, "true"), RELOAD,
     .help = "Close connections that stay congested. The ceilings below hold in any case."},
    {GROUP(PRESSURE),
     BYTES("im.gateway.ws.backpressure.write-buffer-low-water-mark-bytes", net.low_watermark,
           "256KiB", KIB, GIB),
     RELOAD, .help = "Bytes queued for a connection at which its congestion ends."},
    {GROUP(PRESSURE),
     BYTES("im.gateway.ws.backpressure.write-buffer-high-water-mark-bytes", net.high_watermark,
           "512KiB", 2 * KIB, GIB),
     RELOAD,
     .help = "Bytes queued for a connection at which its congestion begins: pushes are then left "
             "to resend. Twice as many close it at once."},
    {GROUP(PRESSURE),
     MS("im.gateway.ws.backpressure.close-unwritable-after-ms", net.close_unwritable_after_ms,
        "3000", -1, HOUR_MS),
     RELOAD, .help = "How long a connection may stay congested before it is closed; -1: for ever."},
    {GROUP(PRESSURE),
     BYTES("im.gateway.ws.max-queued-bytes", net.max_queued_bytes, "512MiB", MIB, 1024 * GIB),
     RELOAD,
     .help = "Memory held for all connections together: what is queued for them, input that is "
             "not complete, HTTP requests and answers. Beyond it the fullest are closed."},

    {GROUP(DELIVERY),
     MS("im.gateway.ws.ack.batch-window-ms", msglog.cursor_flush_ms, "1000", 10, MINUTE_MS),
     .help = "How long moved cursors (delivered, read) are collected before they are written. "
             "A crash in between repeats deliveries, and loses none."},
    {GROUP(DELIVERY),
     BOOL("im.gateway.ws.resend.after-auth-enabled", gate.resend_after_auth, "true"), RELOAD,
     .help = "Send what a user has not acknowledged when he connects."},
    {GROUP(DELIVERY), INTEGER("im.gateway.ws.resend.window", gate.resend_window, "200", 1, 10000),
     RELOAD, .help = "Resent messages on their way to one connection without an ACK."},
    {GROUP(DELIVERY), BOOL("im.cron.resend.enabled", gate.resend_periodic, "true"), RELOAD,
     .help = "Send again, to connected users, what they have not acknowledged for a while."},
    {GROUP(DELIVERY),
     MS("im.cron.resend.fixed-delay-ms", gate.resend_delay_ms, "30000", 100, HOUR_MS), RELOAD,
     .help = "Age of an unacknowledged delivery that is sent again."},

    {GROUP(DELIVERY),
     CHOICE("im.group-chat.strategy.mode", gate.group_mode, mn_group_mode, "auto", group_modes),
     RELOAD,
     .help = "What members who are online are told of a message to their group: push sends it, "
             "notify says that there is one, none nothing, auto decides by the limits below. "
             "Whoever is told nothing has it when he connects again, and over HTTP. strategy1, "
             "strategy2 and off are other names of push, notify and none."},
    {GROUP(DELIVERY),
     INTEGER("im.group-chat.strategy.group-size-threshold", gate.group_size, "2000", 1, 100000000),
     RELOAD, .help = "auto: groups with at least so many members are notified, not pushed to."},
    {GROUP(DELIVERY),
     INTEGER("im.group-chat.strategy.online-user-threshold", gate.group_online_users, "500", 1,
             100000000),
     RELOAD, .help = "auto: and those of which at least so many other members are online."},
    {GROUP(DELIVERY),
     INTEGER("im.group-chat.strategy.notify-max-online-user", gate.group_notify_max, "2000", 1,
             100000000),
     RELOAD, .help = "Nobody is notified if at least so many other members are online."},
    {GROUP(DELIVERY),
     INTEGER("im.group-chat.strategy.huge-group-no-notify-size", gate.group_huge_size, "10000", 1,
             100000000),
     RELOAD,
     .help = "Groups with at least so many members are told nothing, unless the mode is push."},
    {GROUP(DELIVERY), INTEGER("minim.groups.max-members", groups.max_members, "20000", 2, 1000000),
     .help = "Most members of a group."},
    {GROUP(DELIVERY), BYTES("minim.groups.roster-bytes", roster_bytes, "64MiB", MIB, 64 * GIB),
     .help = "Members of groups kept in memory, 16 bytes each; those of groups in use are read "
             "again when there is no room."},

    {GROUP(CHAT), BOOL("im.chat.require-friendship", gate.require_friendship, "false"), RELOAD,
     .help = "Refuse messages between users who are not friends."},
    {GROUP(CHAT),
     SECONDS("im.chat.revoke-window-seconds", client.revoke_window_s, "120", 1, 4000000), RELOAD,
     .help = "Age up to which a message may be revoked by its sender."},

    {GROUP(CALLS), MS("minim.call.ring-timeout-ms", calls.ring_timeout_ms, "30000", 100, HOUR_MS),
     .help = "How long a call rings before it is missed."},
    {GROUP(CALLS),
     MS("minim.call.disconnect-grace-ms", calls.disconnect_grace_ms, "10000", 0, HOUR_MS),
     .help = "How long a user in a call may be without a connection before the call ends."},
    {GROUP(CALLS), INTEGER("minim.call.max-active", calls.max_active, "100000", 1, 10000000),
     .help = "Most calls at a time, ringing or accepted; another one is told server_busy."},
    {GROUP(CALLS), BYTES("minim.call.queue-bytes", calls.queue_bytes, "32MiB", MIB, 16 * GIB),
     .help = "Memory for CALL_* frames that wait to be carried out; further ones are told "
             "server_busy."},

    {GROUP(CALLS), LIST("minim.call.ice-servers", client.ice_servers, ""), RELOAD,
     .check = mn_option_check_ice,
     .help =
         "Servers for the media of calls, told to clients: stun:host:port, turn:host:port, turns: "
         "and so on, with commas between them. Empty: clients find each other on one network only."},
    {GROUP(CALLS), STRING("minim.call.turn-secret", client.turn_secret, "", 0), RELOAD_SECRET,
     .help =
         "Secret shared with the TURN server (coturn: use-auth-secret): each client gets a login "
         "of its own, good for a day."},
    {GROUP(CALLS), STRING("minim.call.turn-username", client.turn_username, "", 0), RELOAD,
     .help = "Without a shared secret: the login that all clients are given."},
    {GROUP(CALLS), STRING("minim.call.turn-credential", client.turn_credential, "", 0),
     RELOAD_SECRET, .help = "Its password."},

    {GROUP(AUTH), STRING("im.auth.issuer", auth.issuer, "mini-im", 1),
     .help = "Issuer (iss) of access tokens; tokens of another one are refused."},
    {GROUP(AUTH), STRING("im.auth.jwt-secret", auth.jwt_secret, "", 0), .flags = MN_OPTION_SECRET,
     .check = mn_option_check_secret,
     .help = "Secret that signs access tokens, at least 32 bytes. Empty: one is made at the first "
             "start and kept in the data directory. Better in the environment "
             "(IM_AUTH_JWT_SECRET) than in a file or on the command line."},
    {GROUP(AUTH),
     SECONDS("im.auth.access-token-ttl-seconds", account.access_ttl_s, "1800", 1, 365 * DAY_S),
     .help = "Life of an access token."},
    {GROUP(AUTH),
     SECONDS("im.auth.refresh-token-ttl-seconds", account.refresh_ttl_s, "2592000", 1,
             3650 * DAY_S),
     .help = "Life of a refresh token."},
    {GROUP(AUTH), BOOL("im.auth.auto-register", account.auto_register, "true"), RELOAD,
     .help = "Logging in with an unknown name makes an account, as in mini-im."},
    {GROUP(AUTH), BOOL("im.auth.require-known-user", gate.require_known_user, "false"), RELOAD,
     .help = "Refuse valid tokens of users that have no account here, and messages to such users."},
    {GROUP(AUTH), INTEGER("im.code.friend-code-length", account.friend_code_len, "8", 6, 16),
     .help = "Characters of a new friend code."},
    {GROUP(AUTH), INTEGER("im.code.group-code-length", groups.code_len, "8", 6, 16),
     .help = "Characters of a new group code."},
    {GROUP(AUTH),
     SECONDS("im.code.reset-cooldown-seconds", account.code_reset_cooldown_s, "86400", 1,
             365 * DAY_S),
     .help = "Time between two resets of a friend or group code."},

    {GROUP(FILTER), BOOL("minim.filter.enabled", filter.enabled, "true"), RELOAD,
     .help = "Replace forbidden words in messages by ***."},
    {GROUP(FILTER), PATH("minim.filter.file", filter.file, "", 0), RELOAD,
     .check = mn_option_check_filter_file,
     .help = "List of forbidden words: UTF-8, one a line, '#' begins a comment line; at most 4 MiB "
             "and 100,000 words. Words of scripts with capitals match whole, all "
             "others anywhere. Empty: a small built-in list. Read again on SIGHUP."},

    {GROUP(DATA), PATH("minim.data-dir", process.data_dir, "./data", 1),
     .help = "Directory of everything that is kept; made if it is missing. One minimd at a time."},
    {GROUP(DATA), BOOL("minim.core-dumps", process.core_dumps, "false"),
     .help = "Whether a crash may write a core, which has the secret and passwords in it. true "
             "leaves the system's limit as it is: for the hunt for a fault."},
    {GROUP(DATA), BOOL("minim.store.sync", msglog.sync, "true"),
     .help = "Wait for the disk before a message is acknowledged. false loses acknowledged "
             "messages when power fails: for tests and comparison only."},
    {GROUP(DATA), INTEGER("minim.store.queue-ops", msglog.queue_ops, "65536", 64, 4194304),
     .help = "Operations that may wait for the message writer; beyond it clients are told "
             "server_busy."},
    {GROUP(DATA), BYTES("minim.store.queue-bytes", msglog.queue_bytes, "64MiB", MIB, 16 * GIB),
     .help = "The same in bytes."},
    {GROUP(DATA), INTEGER("minim.store.batch-ops", msglog.batch_ops, "2048", 1, 65536),
     .help = "Most operations in one commit."},
    {GROUP(DATA), BYTES("minim.store.cache-bytes", msglog.cache_bytes, "256MiB", MIB, 1024 * GIB),
     .help = "Cache of the message log: blocks, indexes and filters."},
    {GROUP(DATA),
     BYTES("minim.store.memtable-bytes", msglog.memtable_bytes, "64MiB", MIB, 16 * GIB),
     .help = "New messages kept in memory, besides the log on disk, before they are sorted into "
             "files. Up to twice as much is in use."},
    {GROUP(DATA), INTEGER("minim.store.chat-cache", msglog.chat_cache, "131072", 1024, 67108864),
     .help = "Chats whose last number the writer keeps in memory."},
    {GROUP(DATA),
     INTEGER("minim.store.recent-cache", msglog.recent_cache, "262144", 1024, 67108864),
     .help = "Recent messages whose place is kept in memory, to find them when they are "
             "acknowledged."},

    {GROUP(PROCESS), INTEGER("minim.workers", process.workers, "4", 1, 64),
     .help = "Worker threads for HTTP requests and whatever else may have to wait."},
    {GROUP(PROCESS), INTEGER("minim.worker-queue", process.worker_queue, "10000", 1, 1000000),
     .help = "Requests that may wait for a worker; beyond it they are answered 503."},
    {GROUP(PROCESS), STRING("minim.time-zone", process.time_zone, "", 0),
     .check = mn_option_check_zone,
     .help = "Time zone of the dates in the API, e.g. Asia/Shanghai or UTC. Empty: the system's."},
    {GROUP(PROCESS), INTEGER("im.id.datacenter-id", process.datacenter, "1", 0, 31),
     .help = "Datacenter part of message and user ids."},
    {GROUP(PROCESS), INTEGER("im.id.worker-id", process.worker, "-1", -1, 31),
     .help = "Worker part of message and user ids; -1: chosen by minimd."},
    {GROUP(PROCESS), CHOICE("minim.log.level", process.log_level, mn_log_level, "info", log_levels),
     RELOAD, .help = "Least severe lines that are logged."},
    {GROUP(PROCESS),
     CHOICE("minim.log.format", process.log_format, mn_log_format, "text", log_formats),
     .help = "Form of the lines on standard error: key=value text, or JSON."},
    {GROUP(PROCESS), BOOL("minim.metrics.enabled", process.metrics_enabled, "true"),
     .help = "Serve /metrics."},
    {GROUP(PROCESS),
     MS("minim.shutdown.spread-ms", process.shutdown_spread_ms, "2000", 0, 10 * MINUTE_MS),
     .help = "Time over which clients are told to come back when minimd ends, so that they do not "
             "all come at once."},
    {GROUP(PROCESS),
     MS("minim.shutdown.timeout-ms", process.shutdown_timeout_ms, "10000", 0, 10 * MINUTE_MS),
     .help = "Longest wait for connections to end."},
};
const size_t mn_options_count = MN_ARRAY_LEN(mn_options_table);
_Static_assert(MN_ARRAY_LEN(mn_options_table) <= MN_OPTIONS_MAX, "raise MN_OPTIONS_MAX");

const char *mn_option_group_title(enum mn_option_group group)
{
    static const char *const titles[MN_OPTION_GROUP_COUNT] = {
        [MN_OPTION_GROUP_HTTP] = "HTTP API",
        [MN_OPTION_GROUP_WS] = "WebSocket gateway",
        [MN_OPTION_GROUP_STORMS] = "Rates",
        [MN_OPTION_GROUP_TIMERS] = "Timers",
        [MN_OPTION_GROUP_PRESSURE] = "Back-pressure",
        [MN_OPTION_GROUP_DELIVERY] = "Delivery",
        [MN_OPTION_GROUP_CHAT] = "Chats",
        [MN_OPTION_GROUP_CALLS] = "Calls",
        [MN_OPTION_GROUP_AUTH] = "Accounts and tokens",
        [MN_OPTION_GROUP_FILTER] = "Text filter",
        [MN_OPTION_GROUP_DATA] = "Data",
        [MN_OPTION_GROUP_PROCESS] = "Process",
    };

    return titles[group];
}

/* What has a meaning in mini-im, and none here. */
const struct mn_option_legacy mn_options_legacy[] = {
    {"spring.", "minim is no Spring application and needs no database server"},
    {"logging.", "see minim.log.level and minim.log.format"},
    {"management.", "see GET /healthz, /readyz and /metrics"},
    {"mybatis-plus.", "minim has its own store"},
    {"im.mysql.", "the embedded store needs no database server"},
    {"im.redis.", "one node needs no Redis"},
    {"im.flyway.", "the store migrates itself"},
    {"im.cache.", "minim's caches are always correct and need no lifetimes"},
    {"im.caffeine.", "client message ids are unique in the store, for ever"},
    {"im.ratelimit.fail-open", "limits need no Redis that could fail"},
    {"im.ratelimit.key-prefix", "limits need no Redis"},
    {"im.cron.scan-dropped.fixed-delay-ms", "see im.cron.resend.fixed-delay-ms"},
    {"im.gateway.group-fanout.", "a message goes to all members in one step, which cannot fail"},
    {"im.gateway.ws.group.", "a group's time is written with its message"},
    {"im.gateway.ws.single-chat.", "a chat's time is written with its message"},
    {"im.gateway.ws.instance-id", "one node needs no name"},
    {"im.gateway.ws.boss-threads", "every loop thread accepts connections"},
    {"im.gateway.ws.ack.batch-enabled", "cursors are always collected"},
    {"im.gateway.ws.backpressure.drop-when-unwritable",
     "pushes to a congested connection are always left to resend"},
    {"im.executors.", "see minim.workers and minim.worker-queue"},
    {"im.service.base-url", "mini-im itself does not read it"},
    {"im.gateway.auth-verify-url", "mini-im itself does not read it"},
    {"im.gateway.push-url", "mini-im itself does not read it"},
    {"im.gateway.http.", "mini-im itself does not read it"},
    {"im.message.ack-timeout-ms", "mini-im itself does not read it"},
    {"im.message.max-retry", "mini-im itself does not read it"},
};
const size_t mn_options_legacy_count = MN_ARRAY_LEN(mn_options_legacy);
