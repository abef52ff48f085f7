/* SPDX-License-Identifier: Apache-2.0 */
/* Moments: t_moment_post, _like, _comment.  Contracts are in moment.h.  Any worker; silent. */
#include "store/sql/moment.h"

#include "store/sql/friend.h"
#include "store/sql/sql.h"

/* ---- posts ---- */

static const struct mn_sql insert_post = MN_SQL(
    "INSERT INTO t_moment_post(id, author_id, content, created_at, updated_at)"
    " VALUES (?, ?, ?, ?, ?)");

static const struct mn_sql select_post = MN_SQL(
    "SELECT author_id FROM t_moment_post WHERE id = ? AND deleted = 0");

/* Nobody is his own friend, but sees what is his. */
static const struct mn_sql select_visible = MN_SQL(
    "SELECT author_id = ? OR EXISTS(SELECT 1 FROM t_friend_relation"
    " WHERE (user1_id = ? AND user2_id = author_id)"
    " OR (user1_id = author_id AND user2_id = ?)) AS visible"
    " FROM t_moment_post WHERE id = ? AND deleted = 0");

static const struct mn_sql delete_post = MN_SQL(
    "UPDATE t_moment_post SET deleted = 1, updated_at = ? WHERE id = ? AND deleted = 0");

#define POST_COLUMNS                                                                               \
    "p.id AS id, p.author_id AS author_id, p.content AS content, p.like_count AS like_count,"      \
    " p.comment_count AS comment_count, p.created_at AS created_at,"                               \
    " EXISTS(SELECT 1 FROM t_moment_like l WHERE l.post_id = p.id AND l.user_id = ?) AS liked"

static const struct mn_sql posts_of_user = MN_SQL(
    "SELECT " POST_COLUMNS " FROM t_moment_post p WHERE p.author_id = ? AND p.deleted = 0"
    " AND p.id < ? ORDER BY p.id DESC LIMIT ?");

/*
 * A page of so many posts has at most so many authors, and they are those
 * whose newest posts behind the cursor are newest.  So each friend costs a
 * look at his newest post; of the authors that are left only what may be on
 * the page is looked at, and only the posts of the page are read.  MariaDB
 * cannot limit inside IN.
 */
#define AUTHORS                                                                                    \
    "SELECT ? AS uid UNION ALL SELECT user2_id FROM t_friend_relation WHERE user1_id = ?"          \
    " UNION ALL SELECT user1_id FROM t_friend_relation WHERE user2_id = ?"
#define WITH_NEWEST                                                                                \
    "WITH g AS (SELECT f.uid AS uid, (SELECT max(m.id) FROM t_moment_post m"                       \
    " WHERE m.author_id = f.uid AND m.deleted = 0 AND m.id < ?) AS newest"                         \
    " FROM (" AUTHORS ") f ORDER BY newest DESC LIMIT ?) SELECT " POST_COLUMNS
/* With as many authors as the page has room for, nothing below the last of them is on it. */
#define FLOOR "(SELECT CASE WHEN count(l.newest) = ? THEN min(l.newest) ELSE 0 END FROM g l)"
static const struct mn_sql posts_of_friends = {
    WITH_NEWEST " FROM t_moment_post p WHERE p.id IN"
                " (SELECT n.id FROM g CROSS JOIN t_moment_post n ON n.id IN"
                " (SELECT k.id FROM t_moment_post k WHERE k.author_id = g.uid AND k.deleted = 0"
                " AND k.id < ? AND k.id >= " FLOOR " ORDER BY k.id DESC LIMIT ?)"
                " ORDER BY n.id DESC LIMIT ?) ORDER BY p.id DESC",
    WITH_NEWEST " FROM g JOIN t_moment_post p ON p.author_id = g.uid AND p.deleted = 0"
                " AND p.id < ? AND p.id >= " FLOOR " AND 0 < ? ORDER BY p.id DESC LIMIT ?"};

enum mn_err mn_db_post_create(struct mn_db *db, int64_t id, int64_t author, struct mn_str content,
                              int64_t now_ms)
{
    struct mn_sql_use use = mn_sql_write(db, &insert_post);
    mn_sql_put_i64(&use, id);
    mn_sql_put_i64(&use, author);
    mn_sql_put_str(&use, content);
    mn_sql_put_i64(&use, now_ms);
    mn_sql_put_i64(&use, now_ms);
    return mn_sql_end(&use);
}

