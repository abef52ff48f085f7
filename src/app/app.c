/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start, reload and stop of the daemon.  Order of the start: sockets bound
 * (nothing is made for an address that cannot be had), data directory (so
 * that a second daemon goes no further), stores, then the loops.  The stop
 * goes the other way round: the net first, so that nothing new comes; then
 * the workers, which use the stores; then the stores, whose last commits
 * still post to the loops; then what they posted to.
 */
#include "app/app.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "app/call_world.h"
#include "app/datadir.h"
#include "app/settings.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/pool.h"
#include "cluster/presence.h"
#include "gate/gate.h"
#include "im/account/account.h"
#include "im/call/calls.h"
#include "im/call/records.h"
#include "im/conversation/conversation.h"
#include "im/dnd.h"
#include "im/friend/friend.h"
#include "im/group/groups.h"
#include "im/group/roster.h"
#include "im/log_todo.h"
#include "net/net.h"
#include "ops/ops.h"
#include "store/log/msglog.h"
#include "store/sql/call.h"
#include "store/sql/db.h"
#include "store/sql/friend.h"
#include "store/sql/group.h"
#include "store/sql/session.h"
#include "store/witness.h"

enum {
    SECRET_CAP = 1024,
    GATE_WORKERS = 2,
    PATH_CAP = 4000,
    DAMAGE_LOG_MS = 10000,
    CLOCK_LOG_MS = 10000,
    WITNESS_MS = 1000
};

struct mn_app {
    struct mn_config config;
    struct mn_log *log;
    struct mn_metrics *metrics;
    struct mn_datadir datadir;
    struct mn_idgen idgen;
    struct mn_jwt_key jwt;
    char secret[SECRET_CAP];
    struct mn_presence *presence;
    struct mn_rosters *rosters;
    struct mn_gate *gate;
    struct mn_net *net;
    struct mn_db *db;
    struct mn_msglog *msglog;
    struct mn_log_gate damage_gate, accounts_gate, clock_gate;
    struct mn_witness_keeper *witness;
    struct mn_log_todo *log_todo;
    struct mn_account *account;
    struct mn_friends *friends;
    struct mn_dnd dnd;
    struct mn_moments *moments;
    struct mn_groups *groups;
    struct mn_conversations conversations;
    struct mn_call_world call_world;
    struct mn_calls *calls;
    struct mn_call_records call_records;
    struct mn_ops *ops;
    struct mn_pool *pool;      /* HTTP handlers */
    struct mn_pool *hash_pool; /* logins: a password hash takes 50 ms of CPU */
    struct mn_api *api;
    struct mn_job trim; /* gives memory back, on a worker */
    _Atomic bool trim_waits;
    struct mn_metrics_shard *shard; /* for what no thread of its own counts */
};

/* ---- the steps of the start, in their order ---- */

static enum mn_err no_threads(struct mn_buf *why, const char *what)
{
    enum mn_err err = mn_err_from_errno(errno);
    mn_buf_addf(why, "cannot start the %s threads: %s (see ulimit -u and the unit's TasksMax=)",
                what, strerror(errno));
    return err ? err : MN_ESYS;
}

/* Directories come from images and volumes with all kinds of modes: told, not refused. */
static void warn_exposed(struct mn_app *app)
{
    static const struct {
        const char *name;
        unsigned mask;
    } files[] = {
        {".", S_IWGRP | S_IWOTH},
        {"jwt-secret", S_IRWXG | S_IRWXO},
        {"minim.db", S_IWGRP | S_IRWXO},
        {"messages", S_IWGRP | S_IWOTH},
    };
    for (size_t i = 0; i < MN_ARRAY_LEN(files); i++) {
        unsigned mode = mn_datadir_exposed(app->config.process.data_dir, files[i].name,
                                           files[i].mask);
        char text[16];
        snprintf(text, sizeof(text), "%04o", mode);
        if (mode)
            mn_log(app->log, MN_LOG_WARN, "data_exposed",
                   MN_KV_Z("data_dir", app->config.process.data_dir),
                   MN_KV_Z("name", files[i].name), MN_KV_Z("mode", text),
                   MN_KV_Z("why", "other users may read or change it"));
    }
}

