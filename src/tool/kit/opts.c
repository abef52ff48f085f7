/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options table of the tool (see opts.h) and its typed setters.
 * Thread: main, before anything is started.  Values are checked here, one
 * by one, and across options in check_together(); nothing is opened.
 */
#include "tool/kit/opts.h"

#include <math.h>

#include "base/mem.h"
#include "base/num.h"

#define NS_S UINT64_C(1000000000)

enum kind {
    KIND_FLAG = 0,
    KIND_U64,
    KIND_DOUBLE,
    KIND_DURATION,
    KIND_BYTES,
    KIND_STR,
    KIND_LIST,
    KIND_ENUM,
    KIND_FLAP
};

struct def {
    const char *name;
    enum kind kind;
    unsigned cmds; /* enum opts_cmd */
    size_t offset;
    double min;
    double max;
    const char *arg;   /* shown in the help; of an enum its values, separated by | */
    const char *deflt; /* shown in the help */
    const char *help;
};

#define ALL (CMD_SMOKE | CMD_BENCH)
#define ALL_AND_VERIFY (ALL | CMD_VERIFY)
/* Commands that take arguments which are no options. */
#define WORDS (CMD_COMPARE | CMD_PLOT)
#define AT(field) offsetof(struct opts, field)

static const struct def defs[] = {
    {"ws", KIND_LIST, ALL, AT(ws), 0, 0, "URL", "ws://127.0.0.1:9001/ws",
     "gateway address; repeat it for several nodes"},
    {"http", KIND_STR, ALL_AND_VERIFY, AT(http), 0, 0, "URL", NULL,
     "API address: messages are looked up in the history there"},
    {"jwt-secret", KIND_STR, ALL_AND_VERIFY, AT(jwt_secret), 0, 0, "S", "$IM_AUTH_JWT_SECRET",
     "signs the tokens of the test users"},
    {"issuer", KIND_STR, ALL_AND_VERIFY, AT(issuer), 0, 0, "S", "mini-im",
     "issuer in those tokens"},
    {"login", KIND_FLAG, ALL, AT(login), 0, 0, NULL, NULL,
     "log every user in at --http instead of signing tokens: 50 ms of the server's CPU for each"},
    {"spawn", KIND_FLAG, ALL, AT(spawn), 0, 0, NULL, NULL,
     "start a minimd of our own on a temporary directory; what follows -- goes to it"},
    {"minimd", KIND_STR, ALL, AT(minimd), 0, 0, "PATH", "beside minim", "the daemon to spawn"},
    {"user-base", KIND_U64, ALL, AT(user_base), 1, 9e18, "N", "fresh", "first user id"},
    {"json", KIND_STR, ALL_AND_VERIFY | CMD_FLOOR, AT(json), 0, 0, "FILE", NULL,
     "write the result there; - is stdout"},
    {"timeout", KIND_DURATION, ALL, AT(timeout_ns), 0.001, 3600, "T", "10s (bench), 5s (smoke)",
     "limit for a connection to be authenticated, and for an answer"},
    {"scenario", KIND_LIST, CMD_SMOKE, AT(scenarios), 0, 0, "NAME", "all",
     "run only this one; may be repeated, or a,b,c"},
    {"scenario", KIND_LIST, CMD_FLOOR, AT(scenarios), 0, 0, "FILE", NULL,
     "measure what this scenario cannot avoid"},
    {"resend-wait", KIND_DURATION, CMD_SMOKE, AT(resend_wait_ns), 0.1, 3600, "T", "65s",
     "how long the resend scenario waits for the second copy"},
    {"pid", KIND_U64, CMD_BENCH, AT(pid), 1, 1e9, "N", NULL,
     "the server's process: its memory, CPU, threads, descriptors each second"},
    {"clients", KIND_U64, CMD_BENCH | CMD_FLOOR, AT(clients), 1, 1e6, "N", "by mode",
     "connections"},
    {"duration", KIND_DURATION, CMD_BENCH | CMD_FLOOR, AT(duration_ns), 0.001, 1e6, "T",
     "10s (floor: 3s)", "steady phase; floor: of each measurement"},
    {"warmup", KIND_DURATION, CMD_BENCH, AT(warmup_ns), 0, 1e6, "T", "2s",
     "load before the steady phase"},
    {"quiet", KIND_DURATION, CMD_BENCH, AT(quiet_ns), 0.01, 3600, "T", "2s",
     "drain ends when nothing has come for so long"},
    {"drain", KIND_DURATION, CMD_BENCH, AT(drain_ns), 0.01, 3600, "T", "60s",
     "drain ends after this in any case"},
    {"ramp", KIND_DOUBLE, CMD_BENCH, AT(ramp), 0, 1e7, "N", "5000",
     "new connections a second, 0 for no limit"},
    {"threads", KIND_U64, CMD_BENCH, AT(threads), 1, 256, "N", "a quarter of the cores",
     "load threads"},
    {"source-addresses", KIND_U64, CMD_BENCH, AT(source_addresses), 1, 250, "N", "by clients",
     "connect from 127.0.0.1 to 127.0.0.N"},
    {"seed", KIND_U64, CMD_BENCH, AT(seed), 0, 1.8e19, "N", "random",
     "of everything that is chosen at random"},
    {"reconnect", KIND_FLAG, CMD_BENCH, AT(reconnect), 0, 0, NULL, NULL,
     "lost connections come back: exponential backoff, full jitter"},
    {"backoff", KIND_DURATION, CMD_BENCH, AT(backoff_base_ns), 0.001, 3600, "T", "500ms",
     "greatest first wait before a reconnect"},
    {"backoff-max", KIND_DURATION, CMD_BENCH, AT(backoff_max_ns), 0.001, 3600, "T", "10s",
     "ceiling of that wait"},
    {"flap", KIND_FLAP, CMD_CONNECT | CMD_PING | CMD_CHAT, AT(flap_pct), 0, 100, "PCT/T", NULL,
     "cut PCT% of the connections every T (implies --reconnect)"},
    {"role-pinned", KIND_FLAG, CMD_CHAT, AT(role_pinned), 0, 0, NULL, NULL,
     "senders to the first --ws, receivers to the others"},
    {"inflight", KIND_U64, CMD_CHAT | CMD_FLOOR, AT(inflight), 1, 1e6, "N", "16; open loop 1000",
     "unanswered messages a sender may have"},
    {"rate", KIND_DOUBLE, CMD_SINGLE | CMD_ACK | CMD_FLOOR, AT(rate), 0.001, 1e7, "N", NULL,
     "open loop: messages a second in all"},
    {"rate", KIND_DOUBLE, CMD_MIXED, AT(rate), 0.001, 1e7, "N", "200",
     "messages and requests a second in all, divided by the profile"},
    {"profile", KIND_STR, CMD_MIXED, AT(profile), 0, 0, "FILE",
     "single=80 history=12 conversations=7 login=1 read=80 page=20",
     "weights of what users do, a line name = weight each"},
    {"http-connections", KIND_U64, CMD_MIXED, AT(http_connections), 1, 256, "N", "16",
     "requests over HTTP at a time; what is due beyond them waits"},
    {"interval", KIND_DURATION, CMD_SINGLE | CMD_ACK | CMD_PING | CMD_FLOOR, AT(interval_ns), 1e-6,
     1e6, "T", "1s (ping)", "open loop: time between two sends of one client"},
    {"model", KIND_ENUM, CMD_CHAT | CMD_PING, AT(model), 0, 0, "spread|burst|poisson", "spread",
     "open loop: when the sends are due"},
    {"pairs", KIND_ENUM, CMD_CHAT, AT(pairs), 0, 0, "even|zipf", "even",
     "open loop: how the messages are spread over the conversations"},
    {"body", KIND_BYTES, CMD_CHAT | CMD_FLOOR, AT(body_bytes), 1, 4096, "BYTES", "100",
     "text of a message"},
    {"no-ack", KIND_FLAG, CMD_SINGLE, AT(no_ack), 0, 0, NULL, NULL, "receivers do not acknowledge"},
    {"slow", KIND_DOUBLE, CMD_CHAT, AT(slow_pct), 0, 100, "PCT", "0",
     "so many receivers read one message, then wait"},
    {"slow-delay", KIND_DURATION, CMD_CHAT, AT(slow_delay_ns), 0.001, 3600, "T", "1s",
     "how long they wait"},
    {"no-read", KIND_DOUBLE, CMD_CHAT, AT(no_read_pct), 0, 100, "PCT", "0",
     "so many receivers never read; they reconnect at the end and must become complete"},
    {"signal", KIND_ENUM, CMD_RECONNECT, AT(kill_signal), 0, 0, "term|kill", "kill",
     "how the server is ended under its clients"},
    {"ledger", KIND_STR, CMD_CHAT | CMD_VERIFY, AT(ledger), 0, 0, "FILE", NULL,
     "a line for every saved message: bench writes it, verify holds it against the store"},
    {"data-dir", KIND_STR, CMD_VERIFY, AT(data_dir), 0, 0, "DIR", NULL,
     "data directory of a minimd that is not running"},
    {"examples", KIND_U64, CMD_VERIFY, AT(examples), 0, 1000, "N", "20",
     "shown of each thing that is wrong"},
    {"memory", KIND_BYTES, CMD_VERIFY, AT(memory_bytes), 1 << 16, 1e12, "BYTES", "256MiB",
     "for the table of chats; what does not fit takes another pass over the store"},
    {"messages", KIND_U64, CMD_CHAT, AT(messages), 1, 1e12, "N", NULL,
     "end the steady phase after so many saved messages; --duration is then its limit"},
    {"fit", KIND_FLAG, CMD_BENCH, AT(fit), 0, 0, NULL, NULL,
     "fewer clients where the descriptor limit does not allow so many; the result says so"},
    {"junit", KIND_STR, CMD_SMOKE, AT(junit), 0, 0, "FILE", NULL,
     "write the result there as JUnit XML"},
    {"html", KIND_STR, CMD_BENCH | CMD_COMPARE | CMD_PLOT, AT(html), 0, 0, "FILE", NULL,
     "write a page with charts there"},
    {"svg", KIND_STR, CMD_PLOT, AT(svg), 0, 0, "DIR", NULL, "write every chart as a file there"},
    {"gate", KIND_LIST, CMD_BENCH, AT(gates), 0, 0, "EXPR", NULL,
     "such as 'p99<5ms' or 'lost=0': exit 1 when missed; may be repeated"},
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
    if (cmd == CMD_MIXED)
        opts->rate = 200;
    if (cmd == CMD_FLOOR)
        opts->duration_ns = 3 * NS_S;
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

static bool set_enum(const struct def *def, struct mn_str value, int *ret)
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

static bool set_duration(const struct def *def, struct mn_str value, uint64_t *ret)
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

static bool set(struct opts *opts, const struct def *def, const char *value)
{
    void *at = (char *)opts + def->offset;
    struct mn_str s = mn_str_c(value);
    switch (def->kind) {
    case KIND_FLAG:
        *(bool *)at = true;
        return true;
    case KIND_U64:
        return mn_parse_u64(s, (uint64_t)def->min, (uint64_t)def->max, at) == MN_OK;
    case KIND_DOUBLE:
        return mn_parse_double(s, def->min, def->max, at) == MN_OK;
    case KIND_DURATION:
        return set_duration(def, s, at);
    case KIND_BYTES:
        return mn_parse_bytes(s, (uint64_t)def->min, (uint64_t)def->max, at) == MN_OK;
    case KIND_STR:
        *(const char **)at = value;
        return s.n > 0;
    case KIND_LIST:
        return s.n > 0 && add_to_list(at, value);
    case KIND_ENUM:
        return set_enum(def, s, at);
    case KIND_FLAP:
        return set_flap(opts, s);
    }
    return false;
}

/* The one of that name that `cmd` has; else any of that name; else NULL. */
static const struct def *find(struct mn_str name, enum opts_cmd cmd)
{
    const struct def *other = NULL;
    for (size_t i = 0; i < MN_ARRAY_LEN(defs); i++) {
        if (!mn_str_is(name, defs[i].name))
            continue;
        if (defs[i].cmds & cmd)
            return &defs[i];
        other = &defs[i];
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

enum mn_err opts_set(struct opts *opts, enum opts_cmd cmd, struct mn_str name, const char *value,
                     char *why, size_t why_cap)
{
    const struct def *def = find(name, cmd);
    if (!def || !(def->cmds & cmd)) {
        snprintf(why, why_cap, "%.*s: %s", (int)(name.n > 40 ? 40 : name.n), name.p,
                 def ? "this mode has no such option" : "unknown option");
        return MN_EINVAL;
    }
    bool is_flag = def->kind == KIND_FLAG;
    if (is_flag && strcmp(value, "false") == 0) {
        *(bool *)((char *)opts + def->offset) = false;
        return MN_OK;
    }
    if ((is_flag && strcmp(value, "true") != 0) || !set(opts, def, value)) {
        snprintf(why, why_cap, "%s: bad value \"%.60s\", expected %s", def->name, value,
                 is_flag ? "true|false" : def->arg);
        return MN_EINVAL;
    }
    return MN_OK;
}

/* What the table cannot say: options that need or exclude each other. */
static const char *check_together(struct opts *opts, enum opts_cmd cmd)
{
    if (cmd == CMD_VERIFY)
        return check_verify(opts);
    if (cmd & (WORDS | CMD_FLOOR))
        return NULL;
    if (opts->flap_pct > 0)
        opts->reconnect = true;
    if (opts->spawn && opts->ws.count > 0)
        return "--spawn and --ws exclude each other";
    if (opts->spawn && cmd != CMD_RECONNECT && opts->pid > 0)
        return "--pid is known with --spawn";
    if (opts->daemon_arg_count > 0 && !opts->spawn)
        return "what follows -- goes to the daemon of --spawn, which is missing";
    if (opts->login && !opts->spawn && !opts->http)
        return "--login needs --http, where the users log in";
    if (opts->login && opts->user_base > 0)
        return "--login and --user-base exclude each other: the server gives the ids";
    if (!opts->spawn && !opts->jwt_secret && !opts->login)
        return "--jwt-secret (or IM_AUTH_JWT_SECRET in the environment) or --login is needed";
    if (!opts->spawn && opts->jwt_secret && strlen(opts->jwt_secret) < 32)
        return "the JWT secret must have 32 bytes or more";
    if (!(cmd & CMD_CHAT))
        return NULL;
    if (cmd == CMD_MIXED && !opts->spawn && !opts->http)
        return "mixed needs --http, where histories are read";
    if (opts->clients % 2 != 0)
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
static const char *look_up(enum opts_cmd cmd, const char *arg, const struct def **ret_def,
                           const char **ret_value)
{
    if (strncmp(arg, "--", 2) != 0)
        return "unexpected argument";
    const char *eq = strchr(arg, '=');
    struct mn_str name = mn_str_make(arg + 2, eq ? (size_t)(eq - arg) - 2 : strlen(arg) - 2);
    *ret_def = find(name, cmd);
    *ret_value = eq ? eq + 1 : NULL;
    if (!*ret_def)
        return "unknown option";
    if (!((*ret_def)->cmds & cmd))
        return "this command has no such option";
    if ((*ret_def)->kind == KIND_FLAG && eq)
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
        const struct def *def = NULL;
        const char *value = NULL;
        const char *arg = argv[i];
        if ((cmd & WORDS) && strncmp(arg, "--", 2) != 0 && add_to_list(&opts->words, arg))
            continue;
        const char *bad = look_up(cmd, arg, &def, &value);
        if (bad) {
            snprintf(why, why_cap, "%s: %s", arg, bad);
            return MN_EINVAL;
        }
        if (def->kind != KIND_FLAG && !value) {
            if (++i == argc) {
                snprintf(why, why_cap, "%s: needs a value: %s", arg, def->arg);
                return MN_EINVAL;
            }
            value = argv[i];
        }
        if (!set(opts, def, value)) {
            snprintf(why, why_cap, "--%s: bad value \"%.60s\", expected %s", def->name, value,
                     def->arg);
            return MN_EINVAL;
        }
    }
    const char *bad = check_together(opts, cmd);
    if (bad)
        snprintf(why, why_cap, "%s", bad);
    return bad ? MN_EINVAL : MN_OK;
}

void opts_help(FILE *out, enum opts_cmd cmd)
{
    for (size_t i = 0; i < MN_ARRAY_LEN(defs); i++) {
        const struct def *def = &defs[i];
        if (!(def->cmds & cmd))
            continue;
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", def->name, def->arg ? " " : "",
                 def->arg ? def->arg : "");
        fprintf(out, "  %-30s %s", left, def->help);
        if (def->deflt)
            fprintf(out, " [%s]", def->deflt);
        fputc('\n', out);
    }
}
