/* SPDX-License-Identifier: Apache-2.0 */
/* Result files, see outputs.h. */
#include "tool/kit/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

/* A week of seconds is 200 MB. */
#define JSON_MAX_BYTES ((size_t)512 << 20)

static const char *const options[OUTPUT_COUNT] = {
    [OUTPUT_JSON] = "--json", [OUTPUT_HTML] = "--html", [OUTPUT_JUNIT] = "--junit"};

static bool is_dash(const char *path) { return path && strcmp(path, "-") == 0; }

bool outputs_has(const struct outputs *outputs, enum output_kind kind)
{
    return outputs->file[kind].path != NULL;
}

bool outputs_to_stdout(const struct outputs *outputs, enum output_kind kind)
{
    return is_dash(outputs->file[kind].path);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return S_ISREG(a->st_mode) && a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Without O_TRUNC: what is there stays until the new result is. */
static int open_one(struct outputs *outputs, enum output_kind kind)
{
    const char *path = outputs->file[kind].path;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    outputs->file[kind].created = fd >= 0;
    if (fd < 0 && errno == EEXIST)
        fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return fd;
}

/* An earlier output that is the same file; OUTPUT_COUNT: none. */
static int find_twin(const struct outputs *outputs, enum output_kind kind)
{
    struct stat mine, other;
    const char *path = outputs->file[kind].path;
    for (int k = 0; k < (int)kind; k++) {
        const char *earlier = outputs->file[k].path;
        if (!earlier)
            continue;
        if (is_dash(path) && is_dash(earlier))
            return k;
        if (outputs->file[k].fd >= 0 && outputs->file[kind].fd >= 0 &&
            fstat(outputs->file[kind].fd, &mine) == 0 && fstat(outputs->file[k].fd, &other) == 0 &&
            is_same(&mine, &other))
            return k;
    }
    return OUTPUT_COUNT;
}

/* A file that the command reads, or writes by itself (the ledger), and that this would destroy. */
static const char *find_source(int fd, const struct opts *opts)
{
    struct stat mine, other;
    const char *const named[] = {opts->ledger, opts->profile, opts->scenario_path};
    if (fd < 0 || fstat(fd, &mine) != 0)
        return NULL;
    for (size_t i = 0; i < MN_ARRAY_LEN(named); i++)
        if (named[i] && stat(named[i], &other) == 0 && is_same(&mine, &other))
            return named[i];
    for (size_t i = 0; i < opts->words.count; i++)
        if (stat(opts->words.item[i], &other) == 0 && is_same(&mine, &other))
            return opts->words.item[i];
    return NULL;
}

static enum mn_err take(struct outputs *outputs, enum output_kind kind, const struct opts *opts,
                        char *why, size_t why_cap)
{
    const char *path = outputs->file[kind].path;
    if (!path)
        return MN_OK;
    if (!is_dash(path) && (outputs->file[kind].fd = open_one(outputs, kind)) < 0) {
        snprintf(why, why_cap, "%s %.120s: %s", options[kind], path, strerror(errno));
        return MN_EINVAL;
    }
    int twin = find_twin(outputs, kind);
    const char *source = find_source(outputs->file[kind].fd, opts);
    if (twin == OUTPUT_COUNT && !source)
        return MN_OK;
    if (source)
        snprintf(why, why_cap, "%s %.120s: would destroy what the command works on", options[kind],
                 path);
    else
        snprintf(why, why_cap, "%s %.120s: goes where %s goes", options[kind], path, options[twin]);
    return MN_EINVAL;
}

static enum mn_err take_svg(const struct opts *opts, char *why, size_t why_cap)
{
    if (!opts->svg)
        return MN_OK;
    if ((mkdir(opts->svg, 0777) != 0 && errno != EEXIST) || access(opts->svg, W_OK | X_OK) != 0) {
        snprintf(why, why_cap, "--svg %.120s: %s", opts->svg, strerror(errno));
        return MN_EINVAL;
    }
    return MN_OK;
}

enum mn_err outputs_open(struct outputs *outputs, const struct opts *opts, char *why,
                         size_t why_cap)
{
    const char *const paths[OUTPUT_COUNT] = {
        [OUTPUT_JSON] = opts->json, [OUTPUT_HTML] = opts->html, [OUTPUT_JUNIT] = opts->junit};
    enum mn_err err = MN_OK;
    *outputs = (struct outputs){0};
    for (int k = 0; k < OUTPUT_COUNT; k++) {
        outputs->file[k].path = paths[k];
        outputs->file[k].fd = -1;
    }
    for (int k = 0; k < OUTPUT_COUNT && !err; k++)
        err = take(outputs, (enum output_kind)k, opts, why, why_cap);
    if (!err)
        err = take_svg(opts, why, why_cap);
    if (err)
        outputs_close(outputs);
    return err;
}

void outputs_close(struct outputs *outputs)
{
    for (int k = 0; k < OUTPUT_COUNT; k++) {
        if (!outputs->file[k].path || outputs->file[k].fd < 0)
            continue;
        close(outputs->file[k].fd);
        if (outputs->file[k].created && !outputs->file[k].written)
            mn_ignore(unlink(outputs->file[k].path)); /* an empty file is no result */
    }
    *outputs = (struct outputs){0};
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

bool outputs_write(struct outputs *outputs, enum output_kind kind, const char *p, size_t n)
{
    struct stat st;
    int fd = outputs->file[kind].fd;
    const char *path = outputs->file[kind].path;
    if (is_dash(path)) /* its errors are looked at when the program ends */
        return fwrite(p, 1, n, stdout) == n;
    outputs->file[kind].written = true;
    bool ok = fstat(fd, &st) == 0 && (!S_ISREG(st.st_mode) || ftruncate(fd, 0) == 0) &&
              write_all(fd, p, n);
    if (!ok)
        fprintf(stderr, "minim: %s %s: %s\n", options[kind], path, strerror(errno));
    return ok;
}

bool outputs_write_json(struct outputs *outputs, const json_t *doc, size_t flags)
{
    struct mn_buf text;
    char *json = json_dumps(doc, flags);
    mn_buf_init(&text, JSON_MAX_BYTES);
    if (json)
        mn_ignore(mn_buf_add_z(&text, json));
    mn_ignore(mn_buf_add_z(&text, "\n"));
    bool made = json && !text.failed;
    if (!made)
        fprintf(stderr, "minim: --json %s: the result cannot be printed\n",
                outputs->file[OUTPUT_JSON].path);
    bool ok = made && outputs_write(outputs, OUTPUT_JSON, text.p, text.n);
    mn_buf_deinit(&text);
    free(json);
    return ok;
}
