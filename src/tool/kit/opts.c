/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed setters of the options (see opts.h; the table is in opts_table.c).
 * Thread: main, before anything is started.  Values are checked here, one
 * by one, and across options in check_together(); nothing is opened.
 */
#include "tool/kit/opts.h"

#include <math.h>

#include "base/mem.h"
#include "base/num.h"
#include "tool/kit/opts_table.h"

#define NS_S UINT64_C(1000000000)

enum {
    EXPECTED_CAP = 120,
    SENDERS_DEFAULT = 20,
    /* Each membership is made by two requests, */
    MEMBERSHIPS_MAX = 10000000,
    CLIENTS_MAX = 1000000,
    /* and the last counter of each sender at each member is remembered. */
    ORDERS_MAX = 100000000
};

void opts_init(struct opts *opts, enum opts_cmd cmd)
{
    *opts = (struct opts){.issuer = "mini-im",
                          .clients = 1000,
                          .duration_ns = 10 * NS_S,
                          .warmup_ns = 2 * NS_S,
                          .quiet_ns = 2 * NS_S,
                          .drain_ns = 60 * NS_S,
                          .timeout_ns = 10 * NS_S,
                          .ramp = 5000,
                          .backoff_base_ns = NS_S / 2,
                          .backoff_max_ns = 10 * NS_S,
                          .body_bytes = 100,
                          .ack_every_ns = NS_S,
                          .groups = 1,
                          .members = 200,
                          .sample_pct = 100,
                          .http_connections = 16,
                          .slow_delay_ns = NS_S,
                          .kill_signal = OPTS_SIGNAL_KILL,
                          .resend_wait_ns = 65 * NS_S,
                          .examples = 20,
                          .memory_bytes = UINT64_C(256) << 20};
    opts->jwt_secret = getenv("IM_AUTH_JWT_SECRET");
    if (cmd == CMD_SMOKE)
        opts->timeout_ns = 5 * NS_S;
    if (cmd == CMD_PING) {
        opts->clients = 500;
        opts->interval_ns = NS_S;
    }
    if (cmd & (CMD_CHAT | CMD_FLOOR))
        opts->clients = 200;
    if (cmd == CMD_MIXED) {
        opts->rate = 200;
        opts->members = 20;
    }
    if (cmd == CMD_FLOOR)
        opts->duration_ns = 3 * NS_S;
    if (cmd == CMD_LISTS) {
        opts->spawn = true;
        opts->fill = true;
        opts->chats = 1000;
        opts->groups = 200;
        opts->stored = 1000000;
        opts->page = 100;
    }
    if (cmd == CMD_RECONNECT) {
        opts->reconnect = true;
        opts->spawn = true;
    }
}

enum mn_err opts_duration(struct mn_str s, uint64_t *ret_ns)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
    size_t n = s.n;
    while (n > 0 && s.p[n - 1] >= 'a' && s.p[n - 1] <= 'z')
        n--;
    double scale = n == s.n ? 1e9 : 0;
    for (size_t i = 0; i < MN_ARRAY_LEN(units); i++)
        if (mn_str_is(mn_str_make(s.p + n, s.n - n), units[i].unit))
            scale = units[i].ns;
    double value;
    if (scale == 0 || mn_parse_double(mn_str_make(s.p, n), 0, 1e12, &value) != MN_OK)
        return MN_EINVAL;
    if (value * scale > 1e18)
        return MN_EINVAL;
    *ret_ns = (uint64_t)llround(value * scale);
    return MN_OK;
}

static bool set_enum(const struct opts_def *def, struct mn_str value, int *ret)
{
    const char *p = def->arg;
    for (int i = 0; *p; i++) {
        size_t n = strcspn(p, "|");
        if (mn_str_eq(mn_str_make(p, n), value)) {
            *ret = i;
            return true;
        }
        p += n + (p[n] == '|');
    }
    return false;
}

