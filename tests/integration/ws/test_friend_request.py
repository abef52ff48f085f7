# SPDX-License-Identifier: Apache-2.0
"""W-3.10 FRIEND_REQUEST, W-3.10.12 what is told of friends, W-3.5.13 friendship as a condition for messages."""
import pytest

pytestmark = pytest.mark.tsan


def ask(client, to, client_id, body="hi", **more):
    fields = {} if body is None else {"body": body}
    client.send_json(type="FRIEND_REQUEST", clientMsgId=client_id, to=str(to), **fields, **more)


def requests_of(server, uid, box="all"):
    return server.api_of(uid).get("/friend/request/cursor", box=box).ok()


def decide(server, uid, request, action="accept"):
    return server.api_of(uid).post("/friend/request/decide", {"requestId": request, "action": action})


def test_asked_and_told(server, pair):
    alice, bob = pair
    ask(alice, bob.uid, "f-1", sdp="x", token="t", important=True)
    got = alice.expect("ACK", clientMsgId="f-1", from_=str(alice.uid), ackType="saved", body="hi")
    assert set(got) == {"type", "clientMsgId", "serverMsgId", "from", "ackType", "body", "ts"}
    told = bob.expect("FRIEND_REQUEST", clientMsgId="f-1", serverMsgId=got["serverMsgId"], from_=str(alice.uid),
                      to=str(bob.uid), body="hi")
    assert set(told) == {"type", "clientMsgId", "serverMsgId", "from", "to", "body", "ts"}
    assert [row["id"] for row in requests_of(server, bob.uid, "inbox")] == [got["serverMsgId"]]
    chat = decide(server, bob.uid, got["serverMsgId"]).ok()["singleChatId"]
    alice.expect("FRIEND_DECISION", serverMsgId=got["serverMsgId"], from_=str(bob.uid), to=str(alice.uid),
                 body="accepted", clientMsgId=None)
    for client in (alice, bob):
        row, = server.api_of(client.uid).get("/single-chat/conversation/cursor").ok()
        assert row["singleChatId"] == chat and row["lastMessage"] is None
    ask(alice, bob.uid, "f-2")
    alice.expect("ERROR", reason="already_friends", clientMsgId="f-2")
    ask(alice, bob.uid, "f-1")  # a retry that comes late
    alice.expect("ACK", clientMsgId="f-1", serverMsgId=got["serverMsgId"], body=None)
    assert bob.settle() == []


def test_without_a_greeting(pair):
    alice, bob = pair
    ask(alice, bob.uid, "f-1", None)
    assert "body" not in alice.expect("ACK", clientMsgId="f-1")
    assert "body" not in bob.expect("FRIEND_REQUEST")


@pytest.mark.parametrize("fields, reason", [
    ({}, "missing_msg_id"),
    ({"clientMsgId": " \u3000", "to": "me"}, "missing_msg_id"),
    ({"clientMsgId": "c", "body": "x" * 257}, "missing_to"),
    ({"clientMsgId": "c", "to": None}, "missing_to"),
    ({"clientMsgId": "c", "to": "me", "body": "x" * 257}, "cannot_send_to_self"),
    ({"clientMsgId": "c", "to": "0", "body": "x" * 257}, "body_too_long"),
    ({"clientMsgId": "c", "to": "5", "body": "\U0001f600" * 129}, "body_too_long"),
    ({"clientMsgId": "c", "to": "0"}, "internal_error"),
    ({"clientMsgId": "c", "to": "-5"}, "internal_error"),
    ({"clientMsgId": "c" * 65, "to": "5"}, "internal_error"),
    ({"clientMsgId": "\U0001f600" * 33, "to": "5"}, "internal_error"),
])
def test_errors_in_their_order(server, connect, uid, fields, reason):
    client = connect(uid())
    fields = {name: str(client.uid) if value == "me" else value for name, value in fields.items()}
    client.send_json(type="FRIEND_REQUEST", **fields)
    got = client.expect("ERROR", reason=reason, clientMsgId=fields.get("clientMsgId"))
    assert "serverMsgId" not in got
    assert requests_of(server, client.uid) == []
    assert client.settle() == []


def test_an_id_with_half_a_character_is_refused(connect, uid):
    client = connect(uid())
    client.send_text('{"type":"FRIEND_REQUEST","clientMsgId":"\\ud83d","to":"5"}')
    client.expect("ERROR", reason="internal_error")


def test_numbers_beyond_64_bits(connect, uid):
    client = connect(uid())
    for to in ("9223372036854775808", "-9223372036854775809", "1e3", "x"):
        client.send_text('{"type":"FRIEND_REQUEST","clientMsgId":"c","to":"%s"}' % to)
        assert client.recv()["type"] == "ERROR"


def test_the_longest_that_is_allowed(pair):
    alice, bob = pair
    ask(alice, bob.uid, "\U0001f600" * 32, "\U0001f600" * 128)
    alice.expect("ACK", clientMsgId="\U0001f600" * 32)
    bob.expect("FRIEND_REQUEST", body="\U0001f600" * 128)


