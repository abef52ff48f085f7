# SPDX-License-Identifier: Apache-2.0
"""minim bench group against a scripted faulty gateway: each fault must show in the ledger, at the member it hit."""
import pytest

from support import bench as bench_support
from support.bench import bench, faulty

# Drain ends when everything has come, else when nothing has for so long: where copies are missing on
# purpose, a busy machine must not make it more of them.
COMPLETE, INCOMPLETE = "30s", "3s"


def group(server, *args, tmp_path, quiet=COMPLETE):
    """Two groups of five, of whom two send; 200 messages a second for half a second, 400 copies."""
    return bench(server, "group", "--groups", "2", "--members", "5", "--senders", "2", "--rate", "200",
                 "--duration", "0.5s", "--warmup", "0.1s", "--quiet", quiet, *args, tmp_path=tmp_path)


def assert_clean(ledger, *but):
    bench_support.assert_clean(ledger, *but, troubles=(*bench_support.TROUBLES, "reordered_sender"))


def test_no_fault_is_clean(tmp_path):
    with faulty() as server:
        done, result = group(server, "--gate", "lost=0", "--gate", "reordered=0", tmp_path=tmp_path)
    ledger = result["ledger"]
    assert done.returncode == 0
    assert_clean(ledger)
    assert ledger["sent"] == ledger["saved"] > 0
    assert ledger["delivered_live"] == ledger["expected"] == 4 * ledger["saved"]


@pytest.mark.parametrize("fault", ["split", "fragment", "delay:9:0.05", "ackdouble:7"])
def test_what_is_no_fault(fault, tmp_path):
    with faulty(fault) as server:
        _, result = group(server, tmp_path=tmp_path)
    assert_clean(result["ledger"], "reordered", "reordered_sender")
    assert fault.startswith("delay") or result["ledger"]["reordered"] == 0


def test_one_copy_that_never_comes_is_lost(tmp_path):
    with faulty("drop:25") as server:
        done, result = group(server, "--gate", "lost=0", "--gate", "lost_gone=0", tmp_path=tmp_path,
                             quiet=INCOMPLETE)
    ledger = result["ledger"]
    assert done.returncode == 1
    assert_clean(ledger, "lost")
    assert ledger["lost"] == ledger["expected"] // 25 == ledger["lost_stored"]
    assert ledger["lost_gone"] == 0 and ledger["history_checked"]


def test_what_the_server_forgot_is_gone(tmp_path):
    with faulty("forget:10") as server:
        done, result = group(server, "--gate", "lost_gone=0", tmp_path=tmp_path, quiet=INCOMPLETE)
    ledger = result["ledger"]
    assert done.returncode == 1
    assert ledger["lost"] == ledger["lost_gone"] == 4 * (ledger["saved"] // 10) > 0


@pytest.mark.parametrize("fault, counter, gate", [
    ("double:20", "dup", "dup=0"),
    ("resend:20", "redelivered", None),
    ("corrupt:20", "corrupt", "corrupt=0"),
    ("misroute:20", "misrouted", "corrupt=0"),
    ("phantom:20", "phantom", "corrupt=0"),
    ("seqlie:50", "seq_mismatch", "corrupt=0"),
])
def test_a_fault_of_one_copy(fault, counter, gate, tmp_path):
    with faulty(fault) as server:
        done, result = group(server, *(["--gate", gate] if gate else []), tmp_path=tmp_path)
    ledger = result["ledger"]
    assert done.returncode == (1 if gate else 0)
    also = {"seq_mismatch": ["reordered", "gaps"], "phantom": ["corrupt"]}  # a ghost has another's text
    assert_clean(ledger, counter, *also.get(counter, []))
    assert ledger[counter] >= ledger["expected"] // int(fault.split(":")[1]) > 0


def test_copies_that_change_places(tmp_path):
    with faulty("swap:15") as server:
        done, result = group(server, "--gate", "reordered=0", tmp_path=tmp_path, quiet=INCOMPLETE)
    ledger = result["ledger"]
    assert done.returncode == 1
    assert_clean(ledger, "reordered", "reordered_sender", "lost")
    assert ledger["reordered"] > 0


def test_numbers_that_are_left_out(tmp_path):
    with faulty("seqgap:10") as server:
        done, result = group(server, "--gate", "gaps=0", tmp_path=tmp_path)
    assert done.returncode == 1 and result["ledger"]["gaps"] > 0
    assert_clean(result["ledger"], "gaps")


def test_members_who_come_back_get_what_they_missed(tmp_path):
    with faulty("cut-receiver:40") as server:
        _, result = group(server, "--reconnect", "--backoff", "0.05s", tmp_path=tmp_path)
    ledger = result["ledger"]
    assert_clean(ledger, "redelivered", "unknown", "reordered", "reordered_sender")
    assert ledger["delivered_resend"] > 0 and result["figures"]["lost"] == 0


def test_refused_and_unanswered_messages(tmp_path):
    with faulty("refuse:10", "silent:10") as server:
        _, result = group(server, tmp_path=tmp_path, quiet=INCOMPLETE)
    ledger = result["ledger"]
    assert ledger["balanced"] and ledger["refused"] > 0 and ledger["unknown"] > 0
    assert ledger["unknown_delivered"] == 4 * ledger["unknown"]