static bool set_duration(const struct opts_def *def, struct mn_str value, uint64_t *ret)
{
    uint64_t ns;
    if (opts_duration(value, &ns) != MN_OK || (double)ns < def->min * 1e9 ||
        (double)ns > def->max * 1e9)
        return false;
    *ret = ns;
    return true;
}

/* PCT/T: two fields of the options at once. */
static bool set_flap(struct opts *opts, struct mn_str value)
{
    const char *slash = memchr(value.p, '/', value.n);
    if (!slash)
        return false;
    struct mn_str pct = mn_str_make(value.p, (size_t)(slash - value.p));
    struct mn_str every = mn_str_make(slash + 1, value.n - pct.n - 1);
    return mn_parse_double(pct, 0.001, 100, &opts->flap_pct) == MN_OK &&
           opts_duration(every, &opts->flap_interval_ns) == MN_OK &&
           opts->flap_interval_ns >= NS_S / 100;
}

static bool add_to_list(struct opts_list *list, const char *value)
{
    if (list->count == OPTS_LIST_MAX)
        return false;
    list->item[list->count++] = value;
    return true;
}

static bool set(struct opts *opts, const struct opts_def *def, const char *value)
{
    void *at = (char *)opts + def->offset;
    struct mn_str s = mn_str_c(value);
    switch (def->kind) {
    case OPTS_KIND_FLAG:
        *(bool *)at = true;
        return true;
    case OPTS_KIND_U64:
        return mn_parse_u64(s, (uint64_t)def->min, (uint64_t)def->max, at) == MN_OK;
    case OPTS_KIND_DOUBLE:
        return mn_parse_double(s, def->min, def->max, at) == MN_OK;
    case OPTS_KIND_DURATION:
        return set_duration(def, s, at);
    case OPTS_KIND_BYTES:
        return mn_parse_bytes(s, (uint64_t)def->min, (uint64_t)def->max, at) == MN_OK;
    case OPTS_KIND_STR:
        *(const char **)at = value;
        return s.n > 0;
    case OPTS_KIND_LIST:
        return s.n > 0 && add_to_list(at, value);
    case OPTS_KIND_ENUM:
        return set_enum(def, s, at);
    case OPTS_KIND_FLAP:
        return set_flap(opts, s);
    }
    return false;
}

/* The one of that name that `cmd` has; else any of that name; else NULL. */
static const struct opts_def *find(struct mn_str name, enum opts_cmd cmd)
{
    const struct opts_def *other = NULL;
    for (size_t i = 0; i < opts_def_count; i++) {
        if (!mn_str_is(name, opts_defs[i].name))
            continue;
        if (opts_defs[i].cmds & cmd)
            return &opts_defs[i];
        other = &opts_defs[i];
    }
    return other;
}

static const char *check_verify(const struct opts *opts)
{
    if (!opts->data_dir == !opts->http)
        return "either --data-dir (a store at rest) or --http (a running server) is needed";
    if (!opts->http)
        return NULL;
    if (!opts->ledger)
        return "--http needs --ledger, which names the conversations to be read";
    if (!opts->jwt_secret)
        return "--http needs --jwt-secret (or IM_AUTH_JWT_SECRET in the environment)";
    if (strlen(opts->jwt_secret) < 32)
        return "the JWT secret must have 32 bytes or more";
    return NULL;
}

/* `lead`: what stands before names where the option came from, "--" or nothing. */
static void say_unknown(enum opts_cmd cmd, struct mn_str name, const struct opts_def *def,
                        const char *lead, char *why, size_t why_cap)
{
    const struct opts_def *nearest = def ? NULL : opts_nearest(name, cmd);
    snprintf(why, why_cap, "%s%.*s: %s%s%s%s%s", lead, (int)(name.n > 60 ? 60 : name.n), name.p,
             def && *lead ? "this command has no such option"
             : def        ? "this mode has no such option"
                          : "unknown option",
             nearest ? ", did you mean " : "", nearest ? lead : "", nearest ? nearest->name : "",
             nearest ? "?" : "");
}

