# SPDX-License-Identifier: Apache-2.0
"""ws-protocol.md 1.5 with short values; B8 (expiry and session version are found by the server)."""
import time

import pytest

from support.rawws import PING, PONG
from support.wait import Deadline


@pytest.fixture(scope="module")
def fast(launch_module):
    return launch_module({
        "im.gateway.ws.auth-timeout-ms": 500,
        "im.gateway.ws.reader-idle-ms": 1500,
        "im.gateway.ws.writer-idle-ms": 800,
        "im.gateway.ws.handshake-timeout-ms": 700,
    })


def test_auth_timeout(fast, connect):
    client = connect(at=fast)
    began = time.monotonic()
    client.error_and_close("auth_timeout")
    assert time.monotonic() - began > 0.4


def test_auth_timeout_is_not_extended_by_traffic(fast, connect):
    client = connect(at=fast)
    deadline = Deadline(10)
    while not deadline.passed():
        client.send_frame(PING, b"x")
        got = client.recv_frame()
        if got.opcode != PONG:
            assert b'"reason":"auth_timeout"' in got.payload
            break
    client.expect_close(1000, "Bye")


def test_no_auth_timeout_after_auth(fast, connect, uid):
    client = connect(uid(), fast)
    assert client.recv_frame().opcode == PING  # writer idle, later than the auth window or not
    client.find("PING")
    client.send_json(type="PING")
    client.find("PONG")


def test_writer_idle_sends_both_pings(fast, connect, uid):
    client = connect(uid(), fast)
    began = time.monotonic()
    got = client.recv_frame()
    assert (got.opcode, got.payload) == (PING, b"")
    assert time.monotonic() - began > 0.3
    assert set(client.expect("PING")) == {"type", "ts"}


def test_reader_idle_closes_without_error(fast, connect, uid):
    client = connect(uid(), fast)
    began = time.monotonic()
    while True:
        got = client.recv_frame()
        if got.opcode == 8:
            assert got.payload[2:] == b"Bye" and got.payload[:2] == b"\x03\xe8"
            break
        assert b"ERROR" not in got.payload
    client.expect_eof()
    assert time.monotonic() - began > 1.2


def test_a_pong_keeps_the_connection(fast, connect, uid):
    client = connect(uid(), fast)
    deadline = Deadline(4)
    while not deadline.passed():
        got = client.recv_frame()
        assert got.opcode != 8, "closed although it answered"
        if got.opcode == PING:
            client.send_frame(PONG, got.payload)


def test_handshake_timeout_without_a_byte(fast, raw):
    connection = raw(fast.ws)
    began = time.monotonic()
    connection.drain()
    assert 0.4 < time.monotonic() - began < 10


def test_slow_handshake_one_byte_at_a_time(fast, raw):
    """Bytes that trickle in do not extend the time to a complete request."""
    connection = raw(fast.ws)
    request = b"GET /ws HTTP/1.1\r\nHost: x\r\nA: " + b"y" * 4000
    deadline = Deadline(10)
    connection.sock.settimeout(0.1)
    sent = 0
    while not deadline.passed():
        try:
            connection.send(request[sent:sent + 1])
            sent += 1
            if not connection.sock.recv(4096):
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    assert not deadline.passed()


def test_expired_token_is_found_by_the_server(server, connect, uid):
    client = connect()
    client.auth(server.token(uid(), ttl=1))
    began = time.monotonic()
    client.error_and_close("token_expired", timeout=15)
    assert time.monotonic() - began < 8


def test_token_without_exp_never_expires(server, connect, uid):
    client = connect()
    client.auth(server.token(uid(), exp=None))
    client.send_json(type="PING")
    client.expect("PONG")


def test_session_bump_is_found_by_the_server(server, connect):
    """A second login ends the first session even if it only listens (B8)."""
    first = server.api().login("bumped")
    client = connect()
    client.auth(first["accessToken"])
    server.api().login("bumped")
    client.error_and_close("session_invalid", timeout=15)
