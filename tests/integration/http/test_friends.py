# SPDX-License-Identifier: Apache-2.0
"""H-7.3 friends over HTTP: codes, boxes, decisions, lists; the chat of new friends; W-3.10.12 what is told."""
import concurrent.futures

import pytest

from support.http import Reply

pytestmark = pytest.mark.tsan
MAX = 2**63 - 1


@pytest.fixture(scope="module")
def place(launch_module):
    return launch_module({"im.ratelimit.enabled": False})


class Person:
    """A registered user: his session, and calls in his name."""
    count = 0

    def __init__(self, server, opened):
        Person.count += 1
        self.server, self.opened = server, opened
        session = server.api().login(f"friend{Person.count}")
        self.id = session["userId"]
        self.uid = int(self.id)
        self.api = server.api(session["accessToken"])
        self.token = session["accessToken"]

    def connect(self):
        from support.im import Client
        client = Client(self.server, token=None)
        client.uid = self.uid
        client.auth(self.token)
        self.opened.append(client)
        return client

    @property
    def code(self):
        return self.api.get("/me/profile").ok()["friendCode"]

    def ask(self, other, message=None):
        return self.api.post("/friend/request/by-code", {"toFriendCode": other.code, "message": message})

    def decide(self, request, action="accept"):
        return self.api.post("/friend/request/decide", {"requestId": request, "action": action})

    def requests(self, box="all"):
        return self.api.get("/friend/request/cursor", box=box).ok()

    def friends(self):
        return [row["user1Id"] if row["user2Id"] == self.id else row["user2Id"]
                for row in self.api.get("/friend/relation/list").ok()]

    def chats(self):
        return self.api.get("/single-chat/conversation/cursor").ok()


@pytest.fixture
def person(place, opened):
    return lambda: Person(place, opened)


def refused(reply, code, message):
    assert isinstance(reply, Reply)
    body = reply.json
    assert (reply.status, body["ok"], body["code"], body["message"]) == (200, False, code, message), reply
    assert "data" not in body


def test_from_the_question_to_the_chat(person):
    alice, bob = person(), person()
    bobs = bob.connect()
    asked = alice.ask(bob, "hello").ok()
    assert asked == {"requestId": asked["requestId"], "toUserId": bob.id}
    told = bobs.expect("FRIEND_REQUEST", serverMsgId=asked["requestId"], from_=alice.id, to=bob.id, body="hello",
                       clientMsgId=None)
    assert set(told) == {"type", "serverMsgId", "from", "to", "body", "ts"}
    for someone, box in ((alice, "outbox"), (alice, "all"), (bob, " INBOX "), (bob, "all")):
        rows = someone.requests(box)
        assert len(rows) == 1 and rows[0]["createdAt"]
        assert rows[0] == {"id": asked["requestId"], "fromUserId": alice.id, "toUserId": bob.id, "content": "hello",
                           "status": "PENDING", "handledAt": None, "createdAt": rows[0]["createdAt"],
                           "updatedAt": rows[0]["createdAt"]}
    assert alice.requests("inbox") == [] and bob.requests("outbox") == []
    assert alice.friends() == [] and alice.chats() == []
    alices = alice.connect()
    chat = bob.decide(asked["requestId"]).ok()["singleChatId"]
    alices.expect("FRIEND_DECISION", serverMsgId=asked["requestId"], from_=bob.id, to=alice.id, body="accepted")
    assert alice.friends() == [bob.id] and bob.friends() == [alice.id]
    row = alice.requests()[0]
    assert row["status"] == "ACCEPTED" and row["handledAt"] == row["updatedAt"]
    for me, peer in ((alice, bob), (bob, alice)):
        got, = me.chats()
        assert (got["singleChatId"], got["peerUserId"], got["lastMessage"], got["unreadCount"]) == (chat, peer.id, None, 0)
        assert me.api.get("/single-chat/conversation/list").ok()["total"] == 1
    got, = alice.api.get("/friend/relation/cursor").ok()
    low, high = sorted((alice.uid, bob.uid))
    assert (got["user1Id"], got["user2Id"]) == (str(low), str(high))
    assert alices.chat(bob.uid, "first")["msgSeq"] == 1
    assert bob.chats()[0]["singleChatId"] == chat and bob.chats()[0]["lastMessage"]["content"] == "first"
    alices.settle()
    bobs.settle()


def test_a_chat_that_was_there_stays(person):
    alice, bob = person(), person()
    alice.connect().chat(bob.uid, "before")
    chat = alice.chats()[0]["singleChatId"]
    assert bob.decide(alice.ask(bob).ok()["requestId"]).ok()["singleChatId"] == chat
    assert alice.chats()[0]["lastMessage"]["content"] == "before"


