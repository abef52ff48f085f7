# SPDX-License-Identifier: Apache-2.0
"""The cases of tests/conformance, which the codec passes alone, against the running daemon.

On a connection that has not said AUTH every text is answered with an ERROR
frame (the cases' texts are no envelopes), the fourth one also with a close.
"""
import pathlib
import sys

import pytest

from support.rawws import CLOSE, PING, PONG, TEXT, Frame, close_payload

CONFORMANCE = pathlib.Path(__file__).resolve().parents[2] / "conformance"
sys.path.insert(0, str(CONFORMANCE))

from cases import load  # noqa: E402

# Client cases and other ceilings are the codec's own business.
CASES = [case for path in sorted((CONFORMANCE / "ws").glob("*.cases")) for case in load(path)
         if case.role == "server" and case.limit == 65536]
VIOLATIONS_ALLOWED = 3


def expect_end(client, code, reason):
    got = client.recv_frame()
    assert got.opcode == CLOSE and got.fin and got.rsv == 0, got
    assert got.payload[:2] == close_payload(code)
    if reason is not None:
        assert got.payload[2:].decode() == reason
    client.expect_eof()


def expect_event(client, event, texts):
    """True when the connection is over."""
    if event.kind == "ping":
        assert client.recv_frame() == Frame(True, 0, PONG, event.payload)
    elif event.kind == "text":
        got = client.recv_frame()
        assert got.opcode == TEXT and got.payload.startswith(b'{"type":"ERROR"'), got
        if texts > VIOLATIONS_ALLOWED:
            expect_end(client, 1000, "Bye")
            return True
    elif event.kind == "fail":
        expect_end(client, event.code, event.reason)
        return True
    elif event.kind == "close":
        assert client.recv_frame() == Frame(True, 0, CLOSE, event.payload)  # the code is part of it
        client.expect_eof()
        return True
    return False



def test_there_are_enough_cases():
    assert len(CASES) >= 200


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(connect, case):
    client = connect()
    client.send(case.input)
    texts = 0
    for event in case.events:
        texts += event.kind == "text"
        if expect_event(client, event, texts):
            return
    if not case.waits:  # in the middle of a frame nothing can be asked
        client.send_frame(PING, b"still there")
        assert client.recv_frame() == Frame(True, 0, PONG, b"still there")
