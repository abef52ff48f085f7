# SPDX-License-Identifier: Apache-2.0
"""W-8.1 to W-8.3 (and W-7.2, W-11.3): nothing is missed."""
import pytest

pytestmark = pytest.mark.tsan


def send_many(client, to, count, prefix=""):
    """Sends without waiting between; returns the ACKs."""
    for i in range(count):
        client.send_chat(to, f"{prefix}{i}")
    return [client.find("ACK", ackType="saved") for _ in range(count)]


def test_offline_message_comes_after_auth(connect, uid):
    sender, peer = connect(uid()), uid()
    saved = sender.chat(peer, "while away", "off-1", msgType="TEXT")
    receiver = connect(peer)  # has read AUTH_OK already: it comes first
    got = receiver.expect("SINGLE_CHAT", clientMsgId="off-1", serverMsgId=saved["serverMsgId"], msgSeq=1,
                          from_=str(sender.uid), to=str(peer), msgType="text", body="while away")
    assert set(got) == {"type", "clientMsgId", "serverMsgId", "msgSeq", "from", "to", "msgType", "body", "ts"}
    assert abs(got["ts"] - saved["ts"]) < 60_000


def test_resend_until_acknowledged(connect, uid):
    sender, peer = connect(uid()), uid()
    sender.chat(peer)
    for _ in range(3):
        got = connect(peer).expect("SINGLE_CHAT", msgSeq=1)
    receiver = connect(peer)
    receiver.expect("SINGLE_CHAT")
    receiver.ack(got)
    sender.expect("ACK", ackType="delivered")
    connect(peer).expect_alive()


def test_quick_reconnect_gets_its_messages(connect, uid):
    """No 10 s lock-out (W-8.2)."""
    sender, peer = connect(uid()), uid()
    for i in range(5):
        sender.chat(peer, str(i))
        receiver = connect(peer)
        for k in range(i + 1):
            receiver.expect("SINGLE_CHAT", body=str(k))
        receiver.close()


def test_order_within_a_conversation(connect, uid):
    peer = uid()
    senders = [connect(uid()) for _ in range(3)]
    for i in range(20):
        for sender in senders:
            sender.chat(peer, str(i))
    receiver = connect(peer)
    by_sender = {}
    for _ in range(60):
        got = receiver.expect("SINGLE_CHAT")
        by_sender.setdefault(got["from"], []).append(got["msgSeq"])
    assert set(map(tuple, by_sender.values())) == {tuple(range(1, 21))}
    receiver.expect_alive()


def test_backlog_beyond_the_window_is_paged_by_acks(connect, uid):
    """At most 200 unacknowledged resent frames; ACKs bring the rest, all of it, in order."""
    sender, peer = connect(uid()), uid()
    send_many(sender, peer, 730)
    receiver = connect(peer)
    first = [receiver.expect("SINGLE_CHAT", msgSeq=i + 1) for i in range(200)]
    receiver.expect_alive()
    for message in first:
        receiver.ack(message)
    for seq in range(201, 731):
        receiver.ack(receiver.expect("SINGLE_CHAT", msgSeq=seq))
    while sender.find("ACK", ackType="delivered")["msgSeq"] < 730:
        pass
    connect(peer).expect_alive()


def test_window_is_configurable(launch, connect, uid):
    server = launch({"im.gateway.ws.resend.window": 10})
    sender, peer = connect(uid(), server), uid()
    for i in range(25):
        sender.chat(peer, str(i))
    receiver = connect(peer, server)
    got = [receiver.expect("SINGLE_CHAT") for _ in range(10)]
    receiver.expect_alive()
    for message in got:
        receiver.ack(message)
    for _ in range(15):
        message = receiver.expect("SINGLE_CHAT")
        got.append(message)
        receiver.ack(message)
    assert [m["msgSeq"] for m in got] == list(range(1, 26))


def test_live_pushes_are_not_held_back_by_the_window(launch, connect, uid):
    server = launch({"im.gateway.ws.resend.window": 5})
    sender, other, peer = connect(uid(), server), connect(uid(), server), uid()
    for i in range(20):
        sender.chat(peer, str(i))
    receiver = connect(peer, server)
    for i in range(5):
        receiver.expect("SINGLE_CHAT", body=str(i))
    other.chat(peer, "live")
    receiver.expect("SINGLE_CHAT", body="live", from_=str(other.uid))


@pytest.fixture
def half_resent(launch, connect, uid):
    """Five of twenty are resent, none acknowledged, and then a live one was: (server, receiver, peer, first)."""
    server = launch({"im.gateway.ws.resend.window": 5})
    sender, peer = connect(uid(), server), uid()
    for i in range(20):
        sender.chat(peer, str(i))
    receiver = connect(peer, server)
    first = [receiver.expect("SINGLE_CHAT", msgSeq=i + 1) for i in range(5)]
    sender.chat(peer, "live")
    receiver.ack(receiver.expect("SINGLE_CHAT", body="live", msgSeq=21))
    return server, receiver, peer, first


