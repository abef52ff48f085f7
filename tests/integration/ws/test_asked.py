# SPDX-License-Identifier: Apache-2.0
"""W-10.3: what the server asks a client for does not count against it; default options."""
import json
import threading

import pytest

from support import tokens
from support.rawws import TEXT, frame

pytestmark = pytest.mark.tsan
KINDS = {"delivered": ("delivered",), "read": ("read",), "both": ("delivered", "read")}


@pytest.fixture(scope="module")
def limited(launch_module):
    return launch_module()


def fill(connect, uid, server, peer, senders, each, body="hello"):
    """Messages that wait for `peer`, as fast as the senders' own limits allow: at most 60 each."""
    assert each <= 60
    ids = set()
    for _ in range(senders):
        client = connect(uid(), server)
        for i in range(each):
            client.send_chat(peer, f"{body}{i}")
        ids |= {client.expect("ACK", ackType="saved")["serverMsgId"] for _ in range(each)}
    return ids


def receive(client, ids, kinds):
    """Acknowledges each message at once; every one comes, and comes once."""
    seen = []
    while len(seen) < len(ids):
        got = client.expect("SINGLE_CHAT")
        seen.append(got["serverMsgId"])
        for kind in kinds:
            client.ack(got, kind)
    assert len(set(seen)) == len(seen) and set(seen) == ids
    client.expect_alive()


@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS)
def test_backlog_acknowledged_at_once(limited, connect, uid, kinds):
    peer = uid()
    ids = fill(connect, uid, limited, peer, 8, 50)
    receive(connect(peer, limited), ids, kinds)
    connect(peer, limited).expect_alive()  # and nothing is left


def test_backlog_of_two_senders(limited, connect, uid):
    peer = uid()
    ids = fill(connect, uid, limited, peer, 2, 50)
    receive(connect(peer, limited), ids, ("delivered",))


def test_backlog_of_large_bodies_is_not_repeated(limited, connect, uid):
    """More than a socket and the watermarks hold: the run is cut and goes on."""
    peer = uid()
    ids = fill(connect, uid, limited, peer, 8, 50, "x" * 4000)
    receive(connect(peer, limited), ids, ("delivered", "read"))


@pytest.mark.parametrize("kinds", KINDS.values(), ids=KINDS)
def test_live_messages_acknowledged_at_once(limited, connect, uid, kinds):
    """More than both buckets hold, by senders within their limits."""
    receiver = connect(uid(), limited)
    ids = set()
    for _ in range(5):
        client = connect(uid(), limited)
        for i in range(50):
            client.send_chat(receiver.uid, str(i))
        for _ in range(50):
            ids.add(client.expect("ACK", ackType="saved")["serverMsgId"])
    receive(receiver, ids, kinds)


def test_backlog_and_live_messages_at_once(limited, connect, uid):
    """Live pushes while the resend is under way: none is missing, and each comes once."""
    peer = uid()
    ids = fill(connect, uid, limited, peer, 6, 50)
    senders = [connect(uid(), limited) for _ in range(4)]
    live = [set() for _ in senders]

    def send(client, saved):
        for i in range(50):
            client.send_chat(peer, f"live {i}")
        for _ in range(50):
            saved.add(client.find("ACK", ackType="saved")["serverMsgId"])

    threads = [threading.Thread(target=send, args=pair) for pair in zip(senders, live)]
    receiver = connect(peer, limited)
    for thread in threads:
        thread.start()
    seen = []
    while len(seen) < 500:
        got = receiver.expect("SINGLE_CHAT")
        seen.append(got["serverMsgId"])
        receiver.ack(got)
    for thread in threads:
        thread.join()
    assert set(seen) == ids.union(*live)
    receiver.expect_alive()  # and nothing behind them


def closes_within(client, count):
    """Reads what comes until the refusal."""
    for _ in range(count + 1):
        got = client.recv()
        if got.get("reason") == "too_many_requests":
            client.expect_close(1000, "Bye")
            return True
    return False


@pytest.mark.parametrize("which", ["unknown", "repeated", "foreign"])
def test_other_acks_count_as_before(limited, connect, uid, which):
    """Although as many messages were pushed and not acknowledged."""
    sender, other = connect(uid(), limited), connect(uid(), limited)
    receiver = connect(uid(), limited)
    foreign = sender.chat(other.uid)["serverMsgId"]
    for i in range(50):
        sender.send_chat(receiver.uid, str(i))
    got = [receiver.expect("SINGLE_CHAT") for _ in range(50)]
    ids = {"unknown": "1", "repeated": got[0]["serverMsgId"], "foreign": foreign}
    receiver.send(frame(TEXT, json.dumps(dict(
        type="ACK", ackType="delivered", serverMsgId=ids[which], to="1"))) * 200)
    assert closes_within(receiver, 200)


def test_no_more_acks_are_free_than_messages_were_pushed(limited, connect, uid):
    sender, receiver = connect(uid(), limited), connect(uid(), limited)
    for i in range(20):
        sender.send_chat(receiver.uid, str(i))
    got = [receiver.expect("SINGLE_CHAT")["serverMsgId"] for _ in range(20)]
    receiver.send(b"".join(frame(TEXT, json.dumps(dict(
        type="ACK", ackType="delivered", serverMsgId=got[i % 20], to="1"))) for i in range(300)))
    assert closes_within(receiver, 1)


def test_pongs_that_were_asked_for_are_free(launch, connect, uid):
    server = launch({"im.gateway.ws.writer-idle-ms": 100, "im.gateway.ws.rate-limit.connection-rate": 1,
                     "im.gateway.ws.rate-limit.connection-burst": 2})
    client = connect(uid(), server)
    for _ in range(12):
        client.expect("PING")
        client.send_json(type="PONG")
    client.send(frame(TEXT, json.dumps(dict(type="PONG"))) * 100)  # these were not
    assert closes_within(client, 20)


def test_reauth_ahead_of_expiry_is_free_once_a_token(launch, connect, uid):
    server = launch({"im.gateway.ws.rate-limit.connection-rate": 1,
                     "im.gateway.ws.rate-limit.connection-burst": 2})
    user = uid()
    client = connect(user, server)
    for i in range(12):
        client.send_json(type="REAUTH", token=tokens.sign(user, server.secret, ttl=10_000 + 100 * i))
        client.expect("AUTH_OK")
    same = tokens.sign(user, server.secret, ttl=5000)
    client.send(frame(TEXT, json.dumps(dict(type="REAUTH", token=same))) * 100)
    assert closes_within(client, 30)
