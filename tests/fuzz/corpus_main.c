/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target without a fuzzer: over the files of a corpus, their
 * prefixes, copies with one byte changed, and every input of one byte.
 * Always the same inputs, so that it can be a test.
 */
#include <dirent.h>
#include <errno.h>

#include "fuzz/fuzz.h"

enum { FILE_MAX = 1 << 20, VARIED_MAX = 4096, VARIATIONS = 256 };

/* libFuzzer's entry point before the first input; optional. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
#pragma weak LLVMFuzzerInitialize

static size_t inputs;

static void run(const void *p, size_t n)
{
    char *copy = fuzz_copy(p, n); /* exact, so that a sanitizer sees the byte behind it */

    (void)LLVMFuzzerTestOneInput((const uint8_t *)copy, n);
    mn_free(copy);
    inputs++;
}

/* Prefixes and changed bytes, evenly spread when there are too many. */
static void run_varied(char *p, size_t n)
{
    static const uint8_t other[] = {0x00, 0x22, 0x5c, 0x7f, 0x80, 0xff};
    size_t step = n / VARIATIONS + 1;

    run(p, n);
    if (n > VARIED_MAX)
        return;
    for (size_t at = 0; at < n; at += step) {
        char kept = p[at];

        run(p, at);
        p[at] = (char)other[(at / step) % sizeof(other)];
        run(p, n);
        p[at] = (char)(kept ^ 1 << at % 8);
        run(p, n);
        p[at] = kept;
    }
}

static void run_file(const char *folder, const char *name)
{
    char path[4096];
    char *p = mn_alloc(FILE_MAX);
    size_t n;
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        exit(1);
    }
    n = fread(p, 1, FILE_MAX, f);
    (void)fclose(f);
    run_varied(p, n);
    mn_free(p);
}

static size_t run_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    size_t files = 0;

    if (dir == NULL) {
        if (errno == ENOENT)
            return 0;
        perror(folder);
        exit(1);
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        run_file(folder, entry->d_name);
        files++;
    }
    (void)closedir(dir);
    return files;
}

int main(int argc, char **argv)
{
    size_t files = 0;

    if (LLVMFuzzerInitialize != NULL)
        (void)LLVMFuzzerInitialize(&argc, &argv);
    run("", 0);
    for (int c = 0; c < 256; c++) {
        uint8_t byte = (uint8_t)c;

        run(&byte, 1);
    }
    for (int i = 1; i < argc; i++)
        files += run_folder(argv[i]);
    (void)printf("%zu files, %zu inputs\n", files, inputs);
    return 0;
}
