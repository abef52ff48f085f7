/* SPDX-License-Identifier: Apache-2.0 */
/* /moment/...: posts of the caller and his friends, likes, comments (H-7.9). */
#include "im/moment/moment.h"
#include "api/endpoint/handlers.h"
#include "api/input.h"
#include "api/limit.h"
#include "base/mem.h"

enum { FILTERED_MAX = 16 * 1024 };

static struct mn_moments *moments_of(struct mn_api_call *call) { return call->api->config.moments; }

/* False: answered. */
static bool is_done(struct mn_api_call *call, const char *what, enum mn_err err)
{
    if (err == MN_ENOTFOUND)
        mn_api_fail(call, 40400, "not_found");
    else if (err == MN_EPERM)
        mn_api_fail(call, 40300, "forbidden");
    else if (err != MN_OK)
        mn_api_broken(call, what, err);
    return err == MN_OK;
}

static void done(struct mn_api_call *call, const char *what, enum mn_err err)
{
    if (is_done(call, what, err))
        mn_api_ok(call);
}

/* True: answered. What the store is not asked about is not counted. */
static bool is_limited(struct mn_api_call *call)
{
    struct mn_str who = mn_str_make((const char *)&call->user, sizeof(call->user));
    return mn_api_limited(call, mn_api_limit_hit(call, MN_API_RULE_MOMENT_USER, who, MN_STR_NONE));
}

/* A positive id of the body, or F(40000, reason). */
static bool need_id(struct mn_api_call *call, const char *name, const char *reason, int64_t *ret)
{
    bool given = false;
    if (!mn_body_id(call, name, ret, &given))
        return false;
    if (!given || *ret <= 0) {
        mn_api_fail(call, 40000, reason);
        return false;
    }
    return true;
}

/* The content rule; `out` is the caller's to release in any case. */
static bool need_content(struct mn_api_call *call, struct mn_str text, struct mn_buf *out,
                         struct mn_str *ret)
{
    mn_buf_init(out, FILTERED_MAX);
    enum mn_err err = mn_moment_text(call->snapshot->options.filter, text, out, ret);
    if (err == MN_EINVAL)
        mn_api_bad(call, "empty_content");
    else if (err == MN_ELIMIT)
        mn_api_bad(call, "content_too_long");
    else if (err != MN_OK)
        mn_api_broken(call, "moment_text", err);
    return err == MN_OK;
}

static void print_new_id(struct mn_api_call *call, const char *name, int64_t id)
{
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    mn_jout_id(&out, name, id);
    mn_jout_close(&out, '}');
    mn_api_data_end(call);
}

/* ---- posts ---- */

void mn_api_moment_post_create(struct mn_api_call *call)
{
    struct mn_buf text;
    struct mn_str sent, content;
    int64_t id = 0;
    if (!mn_body_text(call, "content", &sent))
        return;
    if (need_content(call, sent, &text, &content) && !is_limited(call) &&
        is_done(call, "moment_post", mn_moment_post(moments_of(call), call->user, content, &id)))
        print_new_id(call, "postId", id);
    mn_buf_deinit(&text);
}

void mn_api_moment_post_delete(struct mn_api_call *call)
{
    int64_t post = 0;
    if (need_id(call, "postId", "bad_post_id", &post) && !is_limited(call))
        done(call, "moment_delete", mn_moment_post_delete(moments_of(call), post, call->user));
}

static void print_post(void *arg, const struct mn_moment_post *post)
{
    struct mn_jout *out = arg;
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "id", post->id);
    mn_jout_id(out, "authorId", post->author);
    mn_jout_str(out, "content", mn_str_c(post->content));
    mn_jout_num(out, "likeCount", post->likes);
    mn_jout_num(out, "commentCount", post->comments);
    mn_jout_bool(out, "likedByMe", post->liked_by_me);
    mn_jout_date(out, "createdAt", post->created_ms);
    mn_jout_close(out, '}');
}

/* `limit` and `lastId` of a page. */
static bool read_page(struct mn_api_call *call, struct mn_moment_page *page)
{
    int64_t limit = 0;
    bool given = false;
    *page = (struct mn_moment_page){.viewer = call->user};
    if (!mn_query_clamped(call, "limit", 20, 1, 100, &limit) ||
        !mn_query_id(call, "lastId", &page->before, &given))
        return false;
    page->limit = (unsigned)limit;
    if (!given)
        page->before = INT64_MAX;
    return true;
}

