# SPDX-License-Identifier: Apache-2.0
"""docs/decisions/0003: an ACK of a live push does not carry the cursor over what the resend still owes."""
import pytest

pytestmark = pytest.mark.tsan

WINDOW = 5
BACKLOG = 40


@pytest.fixture(scope="module")
def narrow(launch_module):
    return launch_module({"im.gateway.ws.resend.window": WINDOW, "im.gateway.ws.rate-limit.user-rate": 0})


def seqs_until_quiet(receiver, kind="SINGLE_CHAT"):
    """All messages that come, each acknowledged, in the order of coming."""
    seqs = []
    while len(set(seqs)) < BACKLOG + 1:
        got = receiver.expect(kind)
        receiver.ack(got)
        seqs.append(got["msgSeq"])
    return seqs


@pytest.mark.parametrize("kind", ["delivered", "read"])
def test_ack_of_a_live_push_keeps_the_backlog(narrow, connect, uid, kind):
    sender, peer = connect(uid(), narrow), uid()
    for i in range(BACKLOG):
        sender.chat(peer, str(i))
    receiver = connect(peer, narrow)
    for i in range(WINDOW):
        receiver.expect("SINGLE_CHAT", msgSeq=i + 1)
    sender.chat(peer, "live")
    live = receiver.expect("SINGLE_CHAT", msgSeq=BACKLOG + 1, body="live")
    receiver.ack(live, kind)
    receiver.expect_alive()
    receiver.close()
    again = connect(peer, narrow)
    seqs = seqs_until_quiet(again)
    # Within the resend they come in order; nothing between 1 and the live one is missing.
    assert sorted(set(seqs)) == list(range(1, BACKLOG + 2))


def test_a_kept_ack_is_applied_when_the_resend_has_passed_it(narrow, connect, uid):
    sender, peer = connect(uid(), narrow), uid()
    for i in range(BACKLOG):
        sender.chat(peer, str(i))
    receiver = connect(peer, narrow)
    first = [receiver.expect("SINGLE_CHAT", msgSeq=i + 1) for i in range(WINDOW)]
    sender.chat(peer, "live")
    receiver.ack(receiver.expect("SINGLE_CHAT", msgSeq=BACKLOG + 1))
    for message in first:
        receiver.ack(message)
    for seq in range(WINDOW + 1, BACKLOG + 1):
        receiver.ack(receiver.expect("SINGLE_CHAT", msgSeq=seq))
    # The live one was acknowledged once, at the beginning: the cursor gets there all the same.
    while sender.find("ACK", ackType="delivered")["msgSeq"] < BACKLOG + 1:
        pass
    connect(peer, narrow).expect_alive()
