# SPDX-License-Identifier: Apache-2.0
"""W-3.8 ACK, 8.4 cursors, 8.5 receipts; decisions W-8.5 and "ACK without to"."""
import pytest

from support.wait import until

pytestmark = pytest.mark.tsan


def state(server, reader, peer):
    """The reader's and the peer's read cursors as HTTP tells them."""
    data = server.api_of(reader).get("/single-chat/member/state", peerUserId=peer).ok()
    return data["myLastReadMsgSeq"], data["peerLastReadMsgSeq"]


@pytest.mark.parametrize("fields, reason, echo_s", [
    (dict(to="1", serverMsgId="5"), "missing_ack_type", False),
    (dict(to="1", serverMsgId="5", ackType=""), "missing_ack_type", False),
    (dict(to="1", serverMsgId="5", ackType="  "), "missing_ack_type", False),
    (dict(to="1", serverMsgId="5", ackType="saved"), "unknown_ack_type", True),
    (dict(to="1", serverMsgId="5", ackType="revoked"), "unknown_ack_type", True),
    (dict(to="1", serverMsgId="5", ackType=" read"), "unknown_ack_type", True),
    (dict(to="1", serverMsgId="5", ackType="ack_delivered"), "unknown_ack_type", True),
    (dict(to="1", ackType="delivered"), "missing_server_msg_id", False),
    (dict(to="1", ackType="delivered", serverMsgId=" "), "missing_server_msg_id", False),
    (dict(to="1", ackType="delivered", serverMsgId="5"), "message_not_found", True),
    (dict(to="1", ackType="read", serverMsgId="no number"), "message_not_found", True),
    (dict(to="1", ackType="read", serverMsgId=" 5"), "message_not_found", True),
    (dict(to="1", ackType="read", serverMsgId="-5"), "message_not_found", True),
    (dict(to="1", ackType="read", serverMsgId="99999999999999999999"), "message_not_found", True),
], ids=lambda v: str(v)[:70])
def test_validation(connect, uid, fields, reason, echo_s):
    client = connect(uid())
    client.send_json(type="ACK", clientMsgId="c", **fields)
    client.error(reason, "c", fields["serverMsgId"] if echo_s else None)
    client.expect_alive()


@pytest.mark.parametrize("kind, receipt", [
    ("delivered", "delivered"), ("DELIVERED", "delivered"), ("read", "read"), ("Read", "read"),
    ("ack_read", "read"), ("ACK_READ", "read"),
])
def test_receipt(pair, kind, receipt):
    sender, receiver = pair
    saved = sender.chat(receiver.uid)
    receiver.ack(receiver.expect("SINGLE_CHAT"), kind, clientMsgId="ackd")
    got = sender.expect("ACK", ackType=receipt, serverMsgId=saved["serverMsgId"], msgSeq=1,
                        from_=str(receiver.uid), to=str(sender.uid))
    assert set(got) == {"type", "serverMsgId", "msgSeq", "from", "to", "ackType", "ts"}
    receiver.expect_alive()


def test_ack_without_to(pair):
    sender, receiver = pair
    saved = sender.chat(receiver.uid)
    receiver.expect("SINGLE_CHAT")
    receiver.send_json(type="ACK", ackType="delivered", serverMsgId=saved["serverMsgId"])
    sender.expect("ACK", ackType="delivered")


def test_value_of_to_is_not_used(pair):
    sender, receiver = pair
    saved = sender.chat(receiver.uid)
    receiver.send_json(type="ACK", ackType="delivered", serverMsgId=saved["serverMsgId"], to="424242")
    sender.expect("ACK", ackType="delivered", to=str(sender.uid))


def test_only_the_recipient_may_acknowledge(connect, uid, pair):
    sender, receiver = pair
    stranger = connect(uid())
    saved = sender.chat(receiver.uid)
    for client in (sender, stranger):
        client.send_json(type="ACK", ackType="read", serverMsgId=saved["serverMsgId"], to="1", clientMsgId="c")
        client.error("ack_not_allowed", "c", saved["serverMsgId"])


