# SPDX-License-Identifier: Apache-2.0
"""W-3.9 MESSAGE_REVOKE, W-8.6 who learns of it."""
import threading

import pytest

from support.groups import Group
from support.wait import until

pytestmark = pytest.mark.tsan

GONE = "已撤回"


@pytest.mark.parametrize("fields, reason, echoed", [
    (dict(), "missing_server_msg_id", False),
    (dict(serverMsgId=""), "missing_server_msg_id", False),
    (dict(serverMsgId=" \u3000"), "missing_server_msg_id", False),
    (dict(serverMsgId="x"), "bad_server_msg_id", True),
    (dict(serverMsgId=" 0 "), "bad_server_msg_id", True),
    (dict(serverMsgId="-1"), "bad_server_msg_id", True),
    (dict(serverMsgId="1.0"), "bad_server_msg_id", True),
    (dict(serverMsgId="9223372036854775808"), "bad_server_msg_id", True),
    (dict(serverMsgId="9" * 5000), "bad_server_msg_id", True),
    (dict(serverMsgId="12"), "message_not_found", True),
    (dict(serverMsgId=" 12\t"), "message_not_found", True),
    (dict(serverMsgId="9223372036854775807"), "message_not_found", True),
], ids=lambda v: str(v)[:40])
@pytest.mark.parametrize("client_id", ["r-1", None], ids=["id", "no_id"])
def test_validation(connect, uid, fields, reason, echoed, client_id):
    client = connect(uid())
    client.send_json(type="MESSAGE_REVOKE", **({"clientMsgId": client_id} if client_id else {}), **fields)
    got = client.expect("ERROR", reason=reason)
    assert got.get("clientMsgId") == client_id
    assert got.get("serverMsgId") == (fields["serverMsgId"] if echoed else None)
    client.expect_alive()


def revoke(client, server_id, **fields):
    client.send_json(type="MESSAGE_REVOKE", serverMsgId=server_id, **fields)
    return client.recv()


def test_both_are_told(pair):
    sender, receiver = pair
    saved = sender.chat(receiver.uid, "a secret")
    receiver.expect("SINGLE_CHAT", body="a secret")
    for _ in range(2):
        ack = revoke(sender, saved["serverMsgId"], clientMsgId="r")
        assert set(ack) == {"type", "clientMsgId", "serverMsgId", "from", "ackType", "ts"}, ack
        assert (ack["type"], ack["ackType"], ack["from"]) == ("ACK", "revoked", str(sender.uid))
        for client in pair:
            told = client.expect("MESSAGE_REVOKED")
            assert set(told) == {"type", "serverMsgId", "from", "to", "ts"}, told
            assert told["serverMsgId"] == saved["serverMsgId"]
            assert (told["from"], told["to"]) == (str(sender.uid), str(receiver.uid))
    sender.expect_alive()
    # Who has just connected may be told once more, with what he missed (W-8.6.3).
    assert all(b'"MESSAGE_REVOKED"' in frame.payload for frame in receiver.settle() if frame.opcode == TEXT)


def test_only_by_its_sender(pair, connect, uid):
    sender, receiver = pair
    saved = sender.chat(receiver.uid, "mine")
    receiver.expect("SINGLE_CHAT")
    for other in (receiver, connect(uid())):
        got = revoke(other, saved["serverMsgId"], clientMsgId="r")
        assert (got["type"], got["reason"]) == ("ERROR", "not_message_sender")
        assert got["serverMsgId"] == saved["serverMsgId"]
    sender.expect_alive()


def test_resent_messages_and_history_show_the_placeholder(connect, uid, server):
    sender, absent = connect(uid()), uid()
    saved = sender.chat(absent, "never seen")
    revoke(sender, saved["serverMsgId"])
    receiver = connect(absent)
    assert receiver.expect("SINGLE_CHAT", serverMsgId=saved["serverMsgId"])["body"] == GONE
    page = server.api_of(sender.uid).get("/single-chat/message/cursor", peerUserId=absent).ok()
    assert [(row["content"], row["status"]) for row in page] == [(GONE, "REVOKED")]
    chats = server.api_of(absent).get("/single-chat/conversation/cursor").ok()
    assert chats[0]["lastMessage"]["content"] == GONE


def test_lists_keep_their_order(connect, uid, server):
    """H-7.4.1, H-7.7.1: a revocation changes what a list shows; its place is the last message's."""
    sender, absent = connect(uid()), uid()
    older = sender.chat(absent, "never seen")["serverMsgId"]
    group = Group(server, sender.uid).join(absent)
    sender.send_json(type="GROUP_CHAT", clientMsgId="g", groupId=group.id, body="never seen")
    in_group = sender.find("ACK", ackType="saved")["serverMsgId"]
    newer = connect(uid())
    newer.chat(absent, "later")
    api = server.api_of(absent)
    lists = [(path, older if "single" in path else in_group)
             for path in ("/single-chat/conversation/cursor", "/group/conversation/cursor")]
    before = [api.get(path).ok() for path, _ in lists]
    assert [row["peerUserId"] for row in before[0]] == [str(newer.uid), str(sender.uid)]
    for _, revoked in lists:
        sender.send_json(type="MESSAGE_REVOKE", serverMsgId=revoked)
        sender.find("ACK", ackType="revoked", serverMsgId=revoked)
    for (path, revoked), rows in zip(lists, before):
        for row in rows:
            if row["lastMessage"]["serverMsgId"] == revoked:
                row["lastMessage"]["content"] = GONE
        assert api.get(path).ok() == rows


