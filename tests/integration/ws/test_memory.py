# SPDX-License-Identifier: Apache-2.0
"""Memory is bounded by what it costs, not by bytes on the wire; the metric says what it costs."""
import contextlib
import os
import resource
import threading

import pytest

from support.rawws import CONT, PING, TEXT, RawSocket, WebSocket, frame
from support.wait import Deadline, until

PEERS = 60
MIB = 1 << 20
# What the process may take besides: arenas, slabs of connections, the sanitizer's own.
SLACK = 48 * MIB


@pytest.fixture(scope="module")
def open_server(launch_module):
    """No limit but the one under test, and no quarantine of freed memory in the sanitizer."""
    env = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "detect_leaks=1:exitcode=86")
           + ":quarantine_size_mb=1:thread_local_quarantine_size_kb=16"}
    return launch_module({
        "im.gateway.ws.rate-limit.connection-rate": 0,
        "im.gateway.ws.rate-limit.control-rate": 0,
        "im.gateway.ws.auth-timeout-ms": 600000,
        "im.gateway.ws.backpressure.close-unwritable-after-ms": -1,
        "im.gateway.ws.max-queued-bytes": "16MiB",
    }, env=env)


def resident(server):
    with open(f"/proc/{server.pid()}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def pour(connections, chunk, total):
    """Each sends `total` bytes, or what the server takes of them, and reads nothing."""
    def one(connection):
        connection.sock.settimeout(1)
        with contextlib.suppress(OSError):
            for _ in range(total // len(chunk) + 1):
                connection.send(chunk)

    threads = [threading.Thread(target=one, args=(c,)) for c in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


ATTACKS = {
    "empty-pings": frame(PING, b"") * 2000,
    "answered-texts": frame(TEXT, b'{"type":"PING"}') * 200,
    "tiny-fragments": frame(TEXT, b"x", fin=False) + frame(CONT, b"x", fin=False) * 2000,
}


@pytest.mark.parametrize("authenticated", [True, False], ids=["authenticated", "not"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_unread_answers(open_server, connect, uid, attack, authenticated):
    before = resident(open_server)
    peers = [connect(uid() if authenticated else None, open_server, rcvbuf=2048) for _ in range(PEERS)]
    pour(peers, ATTACKS[attack], 2 * MIB)
    assert open_server.metric("minim_queued_bytes") <= 20 * MIB
    assert resident(open_server) - before < 20 * MIB + SLACK
    for peer in peers:
        peer.close()
    until(lambda: open_server.metric("minim_queued_bytes") < 64 * 1024, "the memory to be given back")


@pytest.mark.parametrize("start, chunk", [
    (b"G", b""),
    (b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: ", b""),
    (b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 100),
    (b"", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 100),
    (b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n", b"x" * 59999),
], ids=["one-byte", "half-head", "pipelined", "pipelined-long", "half-body"])
def test_http(open_server, opened, start, chunk):
    before = resident(open_server)
    peers = [RawSocket(open_server.http, rcvbuf=2048) for _ in range(PEERS)]
    opened.extend(peers)
    for peer in peers:
        peer.send(start)
    if chunk:
        pour(peers, chunk, MIB if chunk.startswith(b"GET") else 0)
    assert open_server.metric("minim_queued_bytes") <= 20 * MIB
    assert resident(open_server) - before < 20 * MIB + SLACK


def test_half_messages_at_the_ceiling(open_server, connect, uid):
    """More than the ceiling: the fullest go, everybody else is served."""
    ordinary = connect(uid(), open_server)
    half = frame(TEXT, b"x" * 65000)[:-1]
    before = open_server.metric('minim_closes_total{cause="memory"}')
    deadline = Deadline(60)
    peers = []
    while open_server.metric('minim_closes_total{cause="memory"}') == before:
        assert not deadline.passed()
        peers.append(connect(at=open_server))
        with contextlib.suppress(ConnectionError):
            peers[-1].send(half)
    assert len(peers) > 16 * MIB // 80000
    ordinary.expect_alive()


def test_memory_goes_back_to_the_system(launch):
    """The release build's resident size follows; here the sanitizer's allocator is in the way, so the trim is counted."""
    server = launch({"im.gateway.ws.auth-timeout-ms": 600000})
    half = frame(TEXT, b"x" * 65000)[:-1]
    crowd = [WebSocket(server.ws) for _ in range(160)]
    for connection in crowd:
        connection.send(half)
    until(lambda: server.metric("minim_queued_bytes") > 9 * MIB, "the halves to be held")
    assert server.metric("minim_memory_trims_total") == 0
    for connection in crowd:
        connection.close()
    until(lambda: server.metric("minim_memory_trims_total") == 1, "the memory to be given back")
