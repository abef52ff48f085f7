# SPDX-License-Identifier: Apache-2.0
"""W-3.5 SINGLE_CHAT, W-6 client ids, W-7 order."""
import concurrent.futures
import json

import pytest

from support.rawws import TEXT, frame

pytestmark = pytest.mark.tsan

EMOJI = "😀"  # two UTF-16 units


# ---- validation, in order


@pytest.mark.parametrize("fields, reason", [
    (dict(), "missing_msg_id"),
    (dict(clientMsgId="", to="1", body="x"), "missing_msg_id"),
    (dict(clientMsgId=" \t", to="1", body="x"), "missing_msg_id"),
    (dict(clientMsgId="c"), "missing_to"),
    (dict(clientMsgId="c", body="x"), "missing_to"),
    (dict(clientMsgId="c", to="", body="x"), "missing_to"),
    (dict(clientMsgId="c", to="5"), "missing_body"),
    (dict(clientMsgId="c", to="5", body=""), "missing_body"),
    (dict(clientMsgId="c", to="5", body=" \n\t\r"), "missing_body"),
    (dict(clientMsgId="c", to="5", body="\u3000\u2003\u2028\u001c"), "missing_body"),
    (dict(clientMsgId="c", to="5", body="x" * 4097), "body_too_long"),
    (dict(clientMsgId="c", to="5", body=EMOJI * 2048 + "x"), "body_too_long"),
], ids=lambda v: v if isinstance(v, str) else json.dumps(v)[:50])
def test_validation(connect, uid, fields, reason):
    client = connect(uid())
    client.send_json(type="SINGLE_CHAT", serverMsgId="not echoed", **fields)
    client.error(reason, fields.get("clientMsgId"))
    client.expect_alive()


@pytest.mark.parametrize("body", ["x", "x" * 4096, EMOJI * 2048, "é" * 4096, "\u00a0", "\u200b", "\u0085", "\ufeff"],
                         ids=lambda b: f"{b[:1]!r}x{len(b)}")
def test_accepted_bodies(pair, body):
    sender, receiver = pair
    assert sender.chat(receiver.uid, body)["body"] == body
    receiver.expect("SINGLE_CHAT", body=body)


def test_to_oneself(connect, uid):
    client = connect(uid())
    client.send_json(type="SINGLE_CHAT", clientMsgId="c", to=str(client.uid), body="x")
    client.error("cannot_send_to_self", "c")


@pytest.mark.parametrize("to", [0, -1, -9223372036854775808])
def test_impossible_recipient(connect, uid, to):
    client = connect(uid())
    client.send_chat(to, cmid="c")
    got = client.expect("ERROR", clientMsgId="c")
    assert got["reason"] in ("internal_error", "missing_to"), got
    client.expect_alive()


def test_recipient_need_not_exist(connect, uid):
    client = connect(uid())
    assert client.chat(9_000_000_000_000_000_000)["msgSeq"] == 1


def test_client_id_of_64_and_of_65(pair):
    sender, receiver = pair
    sender.chat(receiver.uid, cmid="c" * 64)
    receiver.expect("SINGLE_CHAT", clientMsgId="c" * 64)
    sender.send_chat(receiver.uid, cmid="d" * 65)
    got = sender.expect("ERROR", clientMsgId="d" * 65)
    assert got["reason"] in ("internal_error", "missing_msg_id"), got
    sender.expect_alive()


@pytest.mark.parametrize("text", ["t" * 64, EMOJI * 32, "é" * 64], ids=["ascii", "emoji", "two bytes"])
def test_msg_type_of_64_and_of_65(pair, text):
    """Counted in UTF-16 units (18.1)."""
    sender, receiver = pair
    sender.chat(receiver.uid, msgType=text)
    receiver.expect("SINGLE_CHAT", msgType=text)
    sender.send_chat(receiver.uid, cmid="long", msgType=text + "x")
    assert "serverMsgId" in sender.expect("ERROR", reason="internal_error", clientMsgId="long")
    sender.expect_alive()
    receiver.expect_alive()


@pytest.mark.parametrize("raw", [r"\ud800", r"\uDFFF", r"a\udc00b", r"\ud83d\ude00\ud83d"])
def test_client_id_with_an_unpaired_surrogate(pair, raw):
    """Two ids must never become one: the second message would be lost as a duplicate (18.1)."""
    sender, receiver = pair
    head = f'{{"type":"SINGLE_CHAT","to":"{receiver.uid}","body":"x","clientMsgId":"'
    sender.send(frame(TEXT, head + raw + '"}'))
    assert "serverMsgId" in sender.expect("ERROR", reason="internal_error")
    sender.chat(receiver.uid, cmid="?")  # what it would have become
    receiver.expect("SINGLE_CHAT", clientMsgId="?", msgSeq=1)