def test_one_who_was_away_learns_of_it(connect, uid):
    sender, other = connect(uid()), uid()
    receiver = connect(other)
    saved = sender.chat(other, "seen")
    receiver.ack(receiver.expect("SINGLE_CHAT"), "read")
    sender.expect("ACK", ackType="read")
    receiver.close()
    revoke(sender, saved["serverMsgId"])
    receiver = connect(other)
    receiver.expect("MESSAGE_REVOKED", serverMsgId=saved["serverMsgId"])
    receiver.close()  # the PING behind it unread and unanswered: not known to have arrived
    receiver = connect(other)
    receiver.expect("MESSAGE_REVOKED", serverMsgId=saved["serverMsgId"])
    receiver.expect_alive()  # it has answered the PING, ...
    receiver.chat(uid(), "fence")  # ... and that is stored, as what came behind it is
    receiver.close()
    receiver = connect(other)
    receiver.expect_alive()


@pytest.fixture(scope="module")
def short(launch_module):
    return launch_module({"im.chat.revoke-window-seconds": 1, "im.gateway.ws.rate-limit.connection-rate": 0,
                          "im.gateway.ws.rate-limit.user-rate": 0})


def test_too_late(short, connect, uid):
    sender, other = connect(uid(), short), uid()
    saved = sender.chat(other, "old")
    got = revoke(sender, saved["serverMsgId"], clientMsgId="r")
    while got.get("ackType") == "revoked":  # until it is older than a second
        sender.expect("MESSAGE_REVOKED")
        got = revoke(sender, saved["serverMsgId"], clientMsgId="r")
    assert (got["type"], got["reason"], got["clientMsgId"]) == ("ERROR", "revoke_timeout", "r")
    sender.expect_alive()


def test_survives_a_kill(launch, connect, uid):
    server = launch()
    sender, other = connect(uid(), server), uid()
    saved = sender.chat(other, "gone for good")
    assert revoke(sender, saved["serverMsgId"])["ackType"] == "revoked"
    server.kill()
    server.start()
    receiver = connect(other, server)
    assert receiver.expect("SINGLE_CHAT")["body"] == GONE
    receiver.expect("MESSAGE_REVOKED", serverMsgId=saved["serverMsgId"])


def at_once(*calls):
    barrier = threading.Barrier(len(calls))

    def run(call):
        barrier.wait()
        call()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_revoked_and_read_at_once(server, connect, uid):
    """Whichever comes first: it is revoked and read then, everywhere, and addresses nobody any more."""
    owner, reader = uid(), uid()
    group = Group(server, owner).join(reader)
    sender, receiver = connect(owner), connect(reader)
    for number in range(10):
        sender.send_json(type="GROUP_CHAT", clientMsgId=f"g{number}", groupId=group.id, body="psst", mentions=[str(reader)])
        saved = sender.find("ACK", ackType="saved", clientMsgId=f"g{number}")
        message = receiver.find("GROUP_CHAT", serverMsgId=saved["serverMsgId"])
        at_once(lambda: sender.send_json(type="MESSAGE_REVOKE", serverMsgId=saved["serverMsgId"]),
                lambda: receiver.ack(message, "read"))
        sender.find("ACK", ackType="revoked", serverMsgId=saved["serverMsgId"])
        receiver.find("MESSAGE_REVOKED", serverMsgId=saved["serverMsgId"])

        def row():
            return server.api_of(reader).get("/group/conversation/cursor").ok()[0]
        until(lambda: row()["unreadCount"] == 0, "the receipt")
        assert (row()["mentionUnreadCount"], row()["lastMessage"]["content"]) == (0, GONE)
    history = server.api_of(reader).get("/group/message/since", groupId=group.id).ok()
    assert [message["status"] for message in history] == ["REVOKED"] * 10


def test_revoked_and_read_at_once_by_two(server, pair):
    sender, receiver = pair
    for number in range(10):
        saved = sender.chat(receiver.uid, "psst")
        message = receiver.find("SINGLE_CHAT", serverMsgId=saved["serverMsgId"])
        at_once(lambda: sender.send_json(type="MESSAGE_REVOKE", serverMsgId=saved["serverMsgId"]),
                lambda: receiver.ack(message, "read"))
        sender.find("ACK", ackType="revoked", serverMsgId=saved["serverMsgId"])
        sender.find("ACK", ackType="read", serverMsgId=saved["serverMsgId"])
        sender.find("MESSAGE_REVOKED", serverMsgId=saved["serverMsgId"])
        receiver.find("MESSAGE_REVOKED", serverMsgId=saved["serverMsgId"])
    (row,) = server.api_of(receiver.uid).get("/single-chat/conversation/cursor").ok()
    assert (row["unreadCount"], row["lastMessage"]["content"]) == (0, GONE)
