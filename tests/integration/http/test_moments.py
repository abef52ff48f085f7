# SPDX-License-Identifier: Apache-2.0
"""H-7.9 moments: posts, likes, comments; who sees them, who may delete them, what is counted."""
import concurrent.futures
import sqlite3

import pytest

from support.friends import befriend
from support.http import Reply

pytestmark = pytest.mark.tsan
MAX = 2**63 - 1


@pytest.fixture
def people(server, uid):
    """An author, a friend of his and a stranger, as ids."""
    author, friend, stranger = uid(), uid(), uid()
    befriend(server, author, friend)
    return author, friend, stranger


def create(server, user, content="hello"):
    return server.api_of(user).post("/moment/post/create", {"content": content}).ok()["postId"]


def comment(server, user, post, content="nice"):
    return server.api_of(user).post("/moment/comment/create", {"postId": post, "content": content}).ok()["commentId"]


def posts(server, viewer, of=None, **query):
    path = "/moment/feed/cursor" if of is None else "/moment/user/cursor"
    return server.api_of(viewer).get(path, **({} if of is None else {"userId": of}), **query).ok()


def refused(reply, code, message, status=200):
    assert isinstance(reply, Reply)
    body = reply.json
    assert (reply.status, body["ok"], body["code"], body["message"]) == (status, False, code, message), reply
    assert "data" not in body


def test_a_post_and_its_shape(server, people):
    author, friend, _ = people
    post = create(server, author, "  first post \n")
    assert isinstance(post, str)
    for viewer in (author, friend):
        for rows in (posts(server, viewer), posts(server, viewer, author)):
            assert len(rows) == 1
            assert rows[0].pop("createdAt")
            assert rows[0] == {"id": post, "authorId": str(author), "content": "first post", "likeCount": 0,
                               "commentCount": 0, "likedByMe": False}


@pytest.mark.parametrize("content, message", [
    (None, "empty_content"), ("", "empty_content"), (" \n\t", "empty_content"), ("\u3000\u2003", "empty_content"),
    ("x" * 501, "content_too_long"), ("😀" * 251, "content_too_long"), ("😀" * 500, "content_too_long"),
], ids=lambda v: ascii(v)[:20])
def test_content_rule(server, people, content, message):
    author = people[0]
    post = create(server, author)
    api = server.api_of(author)
    body = {} if content is None else {"content": content}
    refused(api.post("/moment/post/create", body), 40000, message, 400)
    refused(api.post("/moment/comment/create", {"postId": post, **body}), 40000, message, 400)
    rows = posts(server, author)
    assert len(rows) == 1 and rows[0]["commentCount"] == 0


def test_what_is_no_text_is_a_bad_request_whatever_the_post(server, people):
    api = server.api_of(people[0])
    for content in ("a\0b", ["a"], {}):
        for post in (create(server, people[0]), "1", "0"):
            refused(api.post("/moment/comment/create", {"postId": post, "content": content}), 40000, "bad_request", 400)


@pytest.mark.parametrize("content", ["x" * 500, " " + "é" * 500 + " ", "😀" * 250, "\u00a0", "\u200b"],
                         ids=lambda v: ascii(v)[:12])
def test_content_that_just_fits(server, people, content):
    author = people[0]
    post = create(server, author, content)
    comment(server, author, post, content)
    assert posts(server, author)[0]["content"] == content.strip(" ")
    rows = server.api_of(author).get("/moment/comment/cursor", postId=post).ok()
    assert rows[0]["content"] == content.strip(" ")


@pytest.fixture(scope="module")
def filtering(launch_module, tmp_path_factory):
    words = tmp_path_factory.mktemp("words") / "words"
    words.write_text("ab\n", "utf-8")
    return launch_module({"minim.filter.file": str(words), "im.ratelimit.enabled": False})


def test_words_are_filtered_and_may_make_it_longer(filtering, uid):
    author = uid()
    post = create(filtering, author, "ab " * 166 + "ab")
    comment(filtering, author, post, "so ab it is")
    assert posts(filtering, author)[0]["content"] == "*** " * 166 + "***"
    assert filtering.api_of(author).get("/moment/comment/cursor", postId=post).ok()[0]["content"] == "so *** it is"