# ---- success


def test_ack_and_push(server, pair):
    sender, receiver = pair
    saved = sender.chat(receiver.uid, "hello", msgType="TEXT", ts=1)
    assert saved["msgSeq"] == 1 and saved["body"] == "hello"
    assert saved["serverMsgId"].isdigit() and int(saved["serverMsgId"]) > 2 * 10 ** 18
    pushed = receiver.expect("SINGLE_CHAT", serverMsgId=saved["serverMsgId"], msgSeq=1, from_=str(sender.uid),
                             to=str(receiver.uid), msgType="TEXT", body="hello", clientMsgId=saved["clientMsgId"])
    assert abs(pushed["ts"] - saved["ts"]) < 60_000


def test_both_directions_share_one_sequence(pair):
    a, b = pair
    for i in range(1, 11):
        sender, receiver = (a, b) if i % 2 else (b, a)
        assert sender.chat(receiver.uid, str(i))["msgSeq"] == i
        assert receiver.expect("SINGLE_CHAT", body=str(i))["msgSeq"] == i


def test_offline_recipient(connect, uid):
    client = connect(uid())
    assert client.chat(uid())["msgSeq"] == 1


def test_sender_gets_no_push_of_its_own(pair):
    sender, receiver = pair
    sender.chat(receiver.uid)
    sender.expect_alive()


def test_no_frame_to_anybody_else(connect, uid):
    bystander, sender, receiver = connect(uid()), connect(uid()), connect(uid())
    sender.chat(receiver.uid)
    receiver.expect("SINGLE_CHAT")
    bystander.expect_alive()


# ---- idempotency


def test_duplicate_gets_the_first_result(pair):
    sender, receiver = pair
    first = sender.chat(receiver.uid, "one", "same")
    again = sender.chat(receiver.uid, "another body", "same")
    assert (again["serverMsgId"], again["msgSeq"]) == (first["serverMsgId"], first["msgSeq"])
    assert "body" not in again
    sender.chat(receiver.uid, "fence")
    receiver.expect("SINGLE_CHAT", body="one")
    receiver.expect("SINGLE_CHAT", body="fence", msgSeq=2)


def test_duplicates_in_one_packet(pair):
    """The second is answered when the first one's outcome is known, with its result (W-6.3)."""
    sender, receiver = pair
    one = frame(TEXT, json.dumps(dict(type="SINGLE_CHAT", clientMsgId="d", to=str(receiver.uid), body="x")))
    sender.send(one * 10)
    results = [sender.expect("ACK", ackType="saved", clientMsgId="d") for _ in range(10)]
    assert len({(r["serverMsgId"], r["msgSeq"]) for r in results}) == 1
    assert ["body" in r for r in results] == [True] + [False] * 9
    receiver.expect("SINGLE_CHAT")
    receiver.expect_alive()


def test_duplicates_on_two_connections_at_once(server, connect, uid):
    user, peer = uid(), uid()
    first = connect(user)
    first.send_chat(peer, "x", "racing")
    second = connect(user)
    second.send_chat(peer, "x", "racing")
    result = second.expect("ACK", ackType="saved")
    history = server.api_of(peer).get("/single-chat/message/cursor", peerUserId=user).ok()
    assert [m["serverMsgId"] for m in history] == [result["serverMsgId"]]


def test_same_id_for_another_recipient_is_a_new_message(connect, uid):
    sender, one, two = connect(uid()), connect(uid()), connect(uid())
    first = sender.chat(one.uid, "x", "shared-id")
    second = sender.chat(two.uid, "x", "shared-id")
    assert first["serverMsgId"] != second["serverMsgId"] and "body" in second
    one.expect("SINGLE_CHAT", serverMsgId=first["serverMsgId"])
    two.expect("SINGLE_CHAT", serverMsgId=second["serverMsgId"])


def test_same_id_of_another_sender_is_a_new_message(connect, uid):
    receiver, one, two = connect(uid()), connect(uid()), connect(uid())
    assert one.chat(receiver.uid, "x", "mine")["serverMsgId"] != two.chat(receiver.uid, "x", "mine")["serverMsgId"]