def test_ack_of_a_live_message_does_not_end_the_resend(half_resent):
    """W-7.2: the cursor must not jump over what the resend has still to send."""
    _, receiver, _, first = half_resent
    for message in first:
        receiver.ack(message)
    for seq in range(6, 21):
        receiver.ack(receiver.expect("SINGLE_CHAT", msgSeq=seq))


def test_ack_of_a_live_message_does_not_hide_the_backlog_from_the_next_connection(half_resent, connect):
    server, receiver, peer, _ = half_resent
    receiver.close()
    again = connect(peer, server)
    for seq in range(1, 21):
        message = again.expect("SINGLE_CHAT", msgSeq=seq)
        again.ack(message)


def test_messages_during_the_resend_are_not_lost(connect, uid):
    """Live traffic and resend of the same chat at once: every message at least once, ACKs settle it."""
    sender, peer = connect(uid()), uid()
    send_many(sender, peer, 150, "old-")
    receiver = connect(peer)
    for i in range(150):
        sender.send_chat(peer, f"new-{i}")
    seen = set()
    while len(seen) < 300:
        got = receiver.expect("SINGLE_CHAT")
        seen.add(got["msgSeq"])
        receiver.ack(got)
    assert seen == set(range(1, 301))


def test_resend_can_be_switched_off(launch, connect, uid):
    server = launch({"im.gateway.ws.resend.after-auth-enabled": False, "im.cron.resend.enabled": False})
    sender, peer = connect(uid(), server), uid()
    sender.chat(peer, "kept")
    receiver = connect(peer, server)
    sender.chat(peer, "live")
    receiver.expect("SINGLE_CHAT", body="live", msgSeq=2)


def test_not_after_a_second_auth_or_reauth(server, connect, uid):
    sender, peer = connect(uid()), uid()
    sender.chat(peer)
    receiver = connect(peer)
    receiver.expect("SINGLE_CHAT")
    receiver.send_json(type="AUTH", token=server.token(peer))
    receiver.expect("AUTH_OK")
    receiver.send_json(type="REAUTH", token=server.token(peer))
    receiver.expect("AUTH_OK")
    sender.chat(peer, "fence")
    receiver.expect("SINGLE_CHAT", body="fence")


def test_a_user_may_be_the_larger_or_the_smaller_id(connect, uid):
    low, high = uid(), uid()
    connect(low).chat(high, "up")
    receiver = connect(high)
    receiver.ack(receiver.expect("SINGLE_CHAT", body="up", from_=str(low)))
    receiver.chat(low, "down")
    connect(low).expect("SINGLE_CHAT", body="down", from_=str(high), msgSeq=2)


def test_ones_own_messages_are_not_resent(connect, uid):
    user, peer = uid(), uid()
    connect(user).chat(peer)
    connect(user).expect_alive()


# ---- periodic


@pytest.fixture(scope="module")
def periodic(launch_module):
    return launch_module({"im.cron.resend.fixed-delay-ms": 700})


def test_periodic_resend_on_the_same_connection(periodic, connect, uid):
    sender, receiver = connect(uid(), periodic), connect(uid(), periodic)
    saved = sender.chat(receiver.uid, "hear me")
    receiver.expect("SINGLE_CHAT", serverMsgId=saved["serverMsgId"])
    again = receiver.expect("SINGLE_CHAT", serverMsgId=saved["serverMsgId"], msgSeq=1, body="hear me")
    receiver.ack(again)
    sender.expect("ACK", ackType="delivered")


def test_periodic_resend_repeats_until_acknowledged(periodic, connect, uid):
    sender, receiver = connect(uid(), periodic), connect(uid(), periodic)
    sender.chat(receiver.uid)
    for _ in range(4):
        got = receiver.expect("SINGLE_CHAT", msgSeq=1)
    receiver.ack(got)
    sender.expect("ACK", ackType="delivered")


def test_periodic_resend_leaves_acknowledged_alone(periodic, connect, uid):
    sender, receiver, witness = connect(uid(), periodic), connect(uid(), periodic), connect(uid(), periodic)
    sender.chat(receiver.uid)
    receiver.ack(receiver.expect("SINGLE_CHAT"))
    sender.expect("ACK", ackType="delivered")
    receiver.settle()  # a slow machine may have repeated it before the ACK was there
    sender.chat(witness.uid)
    for _ in range(3):  # three rounds of the other one's resend have passed
        witness.expect("SINGLE_CHAT")
    receiver.expect_alive()


def test_periodic_resend_can_be_switched_off(launch, periodic, connect, uid):
    server = launch({"im.cron.resend.enabled": False, "im.cron.resend.fixed-delay-ms": 300})
    sender, receiver = connect(uid(), server), connect(uid(), server)
    clock_sender, clock = connect(uid(), periodic), connect(uid(), periodic)
    sender.chat(receiver.uid)
    receiver.expect("SINGLE_CHAT")
    clock_sender.chat(clock.uid)
    for _ in range(3):
        clock.expect("SINGLE_CHAT")
    receiver.expect_alive()
