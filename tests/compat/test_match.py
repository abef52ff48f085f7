# SPDX-License-Identifier: Apache-2.0
"""What an exchange would not let pass."""
import time

import pytest

from exchange import read
from match import Mismatch, match_text

FRAME = '{"type":"ACK","serverMsgId":@id(m),"msgSeq":1,"ts":@ms,"retryAfterMs?":@int}'


def at_present(came):
    """With the time of the test: pytest reads this file long before it runs it."""
    return came.replace("NOW", str(int(time.time() * 1000)))


@pytest.mark.parametrize("came", [
    '{"type":"ACK","serverMsgId":"5","msgSeq":1,"ts":NOW}',
    '{"type":"ACK","serverMsgId":"5","msgSeq":1,"ts":NOW,"retryAfterMs":7}',
])
def test_what_fits(came):
    known = {}
    match_text(FRAME, at_present(came), known)
    assert known == {"m": "5"}


@pytest.mark.parametrize("came", [
    '{"type":"ACK","serverMsgId":"5","msgSeq":1}',
    '{"type":"ACK","serverMsgId":"5","msgSeq":1,"ts":NOW,"body":null}',
    '{"serverMsgId":"5","type":"ACK","msgSeq":1,"ts":NOW}',
    '{"type":"ACK","serverMsgId":5,"msgSeq":1,"ts":NOW}',
    '{"type":"ACK","serverMsgId":"05","msgSeq":1,"ts":NOW}',
    '{"type":"ACK","serverMsgId":"5","msgSeq":"1","ts":NOW}',
    '{"type":"ACK","serverMsgId":"5","msgSeq":true,"ts":NOW}',
    '{"type":"ACK","serverMsgId":"5","msgSeq":1.0,"ts":NOW}',
    '{"type":"ACK","serverMsgId":"5","msgSeq":1,"ts":1700000000000}',
    '{"type":"ACK","serverMsgId":"5","msgSeq":1,"ts":"NOW"}',
    '{"type":"ACK","serverMsgId":"5","msgSeq":1,"ts":NOW,"retryAfterMs":"7"}',
    '{"type": "ACK","serverMsgId":"5","msgSeq":1,"ts":NOW}',
    '[]', 'ACK', '"ACK"',
])
def test_what_does_not(came):
    known = {}
    with pytest.raises(Mismatch):
        match_text(FRAME, at_present(came), known)
    assert known == {}


@pytest.mark.parametrize("pattern, came", [
    ("[1,2]", "[2,1]"), ("[1]", "[1,1]"), ("[]", "{}"), ("null", "0"), ("false", "0"), ('"\u00e9"', '"\\u00e9"'),
    ("@date", '"2026-01-24T15:56:07.10"'), ("@date", '"2026-01-24T15:56:07Z"'), ("@code", '"ABCDEFGO"'),
    ("@int", "true"), ("@text", '""'), ("@refresh", '"short"'), ("[@id(a),@id(a)]", '["1","2"]'),
])
def test_values_that_differ(pattern, came):
    with pytest.raises(Mismatch):
        match_text(pattern, came, {})


@pytest.mark.parametrize("text", ["alice connects\n", "== title [X-1]\n", "@server option\n", "title\n== t\n"])
def test_files_that_are_wrong(tmp_path, text):
    path = tmp_path / "x.exchange"
    path.write_text(text)
    with pytest.raises(ValueError):
        read(path)