@pytest.mark.parametrize("variant", ["ID", "id ", " id", "i\u0301d"])
def test_client_ids_are_compared_exactly(pair, variant):
    sender, receiver = pair
    first = sender.chat(receiver.uid, "x", "id")
    assert sender.chat(receiver.uid, "x", variant)["serverMsgId"] != first["serverMsgId"]


def test_retry_after_reconnect_and_after_restart(launch, connect, uid):
    server = launch()
    user, peer = uid(), uid()
    first = connect(user, server).chat(peer, "once", "retry-me")
    again = connect(user, server).chat(peer, "once", "retry-me")
    assert (again["serverMsgId"], again["msgSeq"]) == (first["serverMsgId"], first["msgSeq"])
    server.restart()
    client = connect(user, server)
    later = client.chat(peer, "once", "retry-me")
    assert (later["serverMsgId"], later["msgSeq"]) == (first["serverMsgId"], first["msgSeq"])
    assert client.chat(peer, "next")["msgSeq"] == 2


# ---- order


def test_pipelined_messages_keep_their_order(pair):
    sender, receiver = pair
    count = 500
    sender.send(b"".join(
        frame(TEXT, json.dumps(dict(type="SINGLE_CHAT", clientMsgId=f"o{i}", to=str(receiver.uid), body=str(i))))
        for i in range(count)))
    acks = [sender.expect("ACK", ackType="saved") for _ in range(count)]
    assert [a["clientMsgId"] for a in acks] == [f"o{i}" for i in range(count)]
    assert [a["msgSeq"] for a in acks] == list(range(1, count + 1))
    pushes = [receiver.expect("SINGLE_CHAT") for _ in range(count)]
    assert [p["msgSeq"] for p in pushes] == list(range(1, count + 1))
    assert [p["serverMsgId"] for p in pushes] == [a["serverMsgId"] for a in acks]
    ids = [int(a["serverMsgId"]) for a in acks]
    assert ids == sorted(ids) and len(set(ids)) == count


def test_errors_of_chat_frames_keep_their_place(pair):
    """7.1: validation errors come in turn, between the ACKs of their neighbours."""
    sender, receiver = pair
    for i in range(30):
        sender.send_json(type="SINGLE_CHAT", clientMsgId=f"e{i}", to=str(receiver.uid), body="" if i % 3 == 1 else "x")
    for i in range(30):
        got = sender.recv()
        assert got["clientMsgId"] == f"e{i}"
        assert got["type"] == ("ERROR" if i % 3 == 1 else "ACK")


def test_conversations_of_one_connection_keep_their_order(connect, uid):
    sender, peers = connect(uid()), [connect(uid()) for _ in range(5)]
    for i in range(100):
        sender.send_chat(peers[i % 5].uid, str(i))
    for i in range(100):
        sender.expect("ACK", body=str(i), msgSeq=i // 5 + 1)
    for k, peer in enumerate(peers):
        for n in range(20):
            peer.expect("SINGLE_CHAT", body=str(5 * n + k), msgSeq=n + 1)


def test_two_senders_of_one_chat_get_distinct_numbers(server, connect, uid):
    a, b = connect(uid()), connect(uid())

    def send_all(sender, receiver):
        for i in range(100):
            sender.send_chat(receiver.uid, f"{sender.uid}-{i}")
        return [sender.find("ACK", ackType="saved")["msgSeq"] for _ in range(100)]

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(send_all, a, b), pool.submit(send_all, b, a)]
        ours, theirs = (job.result() for job in jobs)
    assert ours == sorted(ours) and theirs == sorted(theirs)
    assert sorted(ours + theirs) == list(range(1, 201))


def test_queued_messages_survive_the_end_of_the_connection(connect, uid):
    """7.1: what was received is stored and pushed although the sender is gone."""
    receiver, sender = connect(uid()), connect(uid())
    sender.send(b"".join(
        frame(TEXT, json.dumps(dict(type="SINGLE_CHAT", clientMsgId=f"q{i}", to=str(receiver.uid), body=str(i))))
        for i in range(50)))
    sender.expect("ACK", body="0")
    sender.close()
    got = receiver.expect("SINGLE_CHAT", body="0")
    assert got["msgSeq"] == 1


def test_many_pairs_at_once(connect, uid):
    pairs = [(connect(uid()), connect(uid())) for _ in range(40)]
    for sender, receiver in pairs:
        for i in range(10):
            sender.send_chat(receiver.uid, str(i))
    for sender, receiver in pairs:
        for i in range(10):
            sender.expect("ACK", body=str(i), msgSeq=i + 1)
            receiver.expect("SINGLE_CHAT", body=str(i), msgSeq=i + 1)
