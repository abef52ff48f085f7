/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MN_APP_OPTIONS_IMPL_H
#define MN_APP_OPTIONS_IMPL_H

#include "app/options.h"

#include <stdint.h>

#include "base/str.h"

/* Private to app/options*.c and their tests. */

enum mn_option_type {
    MN_OPTION_BOOL = 1,
    MN_OPTION_INTEGER,
    MN_OPTION_PORT,
    MN_OPTION_MILLISECONDS,
    MN_OPTION_SECONDS,
    MN_OPTION_BYTES,
    MN_OPTION_ENUM,
    MN_OPTION_STRING,
    MN_OPTION_PATH,
    MN_OPTION_LIST /* comma-separated */
};

enum mn_option_flags {
    MN_OPTION_RELOAD = 1u << 0, /* takes effect on SIGHUP */
    MN_OPTION_SECRET = 1u << 1  /* never printed */
};

enum mn_option_group {
    MN_OPTION_GROUP_HTTP = 0,
    MN_OPTION_GROUP_WS,
    MN_OPTION_GROUP_STORMS,
    MN_OPTION_GROUP_TIMERS,
    MN_OPTION_GROUP_PRESSURE,
    MN_OPTION_GROUP_DELIVERY,
    MN_OPTION_GROUP_CHAT,
    MN_OPTION_GROUP_CALLS,
    MN_OPTION_GROUP_AUTH,
    MN_OPTION_GROUP_FILTER,
    MN_OPTION_GROUP_DATA,
    MN_OPTION_GROUP_PROCESS,
    MN_OPTION_GROUP_COUNT
};

struct mn_option {
    const char *name;
    enum mn_option_group group;
    enum mn_option_type type;
    unsigned flags;             /* enum mn_option_flags */
    size_t offset, size;        /* of the field in struct mn_config; signed if min < 0 */
    const char *default_text;   /* as an operator would write it */
    int64_t min, max;           /* of a number in its unit; of a text's length in bytes */
    const char *const *choices; /* ENUM: names of 0, 1, ...; ends with NULL */
    /* More than type and limits can say; on false `problem` says what is wrong or expected. */
    bool (*check)(const char *value, struct mn_buf *problem);
    const char *help; /* one or two sentences */
};

extern const struct mn_option mn_options_table[];
extern const size_t mn_options_count;
const char *mn_option_group_title(enum mn_option_group group);

/* mini-im's properties that have no effect; a name that ends in '.' stands for all below it. */
struct mn_option_legacy {
    const char *name, *why;
};
extern const struct mn_option_legacy mn_options_legacy[];
extern const size_t mn_options_legacy_count;

/* ---- values (options_value.c) ---- */

/* Sets the option's field. MN_EINVAL: `problem` says what is expected, the field is untouched. */
MN_MUSTCHECK enum mn_err mn_option_set(const struct mn_option *option, struct mn_config *config,
                                       struct mn_str text, struct mn_buf *problem);
/* What may be written, e.g. "port, 0 to 65535". */
void mn_option_describe(const struct mn_option *option, struct mn_buf *out);
/* The field as it can be read back; not for secrets. */
void mn_option_print(const struct mn_option *option, const struct mn_config *config,
                     struct mn_buf *out);
bool mn_option_equal(const struct mn_option *option, const struct mn_config *a,
                     const struct mn_config *b);
static inline void *mn_option_field(const struct mn_option *option, struct mn_config *config)
{
    return (char *)config + option->offset;
}
/* Of a number, whatever the type of its field. */
int64_t mn_option_number(const struct mn_option *option, const struct mn_config *config);
static inline const void *mn_option_value(const struct mn_option *option,
                                          const struct mn_config *config)
{
    return (const char *)config + option->offset;
}

/* ---- checks (options_check.c) ---- */

bool mn_option_check_host(const char *value, struct mn_buf *problem);
bool mn_option_check_ws_path(const char *value, struct mn_buf *problem);
bool mn_option_check_secret(const char *value, struct mn_buf *problem);
bool mn_option_check_proxies(const char *value, struct mn_buf *problem);
bool mn_option_check_ice(const char *value, struct mn_buf *problem);
bool mn_option_check_origins(const char *value, struct mn_buf *problem);
bool mn_option_check_zone(const char *value, struct mn_buf *problem);
bool mn_option_check_filter_file(const char *value, struct mn_buf *problem);
/* Limits between options; one line in `why` for each that does not hold. */
MN_MUSTCHECK bool mn_options_check_together(const struct mn_config *config, struct mn_buf *why);

/* ---- names (options_name.c) ---- */

const struct mn_option *mn_option_find(struct mn_str name);
/* Upper case, '.' and '-' as '_': IM_GATEWAY_WS_PORT. */
void mn_option_env_name(const char *name, struct mn_buf *out);
/* By the name of an environment variable; underscores may be left out. */
const struct mn_option *mn_option_find_env(struct mn_str name);
/* Why it has no effect, NULL if it is not such a property. */
const char *mn_option_legacy_why(struct mn_str name, bool is_env);
/* The option that was probably meant, or NULL. */
const struct mn_option *mn_option_nearest(struct mn_str name);
/* The same for an environment variable. */
const struct mn_option *mn_option_nearest_env(struct mn_str name);

/* ---- a reading (options.c, options_read.c, options_file.c) ---- */

enum mn_option_source {
    MN_OPTION_FROM_DEFAULT = 0,
    MN_OPTION_FROM_FILE,
    MN_OPTION_FROM_ENV,
    MN_OPTION_FROM_ARGS
};

#define MN_OPTIONS_MAX 128     /* options in the table; checked at start */
#define MN_OPTIONS_IGNORED 256 /* more are accepted, but not reported */

struct mn_option_origin {
    enum mn_option_source source;
    unsigned line; /* of the file */
};

struct mn_options {
    struct mn_config config;
    enum mn_options_action action;
    char file[MN_CONFIG_PATH]; /* "": none */
    const char *file_from; /* who named it, before messages: "environment MINIM_CONFIG: " or "" */
    struct mn_option_origin origin[MN_OPTIONS_MAX];
    struct {
        char *name, *where;
        const char *why;
    } ignored[MN_OPTIONS_IGNORED];
    size_t ignored_count;
};

/* Where a setting comes from: "minim.conf:12", "environment IM_X", "command line". */
struct mn_option_where {
    const char *text;
    enum mn_option_source source;
    unsigned line;
};

/*
 * Sets one option; what is wrong becomes a line of `why`.  True if it was
 * set or is to be ignored.
 */
bool mn_options_assign(struct mn_options *options, const struct mn_option_where *where,
                       struct mn_str name, struct mn_str value, struct mn_buf *why);
bool mn_options_set(struct mn_options *options, const struct mn_option_where *where,
                    const struct mn_option *option, struct mn_str value, struct mn_buf *why);
void mn_options_ignore(struct mn_options *options, struct mn_str name, const char *where,
                       const char *why);
/* The text of a file; `name` stands for it in messages. */
bool mn_options_parse_text(struct mn_options *options, const char *name, struct mn_str text,
                           struct mn_buf *why);
bool mn_options_read_file(struct mn_options *options, struct mn_buf *why);

/* ---- documents (options_doc.c) ---- */

void mn_options_doc_markdown(struct mn_buf *out);
void mn_options_doc_sample(struct mn_buf *out);
/* Breaks `text` into lines of at most `columns`, each after `indent`. */
void mn_options_wrap(struct mn_buf *out, const char *indent, const char *text, size_t columns);

#endif
