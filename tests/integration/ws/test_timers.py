# SPDX-License-Identifier: Apache-2.0
"""W-1.5 with short values; W-4.5 (expiry and session version are found by the server).

Nothing here measures time: that something ended is waited for, and that
something did not is asked when another connection, begun later, has ended.
"""
import select

import pytest

from support.rawws import CLOSE, PING, PONG, TEXT, frame, upgrade_request
from support.wait import Deadline


@pytest.fixture(scope="module")
def impatient(launch_module):
    """Waits neither for a request nor for AUTH."""
    return launch_module({"im.gateway.ws.auth-timeout-ms": 500, "im.gateway.ws.handshake-timeout-ms": 700,
                          "im.gateway.ws.rate-limit.control-rate": 0})


@pytest.fixture(scope="module")
def idle(launch_module):
    return launch_module({"im.gateway.ws.reader-idle-ms": 3000, "im.gateway.ws.writer-idle-ms": 800})


def test_auth_timeout(impatient, connect):
    connect(at=impatient).error_and_close("auth_timeout")


def test_auth_timeout_is_not_extended_by_traffic(impatient, connect):
    client = connect(at=impatient)
    deadline = Deadline()
    while not deadline.passed():
        client.send_frame(PING, b"x")
        got = client.recv_frame()
        if got.opcode != PONG:
            assert b'"reason":"auth_timeout"' in got.payload
            break
    client.expect_close(1000, "Bye")


def test_no_auth_timeout_after_auth(impatient, raw, connect, uid):
    # In one packet, so that not even a very slow machine is too slow to say AUTH.
    early = raw(impatient.ws)
    early.send(upgrade_request() + frame(TEXT, '{"type":"AUTH","token":"%s"}' % impatient.token(uid())))
    assert early.read_response().status == 101
    assert b'"AUTH_OK"' in early.take(early_frame_length(early), Deadline())
    connect(at=impatient).error_and_close("auth_timeout")  # began later, and is over
    early.send(frame(PING, b"here"))
    assert early.take(6, Deadline()) == b"\x8a\x04here"


def early_frame_length(connection):
    """Of the text frame that comes next; its header is taken."""
    first, length = connection.take(2, Deadline())
    assert first == 0x80 | TEXT and length < 126
    return length


def test_writer_idle_sends_both_pings(idle, connect, uid):
    client = connect(uid(), idle)
    got = client.recv_frame()
    assert (got.opcode, got.payload) == (PING, b"")
    assert set(client.expect("PING")) == {"type", "ts"}


def end_of(client):
    """The close frame of a connection that gets nothing before but pings."""
    while True:
        got = client.recv_frame()
        if got.opcode == CLOSE:
            return got
        assert got.opcode == PING or got.payload.startswith(b'{"type":"PING"'), got


def test_reader_idle_closes_without_error(idle, connect, uid):
    client = connect(uid(), idle)
    assert end_of(client).payload == b"\x03\xe8Bye"
    client.expect_eof()


def test_a_pong_keeps_the_connection(idle, connect, uid):
    """The silent one began later and is closed; the one that only says PONG is still there."""
    client, silent = connect(uid(), idle), connect(uid(), idle)
    deadline = Deadline()
    closed = False
    while not closed and not deadline.passed():
        client.send_frame(PONG)
        readable, _, _ = select.select([silent.sock], [], [], 0.05)
        closed = bool(readable) and silent.recv_frame().opcode == CLOSE
    assert closed
    assert all(got.opcode == PING or b"PING" in got.payload for got in client.settle())


def test_handshake_timeout_without_a_byte(impatient, raw):
    raw(impatient.ws).drain()


def test_slow_handshake_one_byte_at_a_time(impatient, raw):
    """Bytes that trickle in do not extend the time to a complete request."""
    connection = raw(impatient.ws)
    connection.send(b"GET /ws HTTP/1.1\r\nHost: x\r\nA: ")
    deadline = Deadline()
    while not deadline.passed():
        readable, _, _ = select.select([connection.sock], [], [], 0.05)
        if readable:
            break
        connection.send(b"y")
    assert not deadline.passed()
    connection.drain()


def test_expired_token_is_found_by_the_server(launch, connect, uid):
    server = launch({"im.gateway.ws.expiry-grace-ms": 500})
    client = connect(at=server)
    client.auth(server.token(uid(), ttl=4))
    client.error_and_close("token_expired")


def test_token_without_exp_never_expires(server, connect, uid):
    client = connect()
    client.auth(server.token(uid(), exp=None))
    client.send_json(type="PING")
    client.expect("PONG")


def test_session_bump_is_found_by_the_server(server, connect):
    """A second login ends the first session even if it only listens (W-4.5)."""
    first = server.api().login("bumped")
    client = connect()
    client.auth(first["accessToken"])
    server.api().login("bumped")
    client.error_and_close("session_invalid")
