# SPDX-License-Identifier: Apache-2.0
"""W-1.7 (order of the gates) and 10 (rate limits, violations), W-1.6, B31."""
import contextlib
import json

import pytest

from support.rawws import BINARY, CLOSE, PING, PONG, TEXT, frame


@pytest.fixture(scope="module")
def limited(launch_module):
    """The bursts as they are; a rate so low that a slow machine refills next to nothing."""
    return launch_module({"im.gateway.ws.rate-limit.connection-rate": 1, "im.gateway.ws.rate-limit.user-rate": 1})


def text(**envelope):
    return frame(TEXT, json.dumps(envelope))


def count_until_limit(client, expected):
    """Reads `expected` answers of one type, then the refusal, then the end."""
    kinds = []
    while True:
        got = client.recv()
        kinds.append(got.get("reason", got["type"]))
        if kinds[-1] == "too_many_requests":
            break
    assert kinds[:-1] == [expected] * (len(kinds) - 1)
    client.expect_close(1000, "Bye")
    return len(kinds) - 1, got


def test_connection_bucket_120_pass_the_next_is_refused(limited, connect, uid):
    client = connect(uid(), limited)
    client.send(text(type="PING") * 200)
    passed, refusal = count_until_limit(client, "PONG")
    # AUTH was the first frame of the bucket.
    assert 119 <= passed < 190
    assert set(refusal) == {"type", "ts", "reason"}


def test_user_bucket_60_pass_the_next_is_refused(limited, connect, uid):
    client = connect(uid(), limited)
    client.send(b"".join(text(type="SINGLE_CHAT", body="x", serverMsgId=str(i), clientMsgId=f"c{i}")
                         for i in range(110)))
    passed, refusal = count_until_limit(client, "missing_to")
    assert 60 <= passed < 110
    assert refusal["clientMsgId"] == f"c{passed}" and refusal["serverMsgId"] == str(passed)


def test_user_bucket_is_of_the_user_not_of_the_connection(limited, connect, uid):
    """W-10.2: reconnecting does not refill it."""
    user = uid()
    first = connect(user, limited)
    first.send(b"".join(text(type="ACK", ackType="delivered", serverMsgId="1", to="1") for _ in range(60)))
    for _ in range(60):
        first.error("message_not_found", smid="1")
    second = connect(user, limited)
    second.send(b"".join(text(type="ACK", ackType="delivered", serverMsgId="1", to="1") for _ in range(60)))
    passed, _ = count_until_limit(second, "message_not_found")
    assert passed < 59


def test_auth_and_heartbeats_do_not_count_for_the_user(limited, connect, uid):
    client = connect(uid(), limited)
    client.send(text(type="PING") * 50 + text(type="PONG") * 10)
    for _ in range(50):
        client.expect("PONG")
    client.send(b"".join(text(type="ACK", ackType="delivered", serverMsgId="1", to="1") for _ in range(55)))
    for _ in range(55):
        client.error("message_not_found", smid="1")


@pytest.mark.parametrize("kind", [BINARY, PING, PONG], ids=["binary", "ping", "pong"])
def test_binary_and_control_frames_have_a_bucket_of_their_own(limited, connect, uid, kind):
    client = connect(uid(), limited)
    client.send(frame(kind, b"x") * 119)
    for _ in range(119 if kind == PING else 0):
        assert client.recv_frame().opcode == PONG
    client.expect_alive()  # the 120th; the text bucket is untouched by all that
    client.send(text(type="PING") * 60)
    for _ in range(60):
        client.expect("PONG")
    with contextlib.suppress(ConnectionError):
        client.send(frame(kind, b"x") * 20000)
    while True:
        got = client.recv_frame()
        if got.opcode != PONG:
            break
    assert got.opcode == CLOSE and got.payload[:2] == b"\x03\xf0"  # 1008


def test_bucket_before_auth(limited, connect):
    client = connect(at=limited)
    client.send(text(type="PONG") * 200)
    client.error_and_close("too_many_requests")


def test_bucket_is_taken_before_parsing(limited, connect, uid):
    """What is over the limit is refused as such, not as bad JSON; the limit comes first (1.7)."""
    client = connect(uid(), limited)
    client.send(text(type="PONG") * 150 + frame(TEXT, "{"))
    client.error_and_close("too_many_requests")


def test_zero_switches_the_limits_off(server, connect, uid):
    client = connect(uid())
    client.send(text(type="PING") * 1000)
    for _ in range(1000):
        client.expect("PONG")