def test_rejected_and_asked_again(person):
    alice, bob = person(), person()
    alices = alice.connect()
    first = alice.ask(bob).ok()["requestId"]
    assert bob.decide(first, " Reject ").ok() == {"singleChatId": None}
    alices.expect("FRIEND_DECISION", serverMsgId=first, body="rejected")
    assert alice.requests()[0]["status"] == "REJECTED" and alice.friends() == [] and alice.chats() == []
    refused(bob.decide(first, "reject"), 40000, "not_pending")
    refused(bob.decide(first, "accept"), 40000, "not_pending")
    second = alice.ask(bob).ok()["requestId"]
    assert int(second) > int(first)
    assert [row["id"] for row in bob.requests("inbox")] == [second, first]
    bob.decide(second).ok()
    alices.expect("FRIEND_DECISION", serverMsgId=second, body="accepted")


def test_the_order_of_checks_of_a_decision(person):
    alice, bob, carol = person(), person(), person()
    request = alice.ask(bob).ok()["requestId"]
    for number in (None, 0, -1, -MAX - 1, "0", ""):
        refused(bob.api.post("/friend/request/decide", {"requestId": number, "action": "nonsense"}), 40000,
                "bad_request_id")
    refused(bob.api.post("/friend/request/decide", {"action": "accept"}), 40000, "bad_request_id")
    for action in (None, "", "\u3000", "ACCEPTED", "yes", True, 1):
        refused(bob.decide(MAX, action), 40000, "bad_action")
    refused(bob.decide(MAX), 40400, "not_found")
    for other in (alice, carol):
        refused(other.decide(request), 40300, "forbidden")
    for number in (2**63, "x", [], {}):
        assert bob.api.post("/friend/request/decide", {"requestId": number, "action": "accept"}).status == 400
    assert bob.requests()[0]["status"] == "PENDING"
    chat = bob.decide(request).ok()
    assert bob.decide(request).ok() == chat
    refused(bob.decide(request, "reject"), 40000, "already_accepted")
    refused(carol.decide(request), 40300, "forbidden")


def test_errors_of_asking_and_their_order(person):
    alice, bob = person(), person()
    post = lambda body: alice.api.post("/friend/request/by-code", body)
    long = "x" * 257
    for code in (None, "", "  ", "A" * 17):
        refused(post({"toFriendCode": code, "message": long}), 40000, "bad_friend_code")
    refused(post({"message": "hi"}), 40000, "bad_friend_code")
    for text in (long, "\U0001f600" * 129):
        refused(post({"toFriendCode": "NOBODY", "message": text}), 40000, "message_too_long")
    refused(post({"toFriendCode": "NOBODY", "message": "hi"}), 40400, "user_not_found")
    refused(alice.ask(alice), 40000, "cannot_send_to_self")
    assert alice.requests() == []
    asked = post({"toFriendCode": f" {bob.code.lower()}\t", "message": "\U0001f600" * 128}).ok()
    assert alice.requests()[0]["content"] == "\U0001f600" * 128
    bob.decide(asked["requestId"]).ok()
    for me, other in ((alice, bob), (bob, alice)):
        refused(me.ask(other), 40000, "already_friends")
    assert len(alice.requests()) == 1


def test_a_greeting_may_be_empty_or_absent(person):
    alice, bob, carol = person(), person(), person()
    bobs = bob.connect()
    request = alice.ask(bob).ok()["requestId"]
    assert "body" not in bobs.expect("FRIEND_REQUEST", serverMsgId=request)
    assert bob.requests()[0]["content"] is None
    carol.ask(bob, "").ok()
    bobs.expect("FRIEND_REQUEST", from_=carol.id, body="")
    assert bob.requests()[0]["content"] == ""


def test_a_pending_request_is_answered_with_its_id(person):
    alice, bob = person(), person()
    bobs = bob.connect()
    first = alice.ask(bob, "one").ok()
    bobs.expect("FRIEND_REQUEST", body="one")
    assert alice.ask(bob, "two").ok() == first
    assert [row["content"] for row in bob.requests()] == ["one"]
    assert bobs.settle() == []


def test_crossing_requests_are_accepted_together(person):
    alice, bob = person(), person()
    ours = alice.ask(bob).ok()["requestId"]
    theirs = bob.ask(alice).ok()["requestId"]
    chat = alice.decide(theirs).ok()
    assert {row["id"]: row["status"] for row in bob.requests()} == {ours: "ACCEPTED", theirs: "ACCEPTED"}
    assert bob.decide(ours).ok() == chat
    assert len(alice.friends()) == 1 and len(alice.chats()) == 1