/* Author of a post that is there; notes MN_ENOTFOUND. */
static int64_t author_of(struct mn_sql_tx *tx, int64_t post)
{
    struct mn_sql_use use = mn_sql_in(tx, &select_post);
    mn_sql_put_i64(&use, post);
    bool found = mn_sql_row(&use);
    int64_t author = found ? mn_sql_i64(&use, "author_id") : 0;
    mn_sql_tx_note(tx, mn_sql_end_found(&use, found));
    return author;
}

/* Of select_visible: MN_OK, MN_ENOTFOUND, MN_EPERM. */
static enum mn_err ask_visible(struct mn_sql_use *use, int64_t post, int64_t viewer)
{
    for (int i = 0; i < 3; i++)
        mn_sql_put_i64(use, viewer);
    mn_sql_put_i64(use, post);
    bool found = mn_sql_row(use);
    bool visible = found && mn_sql_i64(use, "visible") != 0;
    enum mn_err err = mn_sql_end_found(use, found);
    return err || visible ? err : MN_EPERM;
}

static void check_visible(struct mn_sql_tx *tx, int64_t post, int64_t viewer)
{
    struct mn_sql_use use = mn_sql_in(tx, &select_visible);
    mn_sql_tx_note(tx, ask_visible(&use, post, viewer));
}

enum mn_err mn_db_post_visible(struct mn_db *db, int64_t post, int64_t viewer)
{
    struct mn_sql_use use = mn_sql_read(db, &select_visible);
    return ask_visible(&use, post, viewer);
}

enum mn_err mn_db_post_delete(struct mn_db *db, int64_t post, int64_t user, int64_t now_ms)
{
    MN_SQL_TX(tx, db);
    while (mn_sql_tx_run(&tx)) {
        if (author_of(&tx, post) != user)
            mn_sql_tx_note(&tx, MN_EPERM);
        struct mn_sql_use use = mn_sql_in(&tx, &delete_post);
        mn_sql_put_i64(&use, now_ms);
        mn_sql_put_i64(&use, post);
        mn_sql_tx_note(&tx, mn_sql_end(&use));
    }
    return mn_sql_tx_end(&tx);
}

static void give_posts(struct mn_sql_use *use, mn_moment_post_fn fn, void *arg)
{
    struct mn_moment_post post;
    while (mn_sql_row(use)) {
        post.id = mn_sql_i64(use, "id");
        post.author = mn_sql_i64(use, "author_id");
        mn_sql_text(use, "content", post.content, sizeof(post.content));
        post.likes = mn_sql_i64(use, "like_count");
        post.comments = mn_sql_i64(use, "comment_count");
        post.created_ms = mn_sql_i64(use, "created_at");
        post.liked_by_me = mn_sql_i64(use, "liked") != 0;
        fn(arg, &post);
    }
}

enum mn_err mn_db_posts_of_friends(struct mn_db *db, const struct mn_moment_page *page,
                                   mn_moment_post_fn fn, void *arg)
{
    struct mn_sql_use use = mn_sql_read(db, &posts_of_friends);
    mn_sql_put_i64(&use, page->before);
    for (int i = 0; i < 3; i++) /* the parts of AUTHORS */
        mn_sql_put_i64(&use, page->viewer);
    mn_sql_put_i64(&use, page->limit);
    mn_sql_put_i64(&use, page->viewer); /* who likes */
    mn_sql_put_i64(&use, page->before);
    for (int i = 0; i < 3; i++) /* FLOOR, of one author, in all */
        mn_sql_put_i64(&use, page->limit);
    give_posts(&use, fn, arg);
    return mn_sql_end(&use);
}

enum mn_err mn_db_posts_of_user(struct mn_db *db, const struct mn_moment_page *page,
                                mn_moment_post_fn fn, void *arg)
{
    bool is_friend = page->viewer == page->of;
    enum mn_err err = is_friend ? MN_OK : mn_db_friend_is(db, page->viewer, page->of, &is_friend);
    if (err || !is_friend)
        return err ? err : MN_EPERM;
    struct mn_sql_use use = mn_sql_read(db, &posts_of_user);
    mn_sql_put_i64(&use, page->viewer);
    mn_sql_put_i64(&use, page->of);
    mn_sql_put_i64(&use, page->before);
    mn_sql_put_i64(&use, page->limit);
    give_posts(&use, fn, arg);
    return mn_sql_end(&use);
}