@pytest.mark.parametrize("bad, reason, ids", [
    (dict(x=1), "missing_type", {}),
    (dict(type=None), "missing_type", {}),
    (dict(type="NOPE", clientMsgId="c", serverMsgId="s"), "not_implemented", {"cmid": "c"}),
    (dict(type=""), "not_implemented", {}),
    (dict(type="ping"), "not_implemented", {}),
    (dict(type="AUTH_OK"), "not_implemented", {}),
    (dict(type="ERROR"), "not_implemented", {}),
    (dict(type="GROUP_NOTIFY"), "not_implemented", {}),
    (dict(type="CALL_INVITE_OK"), "not_implemented", {}),
    (dict(type="CALL_TIMEOUT", callId="1"), "not_implemented", {}),
    (dict(type="CALL_ERROR", clientMsgId="c"), "not_implemented", {"cmid": "c"}),
    (dict(type="GROUP_EVENT", groupId="1", body="dissolved"), "not_implemented", {}),
    (dict(type="GROUP_JOIN_REQUEST", groupId="1"), "not_implemented", {}),
    (dict(type="GROUP_JOIN_DECISION", groupId="1", to="2", body="ACCEPTED"), "not_implemented", {}),
    (dict(type="FRIEND_DECISION", to="1", body="accepted"), "not_implemented", {}),
    (dict(type="MESSAGE_REVOKED", serverMsgId="1"), "not_implemented", {}),
    (dict(type=7), "not_implemented", {}),
], ids=lambda v: json.dumps(v) if isinstance(v, dict) and "type" in v or v else None)
def test_violations_fourth_closes(server, connect, uid, bad, reason, ids):
    client = connect(uid())
    for _ in range(3):
        client.send_json(**bad)
        client.error(reason, **ids)
    client.expect_alive()
    client.send_json(**bad)
    client.error(reason, **ids)
    client.expect_close(1000, "Bye")


def test_violations_of_all_kinds_share_one_counter(connect, uid):
    client = connect(uid())
    client.send_text("{")
    client.error("bad_json")
    client.send_json(x=1)
    client.error("missing_type")
    client.send_json(type="NOPE")
    client.error("not_implemented")
    client.send_text("null")
    client.error_and_close("bad_json")


def test_violations_count_before_auth(connect):
    client = connect()
    for _ in range(3):
        client.send_text("{")
        client.error("bad_json")
    client.send_text("{")
    client.error_and_close("bad_json")


def test_other_errors_are_no_violations(connect, uid):
    client = connect(uid())
    for i in range(20):
        client.send_json(type="SINGLE_CHAT", clientMsgId=f"v{i}", to="1", body="")
        client.error("missing_body", f"v{i}")
    client.expect_alive()


@pytest.mark.parametrize("first", [
    dict(type="SINGLE_CHAT", clientMsgId="c", serverMsgId="s", to="1", body="x"),
    dict(type="REAUTH", clientMsgId="c", serverMsgId="s", token="x"),
    dict(type="ACK", clientMsgId="c", serverMsgId="s", ackType="delivered"),
    dict(type="NOPE", clientMsgId="c", serverMsgId="s"),
    dict(type="CALL_INVITE", clientMsgId="c", serverMsgId="s"),
    dict(type="AUTH_OK", clientMsgId="c", serverMsgId="s"),
], ids=lambda e: e["type"])
def test_unauthenticated(connect, first):
    client = connect()
    client.send_json(**first)
    client.error_and_close("unauthorized", "c", "s")


def test_ping_before_auth(connect):
    client = connect()
    client.send_json(type="PING", clientMsgId="c")
    client.error_and_close("unauthorized")


def test_pong_before_auth_is_let_through(connect):
    client = connect()
    client.send_json(type="PONG")
    client.expect_alive()


def test_nothing_behind_a_close_is_executed(server, connect, uid):
    """W-1.6: REAUTH closes; the AUTH and the message that travelled with it are discarded."""
    user, peer = uid(), connect(uid())
    live = connect(user)
    intruder = connect()
    intruder.send(text(type="REAUTH", token="x") + text(type="AUTH", token=server.token(user))
                  + text(type="SINGLE_CHAT", clientMsgId="late", to=str(peer.uid), body="late"))
    intruder.error_and_close("unauthorized")
    live.expect_alive()
    live.chat(peer.uid, "fence")
    assert peer.expect("SINGLE_CHAT", body="fence")["msgSeq"] == 1


def test_nothing_behind_a_rate_limit_close_is_executed(limited, connect, uid):
    peer, client = connect(uid(), limited), connect(uid(), limited)
    client.send(text(type="PING") * 300
                + text(type="SINGLE_CHAT", clientMsgId="late", to=str(peer.uid), body="late"))
    count_until_limit(client, "PONG")
    connect(uid(), limited).chat(peer.uid, "fence")
    peer.expect("SINGLE_CHAT", body="fence")


@pytest.mark.parametrize("kind", ["FRIEND_REQUEST", "CALL_INVITE", "CALL_ICE"])
def test_what_asks_for_something_is_answered(connect, uid, kind):
    """Never silently dropped."""
    client = connect(uid())
    client.send_json(type=kind, clientMsgId="c", serverMsgId="s", to="1", groupId="1", body="x")
    got = client.recv()
    assert got["type"] in ("ACK", "ERROR", "CALL_ERROR"), got
