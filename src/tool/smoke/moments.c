/* SPDX-License-Identifier: Apache-2.0 */
/* smoke moments: a post, its likes and comments, and who may not see it (H-7.9). */
#include <inttypes.h>

#include "tool/smoke/smoke.h"

enum { TOKEN_TTL_S = 3600 };

/* A call that must answer `status` with this text in its body. */
static bool ask(struct smoke *s, const char *name, int64_t uid,
                const struct http_client_request *what, int want_status, const char *want_text)
{
    char token[MN_JWT_MAX], expected[120], got[360];
    struct http_client_request req = *what;
    int status = 0;
    if (!smoke_token(s, uid, TOKEN_TTL_S, token))
        return false;
    req.bearer = token;
    enum mn_err err = http_client_do(&s->http, &req, &status);
    snprintf(expected, sizeof expected, "HTTP %d with %s", want_status, want_text);
    snprintf(got, sizeof got, "%s, HTTP %d: %.*s", err ? s->http.why : "an answer", status,
             err ? 0 : (int)(s->http.body.n < 200 ? s->http.body.n : 200), s->http.body.p);
    bool ok = !err && status == want_status &&
              memmem(s->http.body.p, s->http.body.n, want_text, strlen(want_text));
    return smoke_step(s, ok, name, expected, mn_str_c(got));
}

static bool post(struct smoke *s, const char *name, int64_t uid, const char *path, const char *body,
                 int want_status, const char *want_text)
{
    const struct http_client_request req = {.method = "POST", .path = path, .body = body};
    return ask(s, name, uid, &req, want_status, want_text);
}

static bool get(struct smoke *s, const char *name, int64_t uid, const char *path,
                const char *want_text)
{
    const struct http_client_request req = {.method = "GET", .path = path};
    return ask(s, name, uid, &req, 200, want_text);
}

/* The id that the last answer has under `key`; false is a failed step. */
static bool id_of(struct smoke *s, const char *key, char id[24])
{
    char pattern[40];
    snprintf(pattern, sizeof pattern, "\"%s\":\"", key);
    const char *at = memmem(s->http.body.p, s->http.body.n, pattern, strlen(pattern));
    size_t n = 0, left = at ? s->http.body.n - (size_t)(at - s->http.body.p) : 0;
    for (at = at ? at + strlen(pattern) : NULL; at && n < 20 && n + strlen(pattern) < left; n++) {
        if (at[n] < '0' || at[n] > '9')
            break;
        id[n] = at[n];
    }
    id[n] = '\0';
    return smoke_step(s, n > 0, "its id", "a decimal string", mn_str_c(n > 0 ? id : "none"));
}

static bool likes(struct smoke *s, int64_t uid, const char *about)
{
    return post(s, "a like", uid, "/moment/like/toggle", about, 200,
                "\"liked\":true,\"likeCount\":1") &&
           post(s, "and no longer", uid, "/moment/like/toggle", about, 200,
                "\"liked\":false,\"likeCount\":0");
}

static bool comments(struct smoke *s, int64_t uid, const char *post_id)
{
    char body[120], path[120], comment[24];
    snprintf(body, sizeof body, "{\"postId\":\"%s\",\"content\":\"nice\"}", post_id);
    snprintf(path, sizeof path, "/moment/comment/cursor?postId=%s", post_id);
    if (!post(s, "a comment", uid, "/moment/comment/create", body, 200, "\"commentId\"") ||
        !id_of(s, "commentId", comment) || !get(s, "it is listed", uid, path, "\"nice\"") ||
        !get(s, "and counted", uid, "/moment/feed/cursor", "\"commentCount\":1"))
        return false;
    snprintf(body, sizeof body, "{\"commentId\":\"%s\"}", comment);
    return post(s, "the comment is deleted", uid, "/moment/comment/delete", body, 200,
                "\"ok\":true") &&
           get(s, "and no longer counted", uid, "/moment/feed/cursor", "\"commentCount\":0");
}

void smoke_moments(struct smoke *s)
{
    char about[80], id[24], path[80];
    int64_t author = smoke_uid(s), stranger = author ? smoke_uid(s) : 0;
    if (!author || !stranger ||
        !post(s, "an empty post is refused", author, "/moment/post/create", "{\"content\":\" \"}",
              400, "empty_content") ||
        !post(s, "a post", author, "/moment/post/create", "{\"content\":\"first post\"}", 200,
              "\"postId\"") ||
        !id_of(s, "postId", id))
        return;
    snprintf(about, sizeof about, "{\"postId\":\"%s\"}", id);
    snprintf(path, sizeof path, "/moment/user/cursor?userId=%" PRId64, author);
    if (get(s, "it is in the author's feed", author, "/moment/feed/cursor", "first post") &&
        get(s, "a stranger may not see it", stranger, path, "forbidden") &&
        post(s, "nor like it", stranger, "/moment/like/toggle", about, 200, "forbidden") &&
        likes(s, author, about) && comments(s, author, id) &&
        post(s, "the post is deleted", author, "/moment/post/delete", about, 200, "\"ok\":true"))
        mn_ignore(get(s, "and gone", author, "/moment/feed/cursor", "\"data\":[]"));
}
