# SPDX-License-Identifier: Apache-2.0
"""W-11 and docs/architecture.md: a slow reader costs itself, and misses nothing."""
import pytest

from support.rawws import TEXT, frame
from support.wait import Deadline, until

BODY = "x" * 4000
SLOW = "ws backpressure: closing slow consumer channel"


@pytest.fixture(scope="module")
def squeezed(launch_module):
    """Small marks, so that a test need not fill half a megabyte and the kernel's buffers often."""
    return launch_module({
        "im.gateway.ws.rate-limit.connection-rate": 0,
        "im.gateway.ws.rate-limit.user-rate": 0,
        "im.gateway.ws.backpressure.write-buffer-low-water-mark-bytes": 16384,
        "im.gateway.ws.backpressure.write-buffer-high-water-mark-bytes": 65536,
        "im.gateway.ws.backpressure.close-unwritable-after-ms": 800,
    })


def flood(server, sender, receiver_uid, until_metric, limit=6000):
    """Sends until the counter moves; returns how many were sent (all acknowledged)."""
    before = server.metric(until_metric)
    sent = 0
    while sent < limit:
        for _ in range(50):
            sender.send_chat(receiver_uid, BODY)
        for _ in range(50):
            sender.find("ACK", ackType="saved")
        sent += 50
        if server.metric(until_metric) > before:
            return sent
    raise AssertionError(f"{until_metric} never moved")


def test_slow_consumer_is_closed_and_complete_after_it_comes_back(squeezed, connect, uid):
    sender = connect(uid(), squeezed)
    slow = connect(uid(), squeezed, rcvbuf=4096)
    total = flood(squeezed, sender, slow.uid, "minim_pushes_dropped_total")
    squeezed.wait_log(SLOW)
    until(lambda: squeezed.metric('minim_closes_total{cause="slow_consumer"}') >= 1, "the counter")
    slow.close()
    back = connect(slow.uid, squeezed)
    for seq in range(1, total + 1):
        got = back.expect("SINGLE_CHAT", msgSeq=seq, body=BODY)
        back.ack(got)


def test_reader_that_recovers_in_time_misses_nothing(launch, connect, uid):
    server = launch({
        "im.gateway.ws.rate-limit.connection-rate": 0,
        "im.gateway.ws.rate-limit.user-rate": 0,
        "im.gateway.ws.backpressure.write-buffer-low-water-mark-bytes": 16384,
        "im.gateway.ws.backpressure.write-buffer-high-water-mark-bytes": 65536,
        "im.gateway.ws.backpressure.close-unwritable-after-ms": 60000,
    })
    sender = connect(uid(), server)
    slow = connect(uid(), server, rcvbuf=4096)
    total = flood(server, sender, slow.uid, "minim_pushes_dropped_total")
    seen = set()
    while len(seen) < total:
        got = slow.recv()
        seen.add(got["msgSeq"])
        slow.ack(got)
    assert seen == set(range(1, total + 1))
    assert server.metric('minim_closes_total{cause="slow_consumer"}') == 0


def test_others_are_served_meanwhile(squeezed, connect, uid):
    sender = connect(uid(), squeezed)
    slow = connect(uid(), squeezed, rcvbuf=4096)
    fast = connect(uid(), squeezed)
    flood(squeezed, sender, slow.uid, "minim_pushes_dropped_total")
    other = connect(uid(), squeezed)
    other.chat(fast.uid, "unhindered")
    fast.expect("SINGLE_CHAT", body="unhindered")


def test_replies_to_a_peer_that_never_reads_end_it(squeezed, connect, uid):
    """Answers to its own frames are bounded too: it cannot make the server hold them for ever."""
    before = squeezed.metric('minim_closes_total{cause="slow_consumer"}')
    client = connect(uid(), squeezed, rcvbuf=4096)
    ping = frame(TEXT, b'{"type":"PING"}') * 100
    closed = False
    deadline = Deadline()
    while not closed and not deadline.passed():
        try:
            client.sock.settimeout(1)
            client.send(ping)
        except TimeoutError:
            closed = squeezed.metric('minim_closes_total{cause="slow_consumer"}') > before
        except ConnectionError:
            closed = True
    assert closed


def test_queued_bytes_are_bounded_and_return_to_zero(squeezed, connect, uid):
    sender = connect(uid(), squeezed)
    crowd = [connect(uid(), squeezed, rcvbuf=4096) for _ in range(5)]
    for slow in crowd:
        flood(squeezed, sender, slow.uid, "minim_pushes_dropped_total")
        # High mark, the frame that crossed it, and what a page of resend may add.
        assert squeezed.metric("minim_queued_bytes") <= len(crowd) * 2 * 65536
    until(lambda: squeezed.metric("minim_queued_bytes") < 8192, "the queues of closed connections to go")