static enum mn_err open_datadir(struct mn_app *app, struct mn_buf *why)
{
    const struct mn_config *config = &app->config;
    enum mn_err err = mn_datadir_open(&app->datadir, config->process.data_dir, why);
    if (err)
        return err;
    app->jwt.issuer = config->auth.issuer;
    if (config->auth.jwt_secret[0]) {
        app->jwt.secret = config->auth.jwt_secret;
    } else {
        err = mn_datadir_secret(config->process.data_dir, app->secret, sizeof(app->secret), why);
        app->jwt.secret = app->secret;
    }
    app->jwt.secret_len = strlen(app->jwt.secret);
    if (!err)
        warn_exposed(app);
    return err;
}

static enum mn_err check_session(void *db, int64_t uid, int64_t *ret_sv, bool *ret_known)
{
    return mn_db_session(db, uid, ret_sv, ret_known);
}

static enum mn_err check_friend(void *db, int64_t uid, int64_t other, bool *ret)
{
    return mn_db_friend_is(db, uid, other, ret);
}

/* Rosters are made before the store is open, and used when it is. */
static enum mn_err group_members(void *ctx, int64_t group, mn_roster_put put, void *arg)
{
    struct mn_app *app = ctx;
    return mn_db_group_members(app->db, group, put, arg);
}

static enum mn_err make_gate(struct mn_app *app, struct mn_buf *why)
{
    struct mn_gate_config config = {
        .log = app->log,
        .metrics = app->metrics,
        .presence = app->presence,
        .rosters = app->rosters,
        .idgen = &app->idgen,
        .jwt = app->jwt,
        .workers = GATE_WORKERS,
    };
    enum mn_err err = mn_settings_gate(&app->config, &config.settings, why);
    if (err)
        return err;
    app->gate = mn_gate_new(&config);
    if (!app->gate)
        return no_threads(why, "gateway's worker");
    mn_gate_attach(app->gate, app->net);
    return MN_OK;
}

/* Ids of that time would be negative, and stay in the stores when the clock is right again. */
static void on_clock_out_of_range(void *ctx, int64_t unix_ms)
{
    struct mn_app *app = ctx;
    uint64_t suppressed = 0;
    if (mn_log_gate_pass(&app->clock_gate, CLOCK_LOG_MS, &suppressed))
        mn_log(app->log, MN_LOG_ERROR, "clock_out_of_range", MN_KV_I("unix_ms", unix_ms),
               MN_KV_U("suppressed", suppressed),
               MN_KV_Z("hint", "set the clock: nothing is stored and nobody logs in until then"));
}

static void on_damage(void *ctx, const char *what, int64_t chat)
{
    struct mn_app *app = ctx;
    uint64_t suppressed = 0;
    if (mn_log_gate_pass(&app->damage_gate, DAMAGE_LOG_MS, &suppressed))
        mn_log(app->log, MN_LOG_ERROR, "message_store_corrupt", MN_KV_Z("reading", what),
               MN_KV_I("chat", chat), MN_KV_U("suppressed", suppressed),
               MN_KV_Z("hint", "check the disk, run minim verify, restore a backup"));
}

/* On whichever worker met it. */
static void on_accounts_damage(void *ctx, const struct mn_db_damage *damage)
{
    struct mn_app *app = ctx;
    uint64_t suppressed = 0;
    mn_metric_inc(app->shard, MN_M_ACCOUNTS_CORRUPT);
    if (mn_log_gate_pass(&app->accounts_gate, DAMAGE_LOG_MS, &suppressed))
        mn_log(app->log, MN_LOG_ERROR, "accounts_store_corrupt",
               MN_KV_Z("reading", damage->reading), MN_KV_U("page", damage->page),
               MN_KV_U("log_frame", damage->frame), MN_KV_U("suppressed", suppressed),
               MN_KV_Z("hint", "check the disk, run minim verify, restore a backup"));
}

/* The api comes into being after the ports are bound, and before anything is accepted. */
static void on_http(void *ctx, struct mn_loop *loop, struct mn_http_request *take_req)
{
    struct mn_app *app = ctx;
    mn_api_on_http(app->api, loop, take_req);
}

static void on_refusal(void *ctx, const struct mn_http_request *req, struct mn_http_response *res)
{
    struct mn_app *app = ctx;
    mn_api_on_refusal(app->api, req, res);
}