def test_receipt_only_when_the_cursor_advanced(pair):
    sender, receiver = pair
    for i in range(3):
        sender.chat(receiver.uid, str(i))
    messages = [receiver.expect("SINGLE_CHAT") for _ in range(3)]
    receiver.ack(messages[2])
    sender.expect("ACK", ackType="delivered", msgSeq=3)
    for message in (messages[2], messages[0], messages[1]):
        receiver.ack(message)
    receiver.ack(messages[0], "read")
    sender.expect("ACK", ackType="read", msgSeq=1)
    receiver.ack(messages[0], "read")
    receiver.ack(messages[1], "read")
    sender.expect("ACK", ackType="read", msgSeq=2)
    sender.expect_alive()


def test_receipts_of_many_acks_never_go_back(pair):
    sender, receiver = pair
    for i in range(100):
        sender.send_chat(receiver.uid, str(i))
    for _ in range(100):
        receiver.ack(receiver.expect("SINGLE_CHAT"))
    seen = []
    while not seen or seen[-1] < 100:
        got = sender.recv()
        if got["ackType"] == "delivered":
            seen.append(got["msgSeq"])
    assert seen == sorted(set(seen))


def test_read_cursor_over_http(server, pair):
    sender, receiver = pair
    sender.chat(receiver.uid)
    sender.chat(receiver.uid)
    first, second = receiver.expect("SINGLE_CHAT"), receiver.expect("SINGLE_CHAT")
    assert state(server, receiver.uid, sender.uid)[0] in (None, 0)
    receiver.ack(first, "read")
    until(lambda: state(server, receiver.uid, sender.uid)[0] == 1, "the reader's cursor")
    until(lambda: state(server, sender.uid, receiver.uid)[1] == 1, "the cursor as the sender sees it")
    receiver.ack(second, "delivered")
    sender.find("ACK", ackType="delivered", msgSeq=2)
    assert state(server, receiver.uid, sender.uid)[0] == 1


def test_read_implies_delivered(server, connect, uid):
    sender = connect(uid())
    receiver = connect(uid())
    for i in range(3):
        sender.chat(receiver.uid, str(i))
    messages = [receiver.expect("SINGLE_CHAT") for _ in range(3)]
    receiver.ack(messages[1], "read")
    sender.find("ACK", ackType="read", msgSeq=2)
    again = connect(receiver.uid)
    assert again.expect("SINGLE_CHAT")["msgSeq"] == 3
    again.expect_alive()


def test_offline_sender_gets_no_receipt_later(connect, uid):
    """Receipts are neither stored nor resent (8.5)."""
    sender, receiver = connect(uid()), connect(uid())
    sender.chat(receiver.uid)
    sender.close()
    receiver.ack(receiver.expect("SINGLE_CHAT"), "read")
    other = connect(uid())
    other.chat(receiver.uid, "fence")
    receiver.ack(receiver.expect("SINGLE_CHAT"))
    other.expect("ACK", ackType="delivered")
    connect(sender.uid).expect_alive()


def test_ack_of_an_old_message_after_a_restart(launch, connect, uid):
    """Not in memory any more: looked up in the store."""
    server = launch()
    user, peer = uid(), uid()
    saved = connect(user, server).chat(peer)
    server.restart()
    sender, receiver = connect(user, server), connect(peer, server)
    pushed = receiver.expect("SINGLE_CHAT", serverMsgId=saved["serverMsgId"])
    receiver.ack(pushed)
    sender.expect("ACK", ackType="delivered", serverMsgId=saved["serverMsgId"])


def test_cursors_survive_a_restart(launch, connect, uid):
    server = launch()
    user, peer = uid(), uid()
    sender, receiver = connect(user, server), connect(peer, server)
    sender.chat(peer, "one")
    sender.chat(peer, "two")
    receiver.ack(receiver.expect("SINGLE_CHAT"), "read")
    sender.find("ACK", ackType="read")
    server.restart()
    assert state(server, peer, user)[0] == 1
    again = connect(peer, server)
    again.expect("SINGLE_CHAT", body="two", msgSeq=2)
    again.expect_alive()