/* ---- likes ---- */

static const struct mn_sql delete_like = MN_SQL(
    "DELETE FROM t_moment_like WHERE post_id = ? AND user_id = ?");

static const struct mn_sql select_like = MN_SQL(
    "SELECT 1 AS yes FROM t_moment_like WHERE post_id = ? AND user_id = ?");

static const struct mn_sql insert_like = MN_SQL(
    "INSERT INTO t_moment_like(id, post_id, user_id, created_at) VALUES (?, ?, ?, ?)");

/* Counted, not added to: whatever happened before, it is right now. */
static const struct mn_sql count_likes = MN_SQL(
    "UPDATE t_moment_post SET like_count ="
    " (SELECT count(*) FROM t_moment_like WHERE post_id = ?) WHERE id = ?");

static const struct mn_sql select_likes = MN_SQL(
    "SELECT like_count FROM t_moment_post WHERE id = ?");

static bool has_like(struct mn_sql_tx *tx, int64_t post, int64_t user)
{
    struct mn_sql_use use = mn_sql_in(tx, &select_like);
    mn_sql_put_i64(&use, post);
    mn_sql_put_i64(&use, user);
    bool found = mn_sql_row(&use);
    mn_sql_tx_note(tx, mn_sql_end(&use));
    return found;
}

static void set_like(struct mn_sql_tx *tx, int64_t id, int64_t post, int64_t user, bool liked,
                     int64_t now_ms)
{
    struct mn_sql_use use = mn_sql_in(tx, liked ? &insert_like : &delete_like);
    if (liked)
        mn_sql_put_i64(&use, id);
    mn_sql_put_i64(&use, post);
    mn_sql_put_i64(&use, user);
    if (liked)
        mn_sql_put_i64(&use, now_ms);
    mn_sql_tx_note(tx, mn_sql_end(&use));
    use = mn_sql_in(tx, &count_likes);
    mn_sql_put_i64(&use, post);
    mn_sql_put_i64(&use, post);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}

static int64_t likes_of(struct mn_sql_tx *tx, int64_t post)
{
    struct mn_sql_use use = mn_sql_in(tx, &select_likes);
    mn_sql_put_i64(&use, post);
    int64_t count = mn_sql_row(&use) ? mn_sql_i64(&use, "like_count") : 0;
    mn_sql_tx_note(tx, mn_sql_end(&use));
    return count;
}

enum mn_err mn_db_post_like(struct mn_db *db, int64_t id, int64_t post, int64_t user,
                            enum mn_moment_like what, int64_t now_ms, bool *ret_liked,
                            int64_t *ret_count)
{
    bool wanted = false;
    int64_t count = 0;
    MN_SQL_TX(tx, db);
    while (mn_sql_tx_run(&tx)) {
        check_visible(&tx, post, user);
        bool liked = has_like(&tx, post, user);
        wanted = what == MN_MOMENT_TOGGLE ? !liked : what == MN_MOMENT_LIKE;
        if (wanted != liked)
            set_like(&tx, id, post, user, wanted, now_ms);
        count = likes_of(&tx, post);
    }
    enum mn_err err = mn_sql_tx_end(&tx);
    if (err)
        return err;
    *ret_liked = wanted;
    *ret_count = count;
    return MN_OK;
}

/* ---- comments ---- */

static const struct mn_sql insert_comment = MN_SQL(
    "INSERT INTO t_moment_comment(id, post_id, user_id, content, created_at, updated_at)"
    " VALUES (?, ?, ?, ?, ?, ?)");

static const struct mn_sql select_comment = MN_SQL(
    "SELECT post_id, user_id FROM t_moment_comment WHERE id = ?");

static const struct mn_sql delete_comment = MN_SQL(
    "UPDATE t_moment_comment SET deleted = 1, updated_at = ? WHERE id = ? AND deleted = 0");

static const struct mn_sql count_comments = MN_SQL(
    "UPDATE t_moment_post SET comment_count ="
    " (SELECT count(*) FROM t_moment_comment WHERE post_id = ? AND deleted = 0)"
    " WHERE id = ?");