def test_pages_at_their_bounds(person):
    bob = person()
    people = [person() for _ in range(5)]
    ids = [someone.ask(bob).ok()["requestId"] for someone in people]
    get = lambda **query: bob.api.get("/friend/request/cursor", **query)
    newest = ids[::-1]
    assert [row["id"] for row in get().ok()] == newest
    assert [row["id"] for row in get(limit=2).ok()] == newest[:2]
    assert [row["id"] for row in get(limit=2, lastId=newest[1]).ok()] == newest[2:4]
    assert [row["id"] for row in get(limit=100000, lastId=newest[3]).ok()] == newest[4:]
    assert get(lastId=newest[4]).ok() == [] and get(lastId=0).ok() == [] and get(lastId=-5).ok() == []
    assert len(get(limit=0).ok()) == 1 and len(get(limit=-5).ok()) == 1 and len(get(limit="").ok()) == 5
    for bad in ("x", "9223372036854775808", "1e3"):
        assert get(lastId=bad).status == 400 and get(limit=bad).status == 400
    assert len(get(box="").ok()) == 5  # what is empty is absent (H-3.7)
    for box in (" ", "sent", "inbox,outbox"):
        refused(get(box=box), 40000, "bad_box")
    page = lambda **query: bob.api.get("/friend/request/list", **query).ok()
    assert page(pageSize=2) == {"records": get(limit=2).ok(), "total": 5, "size": 2, "current": 1, "pages": 3}
    assert [row["id"] for row in page(pageSize=2, pageNo=3)["records"]] == newest[4:]
    assert page(pageNo=MAX)["records"] == [] and page(pageNo=0, pageSize=0)["total"] == 5
    assert page(box="outbox")["total"] == 0
    refused(bob.api.get("/friend/request/list", box="x"), 40000, "bad_box")
    for number in ids:
        bob.decide(number).ok()
    relations = lambda **query: bob.api.get("/friend/relation/cursor", **query).ok()
    rows = relations()
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), key=int, reverse=True)
    assert relations(limit=2) == rows[:2] and relations(limit=3, lastId=rows[1]["id"]) == rows[2:5]
    assert relations(lastId=rows[4]["id"]) == [] and bob.api.get("/friend/relation/list").ok() == rows


def test_a_filtered_greeting_is_measured_again(launch, tmp_path, opened):
    words = tmp_path / "words"
    words.write_text("zq\n", "utf-8")
    server = launch({"im.ratelimit.enabled": False, "minim.filter.file": words})
    alice, bob = Person(server, opened), Person(server, opened)
    refused(alice.ask(bob, "zq " * 85), 40000, "message_too_long")
    alice.ask(bob, "zq here").ok()
    assert bob.requests()[0]["content"] == "*** here"


def test_three_questions_a_minute(launch, opened):
    server = launch()
    alice, bob = Person(server, opened), Person(server, opened)
    refused(alice.ask(alice), 40000, "cannot_send_to_self")  # refused ones count
    alice.ask(bob).ok()
    alice.ask(bob).ok()
    reply = alice.ask(bob)
    reply.fail(429, 42900, "too_many_requests")
    assert 1 <= int(reply.headers["retry-after"]) <= 60
    bob.ask(alice).ok()


def test_nobody_may_do_anything(place):
    for method, path in (("GET", "/friend/relation/list"), ("GET", "/friend/relation/cursor"),
                         ("GET", "/friend/request/cursor"), ("GET", "/friend/request/list"),
                         ("POST", "/friend/request/decide"), ("POST", "/friend/request/by-code")):
        refused(place.api().request(method, path, {}), 40100, "unauthorized")
        place.api("nonsense").request(method, path, {}).fail(401, 40100, "unauthorized")


# ---- races ----

def at_once(*calls):
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [f.result() for f in [pool.submit(call) for call in calls]]


def test_decided_twice_at_once(person):
    alice, bob = person(), person()
    for _ in range(8):
        request = alice.ask(bob).ok()["requestId"]
        replies = [reply.json for reply in at_once(*[lambda: bob.decide(request, "reject")] * 3)]
        assert sorted(reply["code"] for reply in replies) == [0, 40000, 40000]
    request = alice.ask(bob).ok()["requestId"]
    yes, no = at_once(lambda: bob.decide(request), lambda: bob.decide(request, "reject"))
    accepted = bob.requests()[0]["status"] == "ACCEPTED"
    if accepted:
        assert yes.ok()["singleChatId"] and no.json["message"] == "already_accepted"
    else:
        assert yes.json["message"] == "not_pending" and no.ok() == {"singleChatId": None}
    assert (alice.friends() == [bob.id]) is accepted and (len(alice.chats()) == 1) is accepted


def test_asked_and_accepted_crosswise_at_once(person):
    for _ in range(4):
        alice, bob = person(), person()
        codes = {alice: bob.code, bob: alice.code}
        ask = lambda who: who.api.post("/friend/request/by-code", {"toFriendCode": codes[who]}).ok()["requestId"]
        ours, again, theirs = at_once(lambda: ask(alice), lambda: ask(alice), lambda: ask(bob))
        assert ours == again
        one, other = at_once(lambda: bob.decide(ours).ok(), lambda: alice.decide(theirs).ok())
        assert one == other and one["singleChatId"]
        for me, peer in ((alice, bob), (bob, alice)):
            assert me.friends() == [peer.id] and len(me.chats()) == 1
            assert {row["status"] for row in me.requests()} == {"ACCEPTED"}