WRITES = ("/moment/post/delete", "/moment/like/toggle", "/moment/comment/create", "/moment/comment/delete")


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("value", [None, 0, -1, "0", "-5", ""], ids=ascii)
def test_bad_ids(server, people, path, value):
    name, message = (("commentId", "bad_comment_id") if path == "/moment/comment/delete" else ("postId", "bad_post_id"))
    body = {"content": "x"} if value is None else {name: value, "content": "x"}
    refused(server.api_of(people[0]).post(path, body), 40000, message)


@pytest.mark.parametrize("path", WRITES)
def test_ids_that_are_none(server, people, path):
    name = "commentId" if path == "/moment/comment/delete" else "postId"
    api = server.api_of(people[0])
    for value in (1, MAX, str(MAX)):
        refused(api.post(path, {name: value, "content": "x"}), 40400, "not_found")
    for value in ("x", str(MAX + 1), {}, [], True):
        assert api.post(path, {name: value, "content": "x"}).status == 400


def test_who_sees_what(server, people):
    author, friend, stranger = people
    post = create(server, author)
    assert posts(server, stranger) == []
    refused(server.api_of(stranger).get("/moment/user/cursor", userId=author), 40300, "forbidden")
    refused(server.api_of(stranger).get("/moment/user/cursor", userId=12), 40300, "forbidden")
    refused(server.api_of(stranger).get("/moment/user/cursor", userId=0), 40000, "bad_user_id")
    refused(server.api_of(stranger).get("/moment/comment/cursor", postId=post), 40300, "forbidden")
    refused(server.api_of(stranger).get("/moment/comment/cursor", postId=-1), 40000, "bad_post_id")
    for path in ("/moment/like/toggle", "/moment/comment/create"):
        refused(server.api_of(stranger).post(path, {"postId": post, "content": "x"}), 40300, "forbidden")
    for viewer in (friend, stranger):
        refused(server.api_of(viewer).post("/moment/post/delete", {"postId": post}), 40300, "forbidden")
    befriend(server, stranger, author)  # seen as soon as they are friends
    assert [row["id"] for row in posts(server, stranger)] == [post]
    for path in WRITES[:3] + ("/moment/post/create",):
        assert server.api().post(path, {"postId": post, "content": "x"}).json["code"] == 40100


def test_delete_a_post(server, people):
    author, friend, _ = people
    post, other = create(server, author), create(server, author)
    note = comment(server, friend, post)
    assert server.api_of(author).post("/moment/post/delete", {"postId": post}).json["ok"]
    assert [row["id"] for row in posts(server, friend)] == [other]
    for viewer in (author, friend):
        api = server.api_of(viewer)
        refused(api.get("/moment/comment/cursor", postId=post), 40400, "not_found")
        refused(api.post("/moment/post/delete", {"postId": post}), 40400, "not_found")
        refused(api.post("/moment/like/toggle", {"postId": post}), 40400, "not_found")
        refused(api.post("/moment/comment/delete", {"commentId": note}), 40400, "not_found")


def like(server, user, post, **more):
    got = server.api_of(user).post("/moment/like/toggle", {"postId": post, **more}).ok()
    assert set(got) == {"liked", "likeCount"}
    return got["liked"], got["likeCount"]


def test_likes(server, people):
    author, friend, _ = people
    post = create(server, author)
    assert like(server, friend, post) == (True, 1)
    assert like(server, author, post) == (True, 2)
    assert [row["likedByMe"] for row in posts(server, friend)] == [True]
    assert like(server, friend, post) == (False, 1)
    assert like(server, author, post) == (False, 0)
    for _ in range(2):  # the wanted state: a retry changes nothing
        assert like(server, friend, post, liked=True) == (True, 1)
    for _ in range(2):
        assert like(server, friend, post, liked=False) == (False, 0)
    assert posts(server, author)[0]["likeCount"] == 0


