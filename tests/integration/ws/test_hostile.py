# SPDX-License-Identifier: Apache-2.0
"""Bad input that must be answered: whoever misbehaves costs itself, nobody else."""
import contextlib
import os
import random
import resource
import select
import socket

import pytest

from support.rawws import BINARY, CLOSE, CONT, PING, TEXT, RawSocket, frame, upgrade_request
from support.wait import TIMEOUT, Deadline, until


@pytest.fixture(autouse=True)
def still_serving(server, connect, uid):
    """After each test two ordinary users still talk."""
    yield
    sender, receiver = connect(uid()), connect(uid())
    sender.chat(receiver.uid, "still here")
    receiver.expect("SINGLE_CHAT", body="still here")


def send_until_refused(connection, chunk, limit):
    """Sends until the server ends the connection; returns how much it took."""
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < limit:
            connection.send(chunk)
            sent += len(chunk)
            readable, _, _ = select.select([connection.sock], [], [], 0)
            if readable and not connection.sock.recv(65536):
                break
    return sent


@pytest.mark.parametrize("start, chunk", [
    (b"GET /ws HTTP/1.1\r\nHost: x\r\nA: ", b"y" * 1024),
    (b"GET /ws HTTP/1.1\r\n", b"A: b\r\n" * 100),
    (b"GET /ws?", b"y" * 1024),
    (b"", b"\r\n" * 512),
    (b"GET /ws HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"e" * 1000 + b"\r\nx\r\n"),
    (b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
     b"1\r\nx\r\n" * 100),
    (b"POST /auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"Trailer: x\r\n" * 100),
], ids=["endless-header", "endless-headers", "endless-line", "endless-blank-lines", "endless-chunk-extension",
        "endless-chunks", "endless-trailers"])
def test_endless_requests(server, raw, start, chunk):
    connection = raw(server.http)
    connection.send(start)
    assert send_until_refused(connection, chunk, 8 << 20) < 4 << 20


@pytest.mark.parametrize("length", [1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
@pytest.mark.parametrize("opcode", [TEXT, BINARY, CONT])
def test_absurd_frame_length(connect, length, opcode):
    client = connect()
    client.send(frame(opcode, b"", length=length, width=64))
    got = client.recv_frame()
    assert got.opcode == CLOSE and got.payload[:2] in (b"\x03\xf1", b"\x03\xea")  # 1009 or 1002
    client.expect_eof()


def test_endless_fragments(connect):
    client = connect()
    client.send_frame(TEXT, b"x", fin=False)
    assert send_until_refused(client, frame(CONT, b"y" * 1000, fin=False) * 10, 8 << 20) < 4 << 20


def test_endless_empty_fragments(server, connect, uid):
    """They carry nothing and may go on; they must cost nothing either."""
    before = memory_of(server)
    client = connect(uid())
    client.send_frame(TEXT, b"", fin=False)
    with contextlib.suppress(ConnectionError):
        for _ in range(200):
            client.send(frame(CONT, b"", fin=False) * 500)
    assert memory_of(server) < before + (64 << 20)


def memory_of(server):
    with open(f"/proc/{server.pid()}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def test_ping_flood(connect, uid):
    client = connect(uid())
    data = frame(PING, b"x" * 125) * 100
    for _ in range(50):
        client.send(data)
        for _ in range(100):
            client.recv_frame()


def test_random_bytes(server, raw):
    rng = random.Random(7)
    for i in range(60):
        connection = raw(server.http if i % 2 else server.ws)
        with contextlib.suppress(ConnectionError):
            connection.send(rng.randbytes(rng.randrange(1, 3000)) + b"\r\n\r\n")
        connection.drain()  # answered or not: the server ends it by itself
        connection.close()
    assert server.api().get("/healthz").status == 200


def test_random_frames(connect):
    rng = random.Random(11)
    for _ in range(60):
        client = connect()
        data = b"".join(
            frame(rng.randrange(16), rng.randbytes(rng.randrange(200)), fin=rng.random() < 0.8,
                  rsv=rng.choice((0, 0, 0, 1)), masked=rng.random() < 0.95)
            for _ in range(rng.randrange(1, 30)))
        with contextlib.suppress(ConnectionError):
            client.send(data)
            client.sock.shutdown(socket.SHUT_WR)
        client.drain()


def test_mutated_messages(connect, uid):
    rng = random.Random(13)
    text = b'{"type":"SINGLE_CHAT","clientMsgId":"m","to":"5","body":"hello \\u00e9 \\ud83d\\ude00","mentions":["1"]}'
    for _ in range(40):
        client = connect(uid())
        for _ in range(3):  # the fourth violation would close
            mutated = bytearray(text)
            for _ in range(rng.randrange(1, 4)):
                mutated[rng.randrange(len(mutated))] = rng.randrange(32, 127)
            client.send_text(bytes(mutated))
            assert client.recv()["type"] in ("ERROR", "ACK"), mutated
        client.expect_alive()


def test_many_connections_that_never_send(server, launch, connect, uid):
    """Others notice nothing, and their memory comes back; MINIM_TEST_IDLE=10000 with a release build."""
    wanted = int(os.environ.get("MINIM_TEST_IDLE", "2000"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, wanted + 500)), hard))
    server = launch({"im.gateway.ws.handshake-timeout-ms": 4000})
    idle = []
    try:
        for i in range(wanted):
            idle.append(socket.create_connection(server.http, timeout=TIMEOUT))
        sender, receiver = connect(uid(), server), connect(uid(), server)
        for i in range(20):
            sender.chat(receiver.uid, str(i))
            receiver.expect("SINGLE_CHAT", body=str(i))
        until(lambda: server.metric('minim_closes_total{cause="handshake"}') >= wanted, "all of them closed")
        until(lambda: server.metric("minim_connections") <= 3, "their memory given back")
    finally:
        for connection in idle:
            connection.close()


def test_connections_over_the_descriptor_limit(launch, connect, uid):
    """EMFILE is survived: new ones wait or are shed, old ones go on, and it recovers."""
    server = launch(prefix=["prlimit", "--nofile=200:200"])
    sender, receiver = connect(uid(), server), connect(uid(), server)
    crowd = []
    for _ in range(400):
        with contextlib.suppress(OSError):
            crowd.append(socket.create_connection(server.http, timeout=5))
    for i in range(5):
        sender.chat(receiver.uid, str(i))
        receiver.expect("SINGLE_CHAT", body=str(i))
    for connection in crowd:
        connection.close()

    def serves():
        with contextlib.suppress(OSError, AssertionError):
            return server.api().get("/healthz").status == 200
        return False
    until(serves, "new connections to be served again")


def hold_places(address, count, request):
    """Connections that say `request` and then keep their place."""
    crowd = []
    for _ in range(count):
        with contextlib.suppress(OSError):
            connection = socket.create_connection(address, timeout=TIMEOUT)
            crowd.append(connection)
            connection.sendall(request)
    return crowd


@pytest.mark.parametrize("request_", [
    b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHo", upgrade_request()],
    ids=["silent", "kept-alive", "half", "no-session"])
def test_newcomers_are_served_while_somebody_holds_all_places(launch, connect, uid, request_):
    """Those who wait without a session make room; sessions are not touched."""
    server = launch({"im.gateway.ws.auth-timeout-ms": 60000, "im.gateway.ws.handshake-timeout-ms": 60000},
                    prefix=["prlimit", "--nofile=300:300"])
    sender, receiver = connect(uid(), server), connect(uid(), server)
    crowd = hold_places(server.http, 350, request_)
    for i in range(9):
        assert server.api().get("/healthz").status == 200
        sender.chat(receiver.uid, str(i))
        receiver.expect("SINGLE_CHAT", body=str(i))
    newcomer = connect(uid(), server)
    newcomer.expect_alive()
    assert server.metric("minim_connections_shed_total") > 0
    assert server.metric("minim_accept_shed_total") == 0
    sender.expect_alive()
    for connection in crowd:
        connection.close()


def test_connections_of_one_address(launch, connect, uid):
    server = launch({"im.gateway.ws.max-connections-per-address": 10})
    client = connect(uid(), server)
    crowd = [RawSocket(server.http) for _ in range(30)]
    until(lambda: closed_count(crowd) >= 21, "those beyond the address's ceiling to be closed")
    client.expect_alive()
    server.wait_log("address_refused")
    for connection in crowd:
        connection.close()


def test_a_trusted_proxy_is_many_clients(launch, connect, uid):
    server = launch({"im.gateway.ws.max-connections-per-address": 2, "im.ratelimit.trust-forwarded-headers": "true"})
    clients = [connect(uid(), server) for _ in range(5)]
    for client in clients:
        client.expect_alive()


def test_connection_ceiling(launch, connect, uid):
    server = launch({"im.gateway.ws.max-connections": 20})
    client = connect(uid(), server)
    crowd = [RawSocket(server.http) for _ in range(60)]
    until(lambda: closed_count(crowd) >= 35, "those beyond the ceiling to be closed")
    client.expect_alive()
    for connection in crowd:
        connection.close()


def closed_count(sockets):
    closed = 0
    for raw in sockets:
        readable, _, _ = select.select([raw.sock], [], [], 0)
        if readable:
            with contextlib.suppress(ConnectionError):
                closed += raw.sock.recv(1, socket.MSG_PEEK) == b""
                continue
            closed += 1
    return closed


def test_reset_in_the_middle_of_everything(server, connect, uid):
    """Hard resets at arbitrary points leave nothing behind."""
    rng = random.Random(17)
    request = upgrade_request()
    for i in range(100):
        connection = RawSocket(server.ws)
        with contextlib.suppress(ConnectionError):
            connection.send(request[:rng.randrange(len(request) + 1)] if i % 2 else request + frame(TEXT, b"{}")[:5])
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()


def test_pipelined_requests_without_reading(server, raw):
    """Answers that nobody reads are bounded: the server stops reading instead."""
    connection = raw(server.http, rcvbuf=4096)
    request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50
    before = memory_of(server)
    connection.sock.settimeout(2)
    sent = 0
    with contextlib.suppress(TimeoutError, ConnectionError):
        deadline = Deadline(10)
        while sent < 20 << 20 and not deadline.passed():
            connection.send(request)
            sent += len(request)
    assert sent < 20 << 20
    assert memory_of(server) < before + (64 << 20)