static bool is_shared(void *ctx, const uint8_t peer[16])
{
    struct mn_app *app = ctx;
    return mn_api_is_proxy(app->api, peer);
}

static void run_trim(struct mn_job *job, unsigned worker)
{
    struct mn_app *app = mn_container_of(job, struct mn_app, trim);
    (void)worker;
    atomic_store(&app->trim_waits, false);
    mn_mem_trim();
    mn_metric_inc(app->shard, MN_M_MEMORY_TRIMS);
}

static bool on_relief(void *ctx)
{
    struct mn_app *app = ctx;
    if (atomic_exchange(&app->trim_waits, true))
        return true;
    app->trim.run = run_trim;
    bool waits = mn_pool_submit(app->pool, &app->trim) == MN_OK;
    atomic_store(&app->trim_waits, waits);
    return waits;
}

static enum mn_err bind_net(struct mn_app *app, struct mn_buf *why)
{
    struct mn_net_config config = mn_settings_net(&app->config);
    struct mn_net_ws_handler ws = mn_gate_handler();
    struct mn_net_http_handler http = {.ctx = app,
                                       .on_http = on_http,
                                       .on_refusal = on_refusal,
                                       .is_shared = is_shared,
                                       .on_relief = on_relief};
    char text[256] = "";
    config.session_size = mn_gate_session_size();
    enum mn_err err = mn_net_new(&config, &ws, &http, app->log, app->metrics, &app->net, text);
    if (err)
        mn_buf_add_z(why, text);
    return err;
}

/* Calls of an earlier process are over; their thread waits for what the loops will bring. */
static enum mn_err open_calls(struct mn_app *app, struct mn_buf *why)
{
    app->call_world = (struct mn_call_world){
        .db = app->db, .presence = app->presence, .log = app->log};
    struct mn_calls_config config = app->config.calls;
    config.world = mn_call_world(&app->call_world);
    config.sink = mn_gate_sink(app->gate);
    config.ids = &app->idgen;
    config.metrics = app->metrics;
    mn_call_world_close_old(&app->call_world);
    app->calls = mn_calls_new(&config);
    mn_gate_open(app->gate, app->msglog,
                 &(struct mn_gate_users){
                     .ctx = app->db, .session = check_session, .is_friend = check_friend},
                 app->friends, app->calls);
    errno = 0;
    return mn_calls_start(app->calls) ? no_threads(why, "calls") : MN_OK;
}

/* What an earlier process had committed in one store only. */
static enum mn_err open_log_todo(struct mn_app *app, struct mn_buf *why)
{
    const struct mn_log_todo_config config = {
        .db = app->db, .msglog = app->msglog, .ids = &app->idgen, .log = app->log};
    errno = 0;
    enum mn_err err = mn_log_todo_start(&config, &app->log_todo);
    if (err == MN_ESYS)
        return no_threads(why, "log_todo");
    if (err)
        mn_buf_addf(why, "cannot read what the message log has to do yet: %s", mn_err_text(err));
    if (err)
        return err;
    app->dnd = (struct mn_dnd){
        .db = app->db, .msglog = app->msglog, .todo = app->log_todo, .ids = &app->idgen};
    app->friends = mn_friends_new(&(struct mn_friends_config){
        .db = app->db, .todo = app->log_todo, .ids = &app->idgen, .sink = mn_gate_sink(app->gate)});
    return MN_OK;
}

/* Above all that is stored: the clock may have stepped back since. */
static enum mn_err raise_ids(struct mn_app *app, struct mn_buf *why)
{
    static const struct {
        const char *what;
        enum mn_err (*most)(struct mn_db *db, int64_t *ret_id);
    } subjects[] = {{"friends", mn_db_max_friend_id},
                    {"moments", mn_db_max_moment_id},
                    {"records of calls", mn_db_max_call_id}};
    for (size_t i = 0; i < MN_ARRAY_LEN(subjects); i++) {
        int64_t most = 0;
        enum mn_err err = subjects[i].most(app->db, &most);
        if (err) {
            mn_buf_addf(why, "cannot read the %s: %s", subjects[i].what, mn_err_text(err));
            return err;
        }
        mn_idgen_raise(&app->idgen, most);
    }
    return MN_OK;
}

