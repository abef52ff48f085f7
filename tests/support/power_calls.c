/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls by which files change.  A definition in the executable comes
 * before the C library's for every library that is loaded, so RocksDB's and
 * SQLite's calls arrive here (they import these names: nm -D).  Each goes to
 * the kernel directly, as there may be a sanitizer's version between.
 */
#undef _FORTIFY_SOURCE /* its inline versions would stand in the way of the definitions */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "support/power_trace.h"

#define SEEN __attribute__((visibility("default")))

/* ---- opening and closing ---- */

static int do_open(int at, const char *path, int flags, mode_t mode)
{
    int dir = 0;
    const char *name = NULL;
    power_lock();
    bool ours = power_find_dir(path, &dir, &name);
    bool is_new = ours && (flags & O_CREAT) && power_find(dir, name) < 0;
    int fd = (int)syscall(SYS_openat, at, path, flags, mode);
    if (fd >= 0 && ours)
        power_opened(fd, dir, name, is_new, flags & O_TRUNC);
    power_unlock();
    return fd;
}

static mode_t mode_of(int flags, va_list ap)
{
    return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(ap, int) : 0;
}

SEEN int open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    int fd = do_open(AT_FDCWD, path, flags, mode_of(flags, ap));
    va_end(ap);
    return fd;
}

SEEN int open64(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    int fd = do_open(AT_FDCWD, path, flags, mode_of(flags, ap));
    va_end(ap);
    return fd;
}

SEEN int openat(int at, const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    int fd = do_open(at, path, flags, mode_of(flags, ap));
    va_end(ap);
    return fd;
}

SEEN int openat64(int at, const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    int fd = do_open(at, path, flags, mode_of(flags, ap));
    va_end(ap);
    return fd;
}