/* What a reader prints while it reads is thrown away when it fails. */
#define PRINT_PAGE(call, what, read, print)                                                        \
    do {                                                                                           \
        struct mn_jout out = mn_api_data_begin(call);                                              \
        mn_jout_open(&out, NULL, '[');                                                             \
        enum mn_err err = read(moments_of(call), &page, print, &out);                              \
        mn_jout_close(&out, ']');                                                                  \
        if (is_done(call, what, err))                                                              \
            mn_api_data_end(call);                                                                 \
    } while (0)

void mn_api_moment_feed(struct mn_api_call *call)
{
    struct mn_moment_page page;
    if (read_page(call, &page))
        PRINT_PAGE(call, "moment_feed", mn_moment_feed, print_post);
}

void mn_api_moment_user(struct mn_api_call *call)
{
    struct mn_moment_page page;
    int64_t of = 0;
    if (!mn_query_need(call, "userId", &of) || !read_page(call, &page))
        return;
    page.of = of;
    if (of <= 0)
        mn_api_fail(call, 40000, "bad_user_id");
    else
        PRINT_PAGE(call, "moment_user", mn_moment_posts, print_post);
}

/* `liked` is ours: the wanted state, so that a retry does not turn it back (11.30). */
void mn_api_moment_like(struct mn_api_call *call)
{
    int64_t post = 0, count = 0;
    bool wanted = false, given = false, liked = false;
    if (!need_id(call, "postId", "bad_post_id", &post) ||
        !mn_body_flag(call, "liked", &wanted, &given) || is_limited(call))
        return;
    enum mn_moment_like what = !given   ? MN_MOMENT_TOGGLE
                               : wanted ? MN_MOMENT_LIKE
                                        : MN_MOMENT_UNLIKE;
    if (!is_done(call, "moment_like",
                 mn_moment_like(moments_of(call), post, call->user, what, &liked, &count)))
        return;
    struct mn_jout out = mn_api_data_begin(call);
    mn_jout_open(&out, NULL, '{');
    mn_jout_bool(&out, "liked", liked);
    mn_jout_num(&out, "likeCount", count);
    mn_jout_close(&out, '}');
    mn_api_data_end(call);
}

/* ---- comments ---- */

void mn_api_moment_comment_create(struct mn_api_call *call)
{
    struct mn_buf text;
    struct mn_str sent, content;
    int64_t post = 0, id = 0;
    if (!mn_body_text(call, "content", &sent) || !need_id(call, "postId", "bad_post_id", &post) ||
        is_limited(call) ||
        !is_done(call, "moment_comment", mn_moment_visible(moments_of(call), post, call->user)))
        return;
    if (need_content(call, sent, &text, &content) &&
        is_done(call, "moment_comment",
                mn_moment_comment(moments_of(call), post, call->user, content, &id)))
        print_new_id(call, "commentId", id);
    mn_buf_deinit(&text);
}

void mn_api_moment_comment_delete(struct mn_api_call *call)
{
    int64_t comment = 0;
    if (need_id(call, "commentId", "bad_comment_id", &comment) && !is_limited(call))
        done(call, "moment_comment",
             mn_moment_comment_delete(moments_of(call), comment, call->user));
}

static void print_comment(void *arg, const struct mn_moment_comment *comment)
{
    struct mn_jout *out = arg;
    mn_jout_open(out, NULL, '{');
    mn_jout_id(out, "id", comment->id);
    mn_jout_id(out, "postId", comment->post);
    mn_jout_id(out, "userId", comment->user);
    mn_jout_str(out, "content", mn_str_c(comment->content));
    mn_jout_date(out, "createdAt", comment->created_ms);
    mn_jout_close(out, '}');
}

void mn_api_moment_comments(struct mn_api_call *call)
{
    struct mn_moment_page page;
    int64_t of = 0;
    if (!mn_query_need(call, "postId", &of) || !read_page(call, &page))
        return;
    page.of = of;
    if (of <= 0)
        mn_api_fail(call, 40000, "bad_post_id");
    else
        PRINT_PAGE(call, "moment_comments", mn_moment_comments, print_comment);
}