def test_a_client_id_is_unique_for_ever(server, connect, uid):
    """For each sender, whomever he asks, over restarts of the connection; another sender's is another."""
    alice, bob, carol = connect(uid()), connect(uid()), connect(uid())
    ask(alice, bob.uid, "same", "one")
    first = alice.expect("ACK")["serverMsgId"]
    bob.expect("FRIEND_REQUEST", body="one")
    ask(alice, bob.uid, "same", "two")
    assert "body" not in alice.expect("ACK", serverMsgId=first)
    again = connect(alice.uid)
    ask(again, carol.uid, "same", "three")
    again.expect("ACK", serverMsgId=first)
    assert carol.settle() == [] and bob.settle() == []
    ask(carol, bob.uid, "same", "mine")
    assert carol.expect("ACK")["serverMsgId"] != first
    decide(server, bob.uid, first, "reject").ok()
    again.expect("FRIEND_DECISION", serverMsgId=first, body="rejected")
    ask(again, bob.uid, "same")  # still the answered one
    again.expect("ACK", serverMsgId=first)
    assert [row["status"] for row in requests_of(server, alice.uid)] == ["REJECTED"]


def test_a_pending_request_answers_a_new_client_id(server, pair):
    alice, bob = pair
    ask(alice, bob.uid, "a", "one")
    first = alice.expect("ACK")["serverMsgId"]
    ask(alice, bob.uid, "b", "two")
    assert "body" not in alice.expect("ACK", clientMsgId="b", serverMsgId=first)
    bob.expect("FRIEND_REQUEST", clientMsgId="a")
    assert bob.settle() == [] and len(requests_of(server, bob.uid)) == 1
    decide(server, bob.uid, first, "reject").ok()
    alice.expect("FRIEND_DECISION")
    ask(alice, bob.uid, "b")
    alice.expect("ACK", serverMsgId=first)
    ask(alice, bob.uid, "c")
    assert alice.expect("ACK", clientMsgId="c")["serverMsgId"] != first


def test_many_at_once_are_each_answered(connect, uid):
    """They do not wait for each other: the answers come in any order, one for each."""
    alice = connect(uid())
    peers = [uid() for _ in range(30)]
    for peer in peers:
        ask(alice, peer, f"m{peer}")
    got = [alice.expect("ACK") for _ in peers]
    assert {ack["clientMsgId"] for ack in got} == {f"m{peer}" for peer in peers}
    assert len({ack["serverMsgId"] for ack in got}) == len(peers)


def test_crossing_at_once(server, connect, uid):
    for _ in range(5):
        alice, bob = connect(uid()), connect(uid())
        ask(alice, bob.uid, "x")
        ask(bob, alice.uid, "x")
        ours, theirs = alice.find("ACK")["serverMsgId"], bob.find("ACK")["serverMsgId"]
        assert ours != theirs
        one, other = decide(server, bob.uid, ours).ok(), decide(server, alice.uid, theirs).ok()
        assert one == other
        assert len(server.api_of(alice.uid).get("/friend/relation/list").ok()) == 1


def test_to_nobody(launch, opened, uid):
    """As for messages: who need not be known need not exist."""
    from support.im import Client
    server = launch({"im.auth.require-known-user": True})
    session = server.api().login("somebody")
    client = Client(server, token=None)
    opened.append(client)
    client.uid = int(session["userId"])
    client.auth(session["accessToken"])
    ask(client, uid(), "f-1")
    client.expect("ERROR", reason="user_not_found", clientMsgId="f-1")
    other = server.api().login("other")["userId"]
    ask(client, other, "f-1")  # what was refused has used nothing up
    client.expect("ACK", clientMsgId="f-1", ackType="saved")


# ---- im.chat.require-friendship ----

def test_only_friends_may_write(launch, connect, uid):
    server = launch({"im.chat.require-friendship": True})
    alice, bob = connect(uid(), server), connect(uid(), server)
    alice.send_json(type="SINGLE_CHAT", clientMsgId="m", to=str(bob.uid), body="hi")
    refused = alice.expect("ERROR", reason="not_friend", clientMsgId="m")
    assert refused["serverMsgId"]
    ask(alice, bob.uid, "f")
    request = alice.expect("ACK")["serverMsgId"]
    bob.expect("FRIEND_REQUEST")
    alice.send_json(type="SINGLE_CHAT", clientMsgId="m", to=str(bob.uid), body="hi")
    alice.expect("ERROR", reason="not_friend")
    decide(server, bob.uid, request).ok()
    alice.expect("FRIEND_DECISION")
    for _ in range(2):  # asked for, then remembered
        assert alice.chat(bob.uid, "hi")["msgSeq"]
        bob.expect("SINGLE_CHAT", body="hi")
    bob.chat(alice.uid, "hello")
    alice.expect("SINGLE_CHAT", body="hello")
    bob.send_json(type="SINGLE_CHAT", clientMsgId="m", to=str(uid()), body="hi")
    bob.expect("ERROR", reason="not_friend")