static const struct mn_sql comments_of_post = MN_SQL(
    "SELECT id, post_id, user_id, content, created_at FROM t_moment_comment"
    " WHERE post_id = ? AND deleted = 0 AND id < ? ORDER BY id DESC LIMIT ?");

static void recount(struct mn_sql_tx *tx, int64_t post)
{
    struct mn_sql_use use = mn_sql_in(tx, &count_comments);
    mn_sql_put_i64(&use, post);
    mn_sql_put_i64(&use, post);
    mn_sql_tx_note(tx, mn_sql_end(&use));
}

enum mn_err mn_db_comment_create(struct mn_db *db, int64_t id, int64_t post, int64_t user,
                                 struct mn_str content, int64_t now_ms)
{
    MN_SQL_TX(tx, db);
    while (mn_sql_tx_run(&tx)) {
        check_visible(&tx, post, user);
        struct mn_sql_use use = mn_sql_in(&tx, &insert_comment);
        mn_sql_put_i64(&use, id);
        mn_sql_put_i64(&use, post);
        mn_sql_put_i64(&use, user);
        mn_sql_put_str(&use, content);
        mn_sql_put_i64(&use, now_ms);
        mn_sql_put_i64(&use, now_ms);
        mn_sql_tx_note(&tx, mn_sql_end(&use));
        recount(&tx, post);
    }
    return mn_sql_tx_end(&tx);
}

/* His own he may always delete; another's in a post of his. */
static void check_deletable(struct mn_sql_tx *tx, int64_t post, int64_t writer, int64_t user)
{
    int64_t author = author_of(tx, post);
    if (writer != user && author != user)
        mn_sql_tx_note(tx, MN_EPERM);
}

enum mn_err mn_db_comment_delete(struct mn_db *db, int64_t comment, int64_t user, int64_t now_ms)
{
    MN_SQL_TX(tx, db);
    while (mn_sql_tx_run(&tx)) {
        struct mn_sql_use use = mn_sql_in(&tx, &select_comment);
        mn_sql_put_i64(&use, comment);
        bool found = mn_sql_row(&use);
        int64_t post = found ? mn_sql_i64(&use, "post_id") : 0;
        int64_t writer = found ? mn_sql_i64(&use, "user_id") : 0;
        mn_sql_tx_note(&tx, mn_sql_end_found(&use, found));
        check_deletable(&tx, post, writer, user);
        use = mn_sql_in(&tx, &delete_comment);
        mn_sql_put_i64(&use, now_ms);
        mn_sql_put_i64(&use, comment);
        mn_sql_tx_note(&tx, mn_sql_end(&use));
        recount(&tx, post);
    }
    return mn_sql_tx_end(&tx);
}

enum mn_err mn_db_comments(struct mn_db *db, const struct mn_moment_page *page,
                           mn_moment_comment_fn fn, void *arg)
{
    struct mn_moment_comment comment;
    enum mn_err err = mn_db_post_visible(db, page->of, page->viewer);
    if (err)
        return err;
    struct mn_sql_use use = mn_sql_read(db, &comments_of_post);
    mn_sql_put_i64(&use, page->of);
    mn_sql_put_i64(&use, page->before);
    mn_sql_put_i64(&use, page->limit);
    while (mn_sql_row(&use)) {
        comment.id = mn_sql_i64(&use, "id");
        comment.post = mn_sql_i64(&use, "post_id");
        comment.user = mn_sql_i64(&use, "user_id");
        mn_sql_text(&use, "content", comment.content, sizeof(comment.content));
        comment.created_ms = mn_sql_i64(&use, "created_at");
        fn(arg, &comment);
    }
    return mn_sql_end(&use);
}

/* ---- ids ---- */

static const struct mn_sql max_id = MN_SQL(
    "SELECT coalesce(max(id), 0) AS id FROM (SELECT max(id) AS id FROM t_moment_post UNION ALL"
    " SELECT max(id) FROM t_moment_like UNION ALL SELECT max(id) FROM t_moment_comment) m");

enum mn_err mn_db_max_moment_id(struct mn_db *db, int64_t *ret_id)
{
    struct mn_sql_use use = mn_sql_read(db, &max_id);
    int64_t id = mn_sql_row(&use) ? mn_sql_i64(&use, "id") : 0;
    enum mn_err err = mn_sql_end(&use);
    if (err == MN_OK)
        *ret_id = id;
    return err;
}
