# SPDX-License-Identifier: Apache-2.0
"""minim bench ack: each fault of receipts and cursors must show in its figures."""
import pytest

from support.bench import HELD, bench, faulty, minim, seconds

FAULTS = ("receipts_missing", "receipts_repeated", "receipts_backwards", "receipts_unasked")


def ack(server, *args, tmp_path, clients=8, http=True):
    """Open loop, 200 messages a second for 1 s."""
    return bench(server, "ack", "--clients", str(clients), "--rate", "200", "--duration", "1s",
                 "--warmup", "0.1s", "--quiet", "0.5s", *args, tmp_path=tmp_path, http=http)


def assert_clean(result, *but):
    assert result["ledger"]["balanced"] and result["ledger"]["lost"] == 0
    assert {name: result["figures"][name] for name in FAULTS if name not in but} == \
        {name: 0 for name in FAULTS if name not in but}


def test_no_fault_is_clean(tmp_path):
    with faulty() as server:
        done, result = ack(server, "--gate", "receipts_missing=0", "--gate", "read_receipt_p99" + HELD,
                           "--gate", "cursor_lag_max" + HELD, "--gate", "cursors_behind=0",
                           tmp_path=tmp_path)
    assert done.returncode == 0, done.stdout
    assert_clean(result)
    receipts, saved = result["receipts"], result["ledger"]["saved"]
    assert receipts["acks_delivered"] == receipts["acks_read"] == saved
    assert receipts["receipts_delivered"] == receipts["receipts_read"] == saved
    for kind in ("receipt", "read_receipt"):  # of the steady phase only
        assert abs(result["latency"][kind]["count"] - 200 * seconds(result, "steady")) <= 4
    cursors = result["cursors"]
    assert (cursors["conversations"], cursors["of"], cursors["failed"]) == (4, 4, 0)
    assert cursors["senders"] == [0, 2, 4, 6]
    assert result["latency"]["cursor_lag"]["count"] > 3


def test_closed_loop_is_clean(tmp_path):
    with faulty() as server:
        _, result = bench(server, "ack", "--clients", "4", "--inflight", "3", "--duration", "0.5s",
                          "--warmup", "0.1s", tmp_path=tmp_path)
    assert_clean(result)
    assert result["receipts"]["receipts_read"] > 10


def test_withheld_receipts_of_one_kind(tmp_path):
    with faulty("receipt-drop:2") as server:  # delivered and read take turns: every read one
        done, result = ack(server, "--gate", "receipts_missing=0", tmp_path=tmp_path, clients=2)
    assert done.returncode == 1
    assert_clean(result, "receipts_missing")
    saved = result["ledger"]["saved"]
    assert (result["receipts"]["missing_delivered"], result["receipts"]["missing_read"]) == (0, saved)
    assert result["figures"]["cursors_behind"] == 0


def test_all_receipts_withheld(tmp_path):
    with faulty("receipt-drop") as server:
        _, result = ack(server, tmp_path=tmp_path)
    assert result["figures"]["receipts_missing"] == 2 * result["ledger"]["saved"]
    assert result["figures"]["receipt_p99"] is None


def test_merged_receipts_are_not_missing(tmp_path):
    """One for many is what the protocol allows; only what nothing covers at the end is missing."""
    with faulty("receipt-drop:3") as server:
        _, result = ack(server, tmp_path=tmp_path, clients=2)
    assert_clean(result, "receipts_missing")
    assert result["figures"]["receipts_missing"] <= 2
    assert result["receipts"]["receipts_read"] < result["receipts"]["acks_read"]
    assert result["latency"]["read_receipt"]["count"] >= 190


@pytest.mark.parametrize("fault, figure, counter", [
    ("receipt-double:10", "receipts_repeated", "repeated"),
    ("receipt-back:10", "receipts_backwards", "backwards"),
    ("receipt-stray:10", "receipts_unasked", "unasked"),
])
def test_receipts_that_should_not_be(fault, figure, counter, tmp_path):
    with faulty(fault) as server:
        done, result = ack(server, "--gate", f"{figure}=0", tmp_path=tmp_path, clients=2)
    assert done.returncode == 1
    assert_clean(result, figure)
    sent = result["receipts"]["receipts_delivered"] + result["receipts"]["receipts_read"]
    assert result["receipts"][counter] == result["figures"][figure] == sent // 10 > 0


@pytest.mark.parametrize("fault", ["receipt-lie:10", "receipt-other:10"])
def test_receipts_for_something_else(fault, tmp_path):
    with faulty(fault) as server:
        _, result = ack(server, tmp_path=tmp_path, clients=2)
    # Instead of the right one, so the last of a conversation may be missing.
    assert_clean(result, "receipts_unasked", "receipts_missing")
    assert result["figures"]["receipts_unasked"] == 2 * result["ledger"]["saved"] // 10
    assert result["figures"]["receipts_missing"] <= 2


def test_delay_is_in_the_latencies(tmp_path):
    with faulty("receipt-delay:1:0.3") as server:
        _, result = ack(server, tmp_path=tmp_path)
    assert_clean(result)
    for kind in ("receipt", "read_receipt"):
        assert result["latency"][kind]["min_ns"] >= 300e6
        assert result["latency"][kind]["count"] >= 190


def test_cursor_that_never_arrives(tmp_path):
    with faulty("cursor-stuck") as server:
        done, result = ack(server, "--timeout", "0.4s", "--gate", "cursors_behind=0",
                           tmp_path=tmp_path, clients=2)
    assert done.returncode == 1
    assert_clean(result)
    assert result["cursors"]["behind"] == 1
    # A later message moves the cursor past the one that is waited for.
    assert result["figures"]["cursors_behind"] >= 1


def test_cursor_that_is_late(tmp_path):
    with faulty("cursor-late:1:0.3") as server:
        _, result = ack(server, tmp_path=tmp_path)
    assert result["figures"]["cursors_behind"] == 0
    assert result["latency"]["cursor_lag"]["min_ns"] >= 300e6


def test_without_http_no_cursors_are_asked_for(tmp_path):
    with faulty() as server:
        _, result = ack(server, tmp_path=tmp_path, http=False)
    assert_clean(result)
    assert "cursors" not in result


def test_cut_connections_are_no_missing_receipts(tmp_path):
    with faulty("cut:40", "cut-receiver:50") as server:
        _, result = ack(server, "--reconnect", "--backoff", "0.02s", tmp_path=tmp_path, clients=4)
    assert_clean(result, "receipts_repeated", "receipts_backwards")
    assert result["figures"]["connections_lost"] >= 3
    assert result["figures"]["cursors_behind"] == 0


def test_receipts_on_their_way_to_a_cut_sender_are_counted_apart(tmp_path):
    with faulty("cut:40", "receipt-delay:1:0.2") as server:
        _, result = ack(server, tmp_path=tmp_path, clients=2)
    assert_clean(result)
    assert result["receipts"]["cut"] > 0


def test_a_real_server_is_clean(tmp_path):
    path = tmp_path / "result.json"
    done = minim("bench", "ack", "--spawn", "--clients", "10", "--rate", "300", "--duration", "1s",
                 "--warmup", "0.2s", "--json", str(path), "--html", str(tmp_path / "page.html"),
                 *(arg for name in (*FAULTS, "cursors_behind", "lost", "dup")
                   for arg in ("--gate", f"{name}=0")), "--gate", "cursor_lag_max" + HELD)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "page.html").read_text()
    assert "ACK read to its receipt" in page and "Cursors over HTTP" in page