SEEN int creat(const char *path, mode_t mode)
{
    return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

SEEN int creat64(const char *path, mode_t mode) { return creat(path, mode); }

SEEN int close(int fd)
{
    if (power_node_of(fd) >= 0)
        power_note_close(fd);
    return (int)syscall(SYS_close, fd);
}

/* RocksDB reads what it recovers through fdopen(), whose close() is the C library's own. */
SEEN int fclose(FILE *file)
{
    int (*next)(FILE *) = NULL;
    int fd = fileno(file);
    *(void **)&next = dlsym(RTLD_NEXT, "fclose");
    if (power_node_of(fd) >= 0)
        power_note_close(fd);
    return next(file);
}

/* ---- bytes and lengths ---- */

static bool is_refused(int node)
{
    if (node < 0 || !power_is_full())
        return false;
    errno = ENOSPC;
    return true;
}

SEEN ssize_t write(int fd, const void *p, size_t n)
{
    int node = power_node_of(fd);
    if (node < 0)
        return syscall(SYS_write, fd, p, n);
    if (is_refused(node))
        return -1;
    power_lock();
    ssize_t done = syscall(SYS_write, fd, p, n);
    if (done > 0) /* where it went is known afterwards, with O_APPEND too */
        power_note_write(node, (uint64_t)(lseek(fd, 0, SEEK_CUR) - done), p, (size_t)done);
    power_unlock();
    return done;
}

SEEN ssize_t pwrite(int fd, const void *p, size_t n, off_t off)
{
    int node = power_node_of(fd);
    if (node < 0)
        return syscall(SYS_pwrite64, fd, p, n, off);
    if (is_refused(node))
        return -1;
    power_lock();
    ssize_t done = syscall(SYS_pwrite64, fd, p, n, off);
    if (done > 0)
        power_note_write(node, (uint64_t)off, p, (size_t)done);
    power_unlock();
    return done;
}

SEEN ssize_t pwrite64(int fd, const void *p, size_t n, off64_t off)
{
    return pwrite(fd, p, n, off);
}

/* One call a part: what is written in several calls may be torn all the same. */
SEEN ssize_t writev(int fd, const struct iovec *v, int count)
{
    ssize_t sum = 0;
    if (power_node_of(fd) < 0)
        return syscall(SYS_writev, fd, v, count);
    for (int i = 0; i < count; i++) {
        ssize_t done = write(fd, v[i].iov_base, v[i].iov_len);
        if (done < 0)
            return sum > 0 ? sum : done;
        sum += done;
        if ((size_t)done < v[i].iov_len)
            break;
    }
    return sum;
}

SEEN ssize_t pwritev(int fd, const struct iovec *v, int count, off_t off)
{
    ssize_t sum = 0;
    for (int i = 0; i < count; i++) {
        ssize_t done = pwrite(fd, v[i].iov_base, v[i].iov_len, off + sum);
        if (done < 0)
            return sum > 0 ? sum : done;
        sum += done;
        if ((size_t)done < v[i].iov_len)
            break;
    }
    return sum;
}

SEEN ssize_t pwritev64(int fd, const struct iovec *v, int count, off64_t off)
{
    return pwritev(fd, v, count, off);
}

static int change_length(int fd, enum power_kind kind, off_t length, long number, long mode,
                         long off)
{
    int node = power_node_of(fd);
    if (is_refused(node))
        return -1;
    power_lock();
    int ret = (int)(number == SYS_ftruncate ? syscall(number, fd, length)
                                            : syscall(number, fd, mode, off, length - off));
    if (ret == 0 && node >= 0 && !(mode & FALLOC_FL_KEEP_SIZE))
        power_note_length(kind, node, (uint64_t)length);
    power_unlock();
    return ret;
}

SEEN int ftruncate(int fd, off_t length)
{
    return change_length(fd, POWER_TRUNCATE, length, SYS_ftruncate, 0, 0);
}

SEEN int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

SEEN int fallocate(int fd, int mode, off_t off, off_t len)
{
    return change_length(fd, POWER_EXTEND, off + len, SYS_fallocate, mode, off);
}

SEEN int fallocate64(int fd, int mode, off64_t off, off64_t len)
{
    return fallocate(fd, mode, off, len);
}

SEEN int posix_fallocate(int fd, off_t off, off_t len)
{
    return fallocate(fd, 0, off, len) == 0 ? 0 : errno;
}

SEEN int posix_fallocate64(int fd, off64_t off, off64_t len)
{
    return posix_fallocate(fd, off, len);
}

/* ---- names ---- */

SEEN int rename(const char *old, const char *new)
{
    int dir = 0, dir2 = 0;
    const char *name = NULL, *name2 = NULL;
    power_lock();
    int ret = (int)syscall(SYS_rename, old, new);
    /* A move between folders is nobody's habit here. One without a node: RocksDB's LOG. */
    if (ret == 0 && power_find_dir(old, &dir, &name) && power_find(dir, name) >= 0 &&
        power_find_dir(new, &dir2, &name2) && dir == dir2)
        power_note_name(POWER_NAME_MOVE, dir, name, -1, name2);
    power_unlock();
    return ret;
}

SEEN int link(const char *old, const char *new)
{
    int dir = 0, dir2 = 0;
    const char *name = NULL, *name2 = NULL;
    power_lock();
    int ret = (int)syscall(SYS_link, old, new);
    if (ret == 0 && power_find_dir(old, &dir, &name) && power_find_dir(new, &dir2, &name2))
        power_note_name(POWER_NAME_ADD, dir2, name2, power_find(dir, name), NULL);
    power_unlock();
    return ret;
}

static int drop(const char *path, long number)
{
    int dir = 0;
    const char *name = NULL;
    power_lock();
    int ret = (int)syscall(number, path);
    if (ret == 0 && power_find_dir(path, &dir, &name) && power_find(dir, name) >= 0)
        power_note_name(POWER_NAME_DROP, dir, name, -1, NULL);
    power_unlock();
    return ret;
}

SEEN int unlink(const char *path) { return drop(path, SYS_unlink); }

SEEN int rmdir(const char *path) { return drop(path, SYS_rmdir); }

SEEN int mkdir(const char *path, mode_t mode)
{
    int dir = 0;
    const char *name = NULL;
    power_lock();
    int ret = (int)syscall(SYS_mkdir, path, mode);
    if (ret == 0 && power_find_dir(path, &dir, &name))
        power_note_mkdir(dir, name);
    power_unlock();
    return ret;
}

/* ---- syncs ---- */

static int do_sync(int fd, long number)
{
    int node = power_node_of(fd);
    if (!power_syncs_are_free())
        return (int)syscall(number, fd);
    if (node >= 0) {
        power_lock();
        power_note_sync(node, power_position());
        power_unlock();
    }
    return 0;
}

SEEN int fsync(int fd) { return do_sync(fd, SYS_fsync); }

SEEN int fdatasync(int fd) { return do_sync(fd, SYS_fdatasync); }

/* Starts writing back; neither lengths nor the drive's cache are its business. */
SEEN int sync_file_range(int fd, off64_t off, off64_t len, unsigned flags)
{
    if (power_syncs_are_free())
        return 0;
    return (int)syscall(SYS_sync_file_range, fd, off, len, flags);
}
