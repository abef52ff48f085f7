/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of moments: see moment.h.  Any worker thread; silent. */
#include "im/moment/moment.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"

enum { TEXT_MAX_UTF16 = 500 };

struct mn_moments {
    struct mn_db *db;
    struct mn_idgen *ids;
};

struct mn_moments *mn_moments_new(struct mn_db *db, struct mn_idgen *ids)
{
    struct mn_moments *moments = mn_new(struct mn_moments);
    *moments = (struct mn_moments){db, ids};
    return moments;
}

void mn_moments_free(struct mn_moments *moments) { mn_free(moments); }

enum mn_err mn_moment_text(const struct mn_filter *filter, struct mn_str text, struct mn_buf *out,
                           struct mn_str *ret)
{
    bool changed = false;
    if (mn_str_is_blank(text))
        return MN_EINVAL;
    text = mn_str_trim(text);
    if (mn_utf8_utf16_len(text) > TEXT_MAX_UTF16)
        return MN_ELIMIT;
    /* The ceiling of `out` is the caller's: a text that does not fit must not pass unchanged. */
    if (filter && mn_filter_apply(filter, text, out, &changed))
        return MN_ENOMEM;
    *ret = changed ? mn_buf_str(out) : text;
    return MN_OK;
}

enum mn_err mn_moment_post(struct mn_moments *moments, int64_t author, struct mn_str content,
                           int64_t *ret_id)
{
    int64_t id = mn_idgen_next(moments->ids);
    if (id <= 0)
        return MN_EBUSY;
    *ret_id = id;
    return mn_db_post_create(moments->db, id, author, content, mn_unix_ms());
}

enum mn_err mn_moment_comment(struct mn_moments *moments, int64_t post, int64_t user,
                              struct mn_str content, int64_t *ret_id)
{
    int64_t id = mn_idgen_next(moments->ids);
    if (id <= 0)
        return MN_EBUSY;
    *ret_id = id;
    return mn_db_comment_create(moments->db, id, post, user, content, mn_unix_ms());
}

enum mn_err mn_moment_like(struct mn_moments *moments, int64_t post, int64_t user,
                           enum mn_moment_like what, bool *ret_liked, int64_t *ret_count)
{
    int64_t id = mn_idgen_next(moments->ids);
    if (id <= 0)
        return MN_EBUSY;
    return mn_db_post_like(moments->db, id, post, user, what, mn_unix_ms(), ret_liked, ret_count);
}

enum mn_err mn_moment_post_delete(struct mn_moments *moments, int64_t post, int64_t user)
{
    return mn_db_post_delete(moments->db, post, user, mn_unix_ms());
}

enum mn_err mn_moment_visible(struct mn_moments *moments, int64_t post, int64_t viewer)
{
    return mn_db_post_visible(moments->db, post, viewer);
}

enum mn_err mn_moment_feed(struct mn_moments *moments, const struct mn_moment_page *page,
                           mn_moment_post_fn fn, void *arg)
{
    return mn_db_posts_of_friends(moments->db, page, fn, arg);
}

enum mn_err mn_moment_posts(struct mn_moments *moments, const struct mn_moment_page *page,
                            mn_moment_post_fn fn, void *arg)
{
    return mn_db_posts_of_user(moments->db, page, fn, arg);
}

enum mn_err mn_moment_comment_delete(struct mn_moments *moments, int64_t comment, int64_t user)
{
    return mn_db_comment_delete(moments->db, comment, user, mn_unix_ms());
}

enum mn_err mn_moment_comments(struct mn_moments *moments, const struct mn_moment_page *page,
                               mn_moment_comment_fn fn, void *arg)
{
    return mn_db_comments(moments->db, page, fn, arg);
}