static void say_bad(const struct opts_def *def, const char *lead, const char *value, char *why,
                    size_t why_cap)
{
    char expected[EXPECTED_CAP];
    snprintf(why, why_cap, "%s%s: bad value \"%.60s\", expected %s", lead, def->name, value,
             opts_expected(def, expected, sizeof expected));
}

enum mn_err opts_set(struct opts *opts, enum opts_cmd cmd, struct mn_str name, const char *value,
                     char *why, size_t why_cap)
{
    const struct opts_def *def = find(name, cmd);
    if (!def || !(def->cmds & cmd)) {
        say_unknown(cmd, name, def, "", why, why_cap);
        return MN_EINVAL;
    }
    bool is_flag = def->kind == OPTS_KIND_FLAG;
    if (is_flag && strcmp(value, "false") == 0) {
        *(bool *)((char *)opts + def->offset) = false;
        return MN_OK;
    }
    if ((is_flag && strcmp(value, "true") != 0) || !set(opts, def, value)) {
        say_bad(def, "", value, why, why_cap);
        return MN_EINVAL;
    }
    return MN_OK;
}

/* Numbers of a group, and what follows from them. */
static const char *check_group(struct opts *opts)
{
    if (opts->loopback && (opts->spawn || opts->ws.count > 0 || opts->http || opts->login ||
                           opts->ledger || opts->pid > 0))
        return "--loopback stands in the place of a server: no --spawn, --ws, --http, --login, "
               "--ledger, --pid";
    if (!opts->spawn && !opts->http && !opts->loopback)
        return "group needs --http, where groups are made";
    if (opts->fill && !opts->spawn && !opts->loopback)
        return "--fill writes into the store of --spawn, which is missing";
    if (opts->stored > 0 && !opts->fill)
        return "--stored needs --fill, which writes the messages";
    if (opts->fill && opts->login)
        return "--fill and --login exclude each other: accounts come from the daemon";
    if (opts->online == 0)
        opts->online = opts->members;
    if (opts->online > opts->members)
        return "--online is more than --members";
    if (opts->senders == 0)
        opts->senders = opts->online < SENDERS_DEFAULT ? opts->online : SENDERS_DEFAULT;
    if (opts->senders > opts->online)
        return "--senders is more than the members that connect";
    if (opts->groups * opts->members > MEMBERSHIPS_MAX)
        return "--groups times --members is more than 10,000,000";
    if (opts->groups * opts->online > CLIENTS_MAX)
        return "--groups times --online is more than 1,000,000 clients";
    if (opts->groups * opts->online * opts->senders > ORDERS_MAX)
        return "too many senders: --groups x --online x --senders is more than 100,000,000";
    opts->clients = opts->groups * opts->online;
    return NULL;
}