static void tell_trusted(struct mn_app *app)
{
    uint64_t pages = mn_db_trusted_pages(app->db);
    if (pages > 0)
        mn_log(app->log, MN_LOG_WARN, "accounts_trusted", MN_KV_U("pages", pages),
               MN_KV_Z("why", "they had no sums, or another program wrote into the file"));
}

static enum mn_err open_stores(struct mn_app *app, struct mn_buf *why)
{
    const struct mn_config *config = &app->config;
    struct mn_db_config db = {.readers = config->process.workers + GATE_WORKERS + 2,
                              .busy_timeout_ms = 5000,
                              .sync = config->msglog.sync,
                              .on_damage = on_accounts_damage,
                              .damage_ctx = app};
    snprintf(db.path, sizeof(db.path), "%s/minim.db", config->process.data_dir);
    struct mn_msglog_config msglog = mn_settings_msglog(config);
    enum mn_err err = mn_witness_check_accounts(db.path, msglog.dir, why);
    if (!err)
        err = mn_db_open(&db, &app->db, why);
    if (!err)
        tell_trusted(app);
    if (!err && (err = mn_db_witness(app->db, &msglog.witness)) != MN_OK)
        mn_buf_addf(why, "cannot read the accounts database %s: %s", db.path, mn_err_text(err));
    if (err)
        return err;
    msglog.on_commit = mn_gate_on_commit;
    msglog.ctx = app->gate;
    msglog.idgen = &app->idgen;
    msglog.on_damage = on_damage;
    msglog.damage_ctx = app;
    err = mn_msglog_open(&msglog, app->metrics, &app->msglog, why);
    if (err)
        return err;
    app->witness = mn_witness_keep(app->db, app->msglog, msglog.dir, WITNESS_MS);
    mn_idgen_raise(&app->idgen, mn_msglog_max_id(app->msglog));
    err = raise_ids(app, why);
    if (!err)
        err = open_log_todo(app, why);
    return err ? err : open_calls(app, why);
}

static enum mn_err make_api(struct mn_app *app, struct mn_buf *why)
{
    const struct mn_config *config = &app->config;
    struct mn_account_config account = config->account;
    account.db = app->db;
    account.ids = &app->idgen;
    account.jwt = app->jwt;
    account.bcrypt_cost = 10;
    account.sink = mn_gate_sink(app->gate);
    app->account = mn_account_new(&account);
    app->moments = mn_moments_new(app->db, &app->idgen);
    struct mn_groups_config groups = mn_settings_groups(config);
    groups.db = app->db;
    groups.todo = app->log_todo;
    groups.rosters = app->rosters;
    groups.ids = &app->idgen;
    groups.sink = mn_gate_sink(app->gate);
    app->groups = mn_groups_new(&groups);
    app->call_records = (struct mn_call_records){.db = app->db};
    app->conversations = (struct mn_conversations){.msglog = app->msglog, .db = app->db};
    app->ops = mn_ops_new(
        &(struct mn_ops_config){.metrics = app->metrics,
                                .msglog = app->msglog,
                                .db = app->db,
                                .log = app->log,
                                .version = MN_VERSION,
                                .hide_metrics = !config->process.metrics_enabled});
    app->pool = mn_pool_new(config->process.workers, config->process.worker_queue, "http");
    app->hash_pool = mn_pool_new(config->process.workers > 1 ? config->process.workers / 2 : 1,
                                 config->process.worker_queue, "hash");
    if (!app->pool || !app->hash_pool)
        return no_threads(why, "worker");
    struct mn_api_config api = {.account = app->account,
                                .conversations = &app->conversations,
                                .call_records = &app->call_records,
                                .friends = app->friends,
                                .dnd = &app->dnd,
                                .moments = app->moments,
                                .groups = app->groups,
                                .ops = app->ops,
                                .pool = app->pool,
                                .hash_pool = app->hash_pool,
                                .metrics = app->metrics,
                                .log = app->log,
                                .ratelimit_keys = 65536};
    enum mn_err err = mn_settings_api(config, &api.options, why);
    return err ? err : mn_api_new(&api, &app->api, why);
}

/* ---- life ---- */

static unsigned worker_id(const struct mn_config *config)
{
    /* One machine, one daemon on a data directory: any number is unique. */
    return config->process.worker >= 0 ? (unsigned)config->process.worker % 32 : 0;
}

