/* SPDX-License-Identifier: Apache-2.0 */
/* smoke moments: a post, its likes and comments, and who may not see it (H-7.9). */
#include <inttypes.h>

#include "tool/smoke/smoke.h"

static bool likes(struct smoke *s, int64_t uid, const char *about)
{
    return smoke_post(s, "a like", uid, "/moment/like/toggle", about, 200,
                      "\"liked\":true,\"likeCount\":1") &&
           smoke_post(s, "and no longer", uid, "/moment/like/toggle", about, 200,
                      "\"liked\":false,\"likeCount\":0");
}

static bool comments(struct smoke *s, int64_t uid, const char *post_id)
{
    char body[120], path[120], comment[24];
    snprintf(body, sizeof body, "{\"postId\":\"%s\",\"content\":\"nice\"}", post_id);
    snprintf(path, sizeof path, "/moment/comment/cursor?postId=%s", post_id);
    if (!smoke_post(s, "a comment", uid, "/moment/comment/create", body, 200, "\"commentId\"") ||
        !smoke_id_of(s, "commentId", comment) ||
        !smoke_get(s, "it is listed", uid, path, "\"nice\"") ||
        !smoke_get(s, "and counted", uid, "/moment/feed/cursor", "\"commentCount\":1"))
        return false;
    snprintf(body, sizeof body, "{\"commentId\":\"%s\"}", comment);
    return smoke_post(s, "the comment is deleted", uid, "/moment/comment/delete", body, 200,
                      "\"ok\":true") &&
           smoke_get(s, "and no longer counted", uid, "/moment/feed/cursor", "\"commentCount\":0");
}

void smoke_moments(struct smoke *s)
{
    char about[80], id[24], path[80];
    int64_t author = smoke_uid(s), stranger = author ? smoke_uid(s) : 0;
    if (!author || !stranger ||
        !smoke_post(s, "an empty post is refused", author, "/moment/post/create",
                    "{\"content\":\" \"}", 400, "empty_content") ||
        !smoke_post(s, "a post", author, "/moment/post/create", "{\"content\":\"first post\"}", 200,
                    "\"postId\"") ||
        !smoke_id_of(s, "postId", id))
        return;
    snprintf(about, sizeof about, "{\"postId\":\"%s\"}", id);
    snprintf(path, sizeof path, "/moment/user/cursor?userId=%" PRId64, author);
    if (smoke_get(s, "it is in the author's feed", author, "/moment/feed/cursor", "first post") &&
        smoke_get(s, "a stranger may not see it", stranger, path, "forbidden") &&
        smoke_post(s, "nor like it", stranger, "/moment/like/toggle", about, 200, "forbidden") &&
        likes(s, author, about) && comments(s, author, id) &&
        smoke_post(s, "the post is deleted", author, "/moment/post/delete", about, 200,
                   "\"ok\":true"))
        mn_ignore(smoke_get(s, "and gone", author, "/moment/feed/cursor", "\"data\":[]"));
}
