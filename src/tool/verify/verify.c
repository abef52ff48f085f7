/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `minim verify`: is a store whole and consistent?  Over a data directory at
 * rest, which is locked against a minimd as a minimd does it and not changed
 * in any way, or over a running server with the ledger of a bench run.
 *
 * Exit codes: 0 all is well, 1 something is wrong (and listed), 2 it could
 * not be looked at.  Main thread only.
 */
#include "tool/verify/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/kit/opts.h"
#include "tool/ledger/ledger_file.h"
#include "tool/tool.h"

enum { PATH_CAP = 4200, WHY_BYTES = 8192 };

const char *verify_quote(char out[VERIFY_QUOTED], struct mn_str text)
{
    char *p = out;
    const char *end = out + VERIFY_QUOTED - sizeof("\\xff\"...");
    size_t i = 0;
    *p++ = '"';
    for (; i < text.n && p < end; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c >= ' ' && c < 0x7f && c != '"' && c != '\\')
            *p++ = (char)c;
        else
            p += snprintf(p, 5, "\\x%02x", c);
    }
    snprintf(p, 5, "%s", i < text.n ? "\"..." : "\"");
    return out;
}

static int fail(const struct mn_buf *why)
{
    fprintf(stderr, "minim verify: %.*s\n", (int)why->n, why->n ? why->p : "");
    return TOOL_EXIT_USAGE;
}

static int fail_text(const char *why)
{
    fprintf(stderr, "minim verify: %s\n", why);
    return TOOL_EXIT_USAGE;
}

/* ---- a data directory ---- */

/*
 * Keeps minimd out as long as we look (it takes the same lock), and refuses
 * when one is in.  Without the file no minimd ever ran here (a copy, say),
 * and there is nothing to hold: -1, as nothing is to be created.
 */
static enum mn_err lock_dir(const char *dir, int *ret_fd, struct mn_buf *why)
{
    char path[PATH_CAP];
    struct stat st;
    *ret_fd = -1;
    if (strlen(dir) >= PATH_CAP - 32) {
        mn_buf_add_z(why, "--data-dir: the path is too long");
        return MN_EINVAL;
    }
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
        mn_buf_addf(why, "--data-dir %s: there is no such directory", dir);
        return MN_ENOTFOUND;
    }
    snprintf(path, sizeof path, "%s/LOCK", dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return MN_OK;
    if (fd < 0) {
        enum mn_err err = mn_err_from_errno(errno);
        mn_buf_addf(why, "cannot open %s: %s", path, strerror(errno));
        return err;
    }
    /* Shared: another verify may look at the same time. */
    if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
        *ret_fd = fd;
        return MN_OK;
    }
    mn_buf_addf(why,
                "a running minimd uses the data directory %s: end it first, or ask the server "
                "with --http",
                dir);
    close(fd);
    return MN_ELOCKED;
}

static enum mn_err look_at_dir(struct verify_report *report, const struct opts *opts,
                               struct mn_buf *why)
{
    char path[PATH_CAP], db_path[PATH_CAP];
    int lock_fd;
    enum mn_err err = lock_dir(opts->data_dir, &lock_fd, why);
    if (err)
        return err;
    snprintf(path, sizeof path, "%s/messages", opts->data_dir);
    snprintf(db_path, sizeof db_path, "%s/minim.db", opts->data_dir);
    bool whole = verify_halves(report, path, db_path);
    err = verify_messages(report, path, opts->ledger, opts->memory_bytes, why);
    if (!err || !whole) { /* what cannot be opened for that reason was told */
        mn_buf_reset(why);
        err = verify_accounts(report, db_path, why);
    }
    if (!err && whole)
        verify_both(report, path, db_path);
    if (lock_fd >= 0)
        close(lock_fd);
    return err;
}

/* ---- the command ---- */

/* A wrong path should be told before the store has been read for minutes. */
static enum mn_err try_ledger(const char *path, struct mn_buf *why)
{
    struct ledger_reader reader;
    if (!path)
        return MN_OK;
    enum mn_err err = ledger_reader_open(&reader, path, why);
    ledger_reader_close(&reader);
    return err;
}

static enum mn_err look(struct verify_report *report, const struct opts *opts, struct mn_buf *why)
{
    enum mn_err err = try_ledger(opts->ledger, why);
    if (err)
        return err;
    if (opts->data_dir)
        return look_at_dir(report, opts, why);
    const struct mn_jwt_key key = {
        .secret = opts->jwt_secret, .secret_len = strlen(opts->jwt_secret), .issuer = opts->issuer};
    return verify_http(report, opts->http, &key, opts->ledger, opts->memory_bytes, why);
}

static int run(const struct opts *opts, struct outputs *outputs)
{
    struct verify_report report;
    struct mn_buf why;
    const char *target = opts->data_dir ? opts->data_dir : opts->http;
    mn_buf_init(&why, WHY_BYTES);
    verify_report_init(&report, (unsigned)opts->examples, isatty(STDERR_FILENO));
    int code = TOOL_EXIT_FAILED;
    if (look(&report, opts, &why) != MN_OK) {
        verify_progress(&report, NULL, 0);
        code = fail(&why);
    } else {
        bool ok = verify_is_clean(&report);
        if (!outputs_to_stdout(outputs, OUTPUT_JSON))
            verify_print_text(&report, target, stdout);
        if (opts->json)
            ok = verify_print_json(&report, target, opts->ledger, outputs) && ok;
        code = ok ? TOOL_EXIT_OK : TOOL_EXIT_FAILED;
    }
    verify_report_deinit(&report);
    mn_buf_deinit(&why);
    return code;
}

static int help(void)
{
    puts("usage: minim verify --data-dir DIR [--ledger FILE] [options]\n"
         "       minim verify --http URL --ledger FILE --jwt-secret S [options]\n\n"
         "Exit code 0: all is well; 1: something is wrong, and listed; 2: it could not be\n"
         "looked at.\n");
    opts_help(stdout, CMD_VERIFY);
    return TOOL_EXIT_OK;
}

int verify_command(int argc, char **argv)
{
    char why[256];
    struct opts opts;
    opts_init(&opts, CMD_VERIFY);
    enum mn_err err = opts_parse(&opts, CMD_VERIFY, argc, argv, why, sizeof why);
    if (err == MN_ENOTFOUND)
        return help();
    struct outputs outputs;
    if (!err)
        err = outputs_open(&outputs, &opts, why, sizeof why);
    if (err)
        return fail_text(why);
    int code = run(&opts, &outputs);
    outputs_close(&outputs);
    return code;
}