/* Ends whatever was made so far; every part is NULL-safe. */
static void tear_down(struct mn_app *app)
{
    if (app->gate)
        mn_gate_stop(app->gate);
    mn_calls_stop(app->calls);
    if (app->pool)
        mn_pool_stop(app->pool);
    if (app->hash_pool)
        mn_pool_stop(app->hash_pool);
    mn_log_todo_stop(app->log_todo);
    mn_witness_stop(app->witness);
    mn_witness_end(app->witness, mn_msglog_close(app->msglog));
    mn_net_free(app->net);
    mn_api_free(app->api);
    mn_pool_free(app->pool);
    mn_pool_free(app->hash_pool);
    mn_ops_free(app->ops);
    mn_friends_free(app->friends);
    mn_moments_free(app->moments);
    mn_account_free(app->account);
    mn_groups_free(app->groups);
    mn_calls_free(app->calls);
    mn_db_close(app->db);
    mn_gate_free(app->gate);
    mn_presence_free(app->presence);
    mn_rosters_free(app->rosters);
    mn_metrics_free(app->metrics);
    mn_datadir_close(&app->datadir);
    mn_free(app);
}

enum mn_err mn_app_start(const struct mn_config *config, struct mn_log *log, struct mn_app **ret,
                         struct mn_buf *why)
{
    static enum mn_err (*const steps[])(struct mn_app * app, struct mn_buf * why) = {
        bind_net, open_datadir, make_gate, open_stores, make_api};
    struct mn_app *app = mn_new(struct mn_app);
    enum mn_err err = MN_OK;
    app->config = *config;
    app->log = log;
    app->datadir.lock_fd = -1;
    app->metrics = mn_metrics_new();
    app->shard = mn_metrics_claim(app->metrics);
    app->presence = mn_presence_new();
    app->rosters = mn_rosters_new(&(struct mn_roster_source){.ctx = app, .members = group_members},
                                  config->roster_bytes, app->metrics);
    mn_idgen_init(&app->idgen, config->process.datacenter % 32, worker_id(config));
    app->idgen.on_refusal = on_clock_out_of_range;
    app->idgen.ctx = app;
    mn_ignore(mn_idgen_is_open(&app->idgen)); /* says so at the start already */
    for (size_t i = 0; i < MN_ARRAY_LEN(steps) && !err; i++)
        err = steps[i](app, why);
    if (!err && mn_net_start(app->net))
        err = no_threads(why, "loop");
    if (err) {
        tear_down(app);
        return err;
    }
    *ret = app;
    return MN_OK;
}

/* As in a URL: an IPv6 address in brackets. */
static void add_address(struct mn_buf *out, const char *host, unsigned port)
{
    bool is_v6 = strchr(host, ':') != NULL;
    mn_buf_addf(out, is_v6 ? "[%s]:%u" : "%s:%u", host, port);
}

void mn_app_print_ready(const struct mn_app *app, struct mn_buf *out)
{
    mn_buf_add_z(out, "http=");
    add_address(out, app->config.net.listen[MN_LISTEN_API].host, mn_net_port(app->net, 0));
    mn_buf_add_z(out, " ws=");
    add_address(out, app->config.net.listen[MN_LISTEN_WS].host, mn_net_port(app->net, 1));
}

enum mn_err mn_app_reload(struct mn_app *app, const struct mn_config *config, struct mn_buf *why)
{
    struct mn_gate_settings settings;
    struct mn_net_config net = mn_settings_net(config);
    struct mn_api_options options;
    enum mn_err err = mn_settings_gate(config, &settings, why);
    if (err)
        return err;
    err = mn_settings_api(config, &options, why);
    if (!err)
        err = mn_api_reload(app->api, &options, why);
    if (err) {
        mn_filter_free(settings.filter);
        return err;
    }
    mn_gate_reload(app->gate, &settings);
    mn_net_reload(app->net, &net);
    mn_account_set_auto_register(app->account, config->account.auto_register);
    return MN_OK;
}

void mn_app_stop(struct mn_app *app)
{
    mn_ops_set_draining(app->ops);
    mn_net_drain(app->net, app->config.process.shutdown_spread_ms);
    mn_net_stop(app->net, app->config.process.shutdown_timeout_ms);
    tear_down(app);
}
