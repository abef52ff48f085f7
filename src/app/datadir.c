/* SPDX-License-Identifier: Apache-2.0 */
/* The data directory: lock and secret, see datadir.h. Silent: says why to its caller. */
#include "app/datadir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/rand.h"
#include "proto/jwt.h"

enum {
    PATH_CAP = 4200,
    SECRET_RANDOM = 24, /* bytes, that are 48 hex digits: HS384 */
    SECRET_FILE_MAX = 65536
};

static enum mn_err fail(struct mn_buf *why, const char *what, const char *path)
{
    enum mn_err err = mn_err_from_errno(errno);
    mn_buf_addf(why, "%s %s: %s", what, path, strerror(errno));
    return err;
}

/* mkdir -p, as `./data/a` should just work. */
static enum mn_err make_dirs(const char *path, struct mn_buf *why)
{
    char partial[PATH_CAP];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof(partial)) {
        mn_buf_addf(why, "minim.data-dir: path is empty or longer than %d bytes", PATH_CAP - 1);
        return MN_EINVAL;
    }
    memcpy(partial, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (partial[i] != '/' && partial[i] != '\0')
            continue;
        char saved = partial[i];
        partial[i] = '\0';
        if (mkdir(partial, 0700) && errno != EEXIST)
            return fail(why, "cannot create the data directory", partial);
        partial[i] = saved;
    }
    return MN_OK;
}

enum mn_err mn_datadir_open(struct mn_datadir *dir, const char *path, struct mn_buf *why)
{
    char file[PATH_CAP];
    dir->lock_fd = -1;
    enum mn_err err = make_dirs(path, why);
    if (err)
        return err;
    snprintf(file, sizeof(file), "%s/LOCK", path);
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(why, "cannot open", file);
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        err = errno == EWOULDBLOCK ? MN_ELOCKED : mn_err_from_errno(errno);
        mn_buf_addf(why,
                    "another minimd uses the data directory %s: end it, or give this one its "
                    "own with --minim.data-dir",
                    path);
        close(fd);
        return err;
    }
    dir->lock_fd = fd;
    return MN_OK;
}

void mn_datadir_close(struct mn_datadir *dir)
{
    if (dir->lock_fd >= 0)
        close(dir->lock_fd);
    dir->lock_fd = -1;
}

static enum mn_err make_secret(const char *path, const char *file, struct mn_buf *why)
{
    char temp[PATH_CAP + 8], text[SECRET_RANDOM * 2 + 1];
    unsigned char raw[SECRET_RANDOM];
    enum mn_err err = MN_OK;
    mn_rand_bytes(raw, sizeof(raw));
    for (size_t i = 0; i < sizeof(raw); i++)
        snprintf(text + 2 * i, 3, "%02x", raw[i]);
    /* Written beside it and renamed, so that a crash leaves a whole secret or none. */
    snprintf(temp, sizeof(temp), "%s/jwt-secret.new", path);
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(why, "cannot create", temp);
    if (write(fd, text, sizeof(text) - 1) != (ssize_t)sizeof(text) - 1 || fsync(fd) ||
        rename(temp, file))
        err = fail(why, "cannot write", file);
    close(fd);
    return err;
}

enum mn_err mn_datadir_secret(const char *path, char *out, size_t cap, struct mn_buf *why)
{
    char file[PATH_CAP];
    struct mn_buf text;
    enum mn_err err;
    snprintf(file, sizeof(file), "%s/jwt-secret", path);
    if (access(file, F_OK) && errno == ENOENT && (err = make_secret(path, file, why)))
        return err;
    mn_buf_init(&text, SECRET_FILE_MAX);
    err = mn_file_read(file, SECRET_FILE_MAX, &text, why);
    size_t n = text.n < cap ? text.n : cap - 1;
    if (n)
        memcpy(out, text.p, n);
    if (text.p)
        explicit_bzero(text.p, text.n);
    mn_buf_deinit(&text);
    if (err)
        return err;
    while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == '\r'))
        n--;
    out[n] = '\0';
    if (n < MN_JWT_SECRET_MIN || n >= cap - 1) {
        mn_buf_addf(why,
                    "%s must hold %d to %zu bytes: restore it, or remove it to have a new "
                    "one made (all tokens then end)",
                    file, MN_JWT_SECRET_MIN, cap - 2);
        return MN_ECORRUPT;
    }
    return MN_OK;
}

unsigned mn_datadir_exposed(const char *path, const char *name, unsigned mask)
{
    char file[PATH_CAP];
    struct stat st;

    snprintf(file, sizeof(file), "%s/%s", path, name);
    return stat(file, &st) == 0 && (st.st_mode & mask) != 0 ? st.st_mode & 07777 : 0;
}
