/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/app/support.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit/app/tests.h"

enum { WORDS_MAX = 64 };

/* Cuts `text` at its blanks; returns the number of words, behind which a NULL stands. */
static int split(char *text, char **words, int count)
{
    while (text && *text) {
        assert_true(count < WORDS_MAX - 1);
        words[count++] = text;
        text = strchr(text, ' ');
        if (text)
            *text++ = '\0';
    }
    words[count] = NULL;
    return count;
}

void reading_init(struct reading *r, const char *args, const char *env)
{
    char *argv[WORDS_MAX] = {(char *)(uintptr_t) "minimd"}, *envp[WORDS_MAX];
    struct mn_buf why;

    r->options = mn_options_new();
    r->text[0] = mn_try_strndup(args, strlen(args));
    r->text[1] = mn_try_strndup(env, strlen(env));
    int argc = split(r->text[0], argv, 1);
    split(r->text[1], envp, 0);
    mn_buf_init(&why, sizeof r->why - 1);
    r->err = mn_options_read(r->options, argc, argv, envp, &why);
    assert_false(why.failed);
    if (why.n)
        memcpy(r->why, why.p, why.n);
    r->why[why.n] = '\0';
    mn_buf_deinit(&why);
}

void reading_deinit(struct reading *r)
{
    mn_options_free(r->options);
    mn_free(r->text[0]);
    mn_free(r->text[1]);
}

const struct mn_config *reading_good(struct reading *r, const char *args, const char *env)
{
    reading_init(r, args, env);
    assert_string_equal(r->why, "");
    assert_int_equal(r->err, MN_OK);
    return mn_options_config(r->options);
}

void assert_mistakes(const char *args, const char *env, const char *why)
{
    struct reading r;

    reading_init(&r, args, env);
    assert_string_equal(r.why, why);
    assert_int_equal(r.err, why[0] ? MN_EINVAL : MN_OK);
    reading_deinit(&r);
}

void temp_file(char path[64], const char *text)
{
    snprintf(path, 64, "/tmp/mn_options_XXXXXX");
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}