def test_comments(server, people, uid):
    author, friend, stranger = people
    post = create(server, author)
    own, other = comment(server, author, post, "mine"), comment(server, friend, post, "yours")
    rows = server.api_of(friend).get("/moment/comment/cursor", postId=post).ok()
    assert all(row.pop("createdAt") for row in rows)
    assert rows == [{"id": other, "postId": post, "userId": str(friend), "content": "yours"},
                    {"id": own, "postId": post, "userId": str(author), "content": "mine"}]
    assert posts(server, friend)[0]["commentCount"] == 2
    refused(server.api_of(friend).post("/moment/comment/delete", {"commentId": own}), 40300, "forbidden")
    refused(server.api_of(stranger).post("/moment/comment/delete", {"commentId": own}), 40300, "forbidden")
    for _ in range(2):  # twice is no error, and is counted once
        assert server.api_of(author).post("/moment/comment/delete", {"commentId": other}).json["ok"]
        assert posts(server, friend)[0]["commentCount"] == 1
    assert server.api_of(author).post("/moment/comment/delete", {"commentId": own}).json["ok"]
    assert posts(server, friend)[0]["commentCount"] == 0
    assert server.api_of(friend).get("/moment/comment/cursor", postId=post).ok() == []


def test_own_comment_after_the_friendship_ended(server, people):
    author, friend, _ = people
    post = create(server, author)
    note = comment(server, friend, post)
    with sqlite3.connect(server.data / "minim.db", timeout=30) as db:
        db.execute("DELETE FROM t_friend_relation WHERE user1_id = ? AND user2_id = ?",
                   (min(author, friend), max(author, friend)))
    db.close()
    refused(server.api_of(friend).get("/moment/comment/cursor", postId=post), 40300, "forbidden")
    assert server.api_of(friend).post("/moment/comment/delete", {"commentId": note}).json["ok"]
    assert posts(server, author)[0]["commentCount"] == 0


def test_pages(server, people, uid):
    author, friend, _ = people
    third = uid()
    befriend(server, friend, third)
    made = [create(server, who, str(i)) for i, who in enumerate((author, third, author, friend, third, author, friend))]
    feed, last = [], None
    while page := posts(server, friend, limit=3, **({"lastId": last} if last else {})):
        assert len(page) <= 3
        feed += [row["id"] for row in page]
        last = page[-1]["id"]
    assert feed == made[::-1]
    assert len(posts(server, friend, limit=0)) == 1  # clamped
    assert len(posts(server, friend, limit=-5)) == 1
    assert len(posts(server, friend, limit=99999999999)) == 7
    assert posts(server, friend, lastId=0) == []
    assert [row["content"] for row in posts(server, friend, author, limit=2)] == ["5", "2"]
    notes = [comment(server, friend, made[0], str(i)) for i in range(5)]
    got = server.api_of(author).get("/moment/comment/cursor", postId=made[0], limit=2, lastId=notes[3]).ok()
    assert [row["id"] for row in got] == [notes[2], notes[1]]
    for path in ("/moment/feed/cursor", "/moment/comment/cursor", "/moment/user/cursor"):
        for bad in ("x", "1.5", str(MAX + 1)):
            assert server.api_of(author).get(path, postId=made[0], userId=author, lastId=bad).status == 400


def test_counters_under_concurrency(server, people):
    """Every like and comment counts once, whatever meets."""
    author, friend, _ = people
    post = create(server, author)

    def work(number):
        user = (author, friend)[number % 2]
        like(server, user, post)
        note = comment(server, user, post, str(number))
        if number % 3 == 0:
            assert server.api_of(user).post("/moment/comment/delete", {"commentId": note}).json["ok"]

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(31)))  # 16 toggles of the one, 15 of the other
    row = posts(server, friend)[0]
    assert (row["likeCount"], row["commentCount"]) == (1, 20)
    assert row["likedByMe"] is True
    assert len(server.api_of(author).get("/moment/comment/cursor", postId=post, limit=100).ok()) == 20


def test_limit(launch, uid):
    server = launch()
    api = server.api_of(uid())
    for _ in range(120):
        assert api.post("/moment/post/create", {"content": "again"}).status == 200
    reply = api.post("/moment/post/create", {"content": "again"})
    refused(reply, 42900, "too_many_requests", 429)
    assert 1 <= int(reply.headers["retry-after"]) <= 60


def test_survives_a_kill(launch, uid):
    server = launch({"im.ratelimit.enabled": False})
    author, friend = uid(), uid()
    befriend(server, author, friend)
    post = create(server, author, "kept")
    assert like(server, friend, post) == (True, 1)
    comment(server, friend, post)
    server.kill()
    server.start()
    row = posts(server, friend)[0]
    assert (row["content"], row["likeCount"], row["commentCount"], row["likedByMe"]) == ("kept", 1, 1, True)