/* What the table cannot say: options that need or exclude each other. */
static const char *check_together(struct opts *opts, enum opts_cmd cmd)
{
    if (cmd == CMD_VERIFY)
        return check_verify(opts);
    if (cmd & (OPTS_WORDS | CMD_FLOOR))
        return NULL;
    if (opts->flap_pct > 0)
        opts->reconnect = true;
    if (opts->spawn && opts->ws.count > 0)
        return "--spawn and --ws exclude each other";
    if (opts->spawn && cmd != CMD_RECONNECT && opts->pid > 0)
        return "--pid is known with --spawn";
    if (opts->keep && !opts->spawn)
        return "--keep names the data directory of --spawn, which is missing";
    if (opts->spawn && opts->ledger && !opts->keep)
        return "--ledger needs --keep DIR with --spawn: without its store it can be held against "
               "nothing";
    if (opts->daemon_options.count > 0 && !opts->spawn && !opts->loopback)
        return "--daemon-option is one of the daemon of --spawn, which is missing";
    if (opts->daemon_arg_count > 0 && !opts->spawn)
        return "what follows -- goes to the daemon of --spawn, which is missing";
    if (opts->login && !opts->spawn && !opts->http)
        return "--login needs --http, where the users log in";
    if (opts->login && opts->user_base > 0)
        return "--login and --user-base exclude each other: the server gives the ids";
    if (!opts->spawn && !opts->jwt_secret && !opts->login && !opts->loopback)
        return "--jwt-secret (or IM_AUTH_JWT_SECRET in the environment) or --login is needed";
    if (!opts->spawn && !opts->loopback && opts->jwt_secret && strlen(opts->jwt_secret) < 32)
        return "the JWT secret must have 32 bytes or more";
    if (cmd == CMD_LISTS && opts->stored < opts->page)
        return "--stored is less than --page: there is no whole page of history";
    if (!(cmd & CMD_MESSAGES))
        return NULL;
    if (cmd == CMD_MIXED && !opts->spawn && !opts->http)
        return "mixed needs --http, where histories are read";
    const char *bad = cmd == CMD_GROUP ? check_group(opts) : NULL;
    if (bad)
        return bad;
    if (cmd != CMD_GROUP && opts->clients % 2 != 0)
        return "--clients must be even: they are pairs of a sender and a receiver";
    if (opts->rate > 0 && opts->interval_ns > 0)
        return "--rate and --interval exclude each other";
    bool open_loop = opts->rate > 0 || opts->interval_ns > 0;
    if (!open_loop && (opts->pairs != OPTS_PAIRS_EVEN || opts->model != OPTS_MODEL_SPREAD))
        return "--model and --pairs need an open loop: --rate or --interval";
    if (opts->slow_pct + opts->no_read_pct > 100)
        return "--slow and --no-read together are more than 100%";
    return NULL;
}

/*
 * One argument: sets *ret_def and *ret_value (NULL when it is in the next
 * argument).  Returns what is wrong with it, or NULL.
 */
static const char *look_up(enum opts_cmd cmd, const char *arg, const struct opts_def **ret_def,
                           const char **ret_value)
{
    if (strncmp(arg, "--", 2) != 0)
        return "unexpected argument";
    const char *eq = strchr(arg, '=');
    struct mn_str name = mn_str_make(arg + 2, eq ? (size_t)(eq - arg) - 2 : strlen(arg) - 2);
    *ret_def = find(name, cmd);
    *ret_value = eq ? eq + 1 : NULL;
    if (*ret_def && (*ret_def)->cmds & cmd && (*ret_def)->kind == OPTS_KIND_FLAG && eq)
        return "this option takes no value";
    return NULL;
}

enum mn_err opts_parse(struct opts *opts, enum opts_cmd cmd, int argc, char **argv, char *why,
                       size_t why_cap)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return MN_ENOTFOUND;
        if (strcmp(argv[i], "--") == 0) {
            opts->daemon_args = argv + i + 1;
            opts->daemon_arg_count = (size_t)(argc - i - 1);
            break;
        }
        const struct opts_def *def = NULL;
        const char *value = NULL;
        const char *arg = argv[i];
        if ((cmd & OPTS_WORDS) && strncmp(arg, "--", 2) != 0 && add_to_list(&opts->words, arg))
            continue;
        const char *bad = look_up(cmd, arg, &def, &value);
        if (bad) {
            snprintf(why, why_cap, "%.100s: %s", arg, bad);
            return MN_EINVAL;
        }
        if (!def || !(def->cmds & cmd)) {
            say_unknown(cmd, mn_str_make(arg + 2, strcspn(arg + 2, "=")), def, "--", why, why_cap);
            return MN_EINVAL;
        }
        if (def->kind != OPTS_KIND_FLAG && !value) {
            if (++i == argc) {
                char expected[EXPECTED_CAP];
                snprintf(why, why_cap, "%.60s: needs a value: %s", arg,
                         opts_expected(def, expected, sizeof expected));
                return MN_EINVAL;
            }
            value = argv[i];
        }
        if (!set(opts, def, value)) {
            say_bad(def, "--", value, why, why_cap);
            return MN_EINVAL;
        }
    }
    const char *bad = check_together(opts, cmd);
    if (bad)
        snprintf(why, why_cap, "%s", bad);
    return bad ? MN_EINVAL : MN_OK;
}
