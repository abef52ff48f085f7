/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a write-ahead log, damaged ones: whatever stands there, a
 * whole record at the beginning of a later block is found.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "store/rocks/wal.h"

enum { BLOCK = 32768, NUMBER = 1000 };

/* One batch, number 1000: as RocksDB writes it. */
static const unsigned char record[] = {0xad, 0xe3, 0x94, 0xde, 0x0c, 0x00, 0x01, 0xe8, 0x03, 0x00,
                                       0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00};

static char dir[64], path[80];

static void clean_up(void)
{
    (void)unlink(path);
    (void)rmdir(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    (void)snprintf(dir, sizeof(dir), "%s/fuzz-wal-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    FUZZ_CHECK(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof(path), "%s/000001.log", dir);
    FUZZ_CHECK(atexit(clean_up) == 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t reach = 0, with_record = 0;
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    FUZZ_CHECK(mn_rocks_wal_reach(dir, &reach) == MN_OK);
    FUZZ_CHECK(size > 0 || reach == 0);
    off_t behind = (off_t)((size + BLOCK - 1) / BLOCK * BLOCK);
    FUZZ_CHECK(pwrite(fd, record, sizeof(record), behind) == (ssize_t)sizeof(record));
    FUZZ_CHECK(mn_rocks_wal_reach(dir, &with_record) == MN_OK);
    FUZZ_CHECK(with_record == (reach > NUMBER ? reach : NUMBER));
    (void)close(fd);
    return 0;
}
