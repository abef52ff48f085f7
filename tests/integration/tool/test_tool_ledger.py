# SPDX-License-Identifier: Apache-2.0
"""minim bench against a scripted faulty gateway: each fault must show in the ledger.

docs/bench.md  The gateway is tests/support/fake_server.py; rates are low, runs are
short, and every assertion is on counts that follow from the fault, not on time.
"""
import json
import signal
import subprocess

import pytest

from support.bench import HELD, SECRET, assert_clean, bench, faulty, seconds
from support.server import MINIM, sanitizer_environment
from support.wait import until


def single(server, *args, tmp_path, clients=8, http=True):
    """Open loop, 400 messages a second for 1 s, after a warm-up of 0.2 s."""
    return bench(server, "single-e2e", "--clients", str(clients), "--rate", "400",
                 "--duration", "1s", "--warmup", "0.2s", "--quiet", "0.5s", *args,
                 tmp_path=tmp_path, http=http)


def test_no_fault_is_clean(tmp_path):
    with faulty() as server:
        done, result = single(server, "--gate", "lost=0", "--gate", "p99" + HELD, tmp_path=tmp_path)
    ledger = result["ledger"]
    assert done.returncode == 0
    assert_clean(ledger)
    assert ledger["sent"] == ledger["saved"] == ledger["delivered_live"]
    assert abs(ledger["sent"] - 400 * seconds(result, "warmup", "steady")) <= 2
    assert result["counters_total"]["acks_sent"] == ledger["saved"]
    assert result["counters_total"]["receipts"] == ledger["saved"]
    response = result["latency"]["response"]
    assert response["min_ns"] <= response["p50_ns"] <= response["p99_ns"] <= response["max_ns"]
    assert sum(n for _, n in response["buckets"]) == response["count"]
    # Only the steady phase is in the latencies: 400 a second, to the last that was due.
    assert abs(response["count"] - 400 * seconds(result, "steady")) <= 2


def test_closed_loop_is_clean(tmp_path):
    with faulty() as server:
        _, result = bench(server, "single-e2e", "--clients", "6", "--inflight", "3",
                          "--duration", "0.5s", "--warmup", "0.1s", tmp_path=tmp_path)
    assert_clean(result["ledger"])
    assert result["ledger"]["saved"] > 10


def test_drop_is_lost_but_stored(tmp_path):
    with faulty("drop:10") as server:
        done, result = single(server, "--gate", "lost=0", tmp_path=tmp_path)
    ledger = result["ledger"]
    assert done.returncode == 1
    assert_clean(ledger, "lost")
    assert ledger["lost"] == ledger["saved"] // 10
    assert (ledger["lost_stored"], ledger["lost_gone"]) == (ledger["lost"], 0)
    assert ledger["saved"] == ledger["delivered_live"] + ledger["lost"]


def test_forgotten_is_lost_and_gone(tmp_path):
    with faulty("forget:10") as server:
        _, result = single(server, tmp_path=tmp_path)
    ledger = result["ledger"]
    assert_clean(ledger, "lost")
    assert ledger["lost_gone"] == ledger["lost"] == ledger["saved"] // 10


def test_lost_without_history_is_still_lost(tmp_path):
    with faulty("drop:10") as server:
        _, result = single(server, tmp_path=tmp_path, http=False)
    assert result["ledger"]["lost"] > 0
    assert result["ledger"]["history_checked"] is False
    assert result["figures"]["lost_gone"] is None


def test_double(tmp_path):
    with faulty("double:10") as server:
        _, result = single(server, tmp_path=tmp_path)
    ledger = result["ledger"]
    assert_clean(ledger, "dup")
    assert ledger["dup"] == ledger["saved"] // 10


def test_resend_is_no_double(tmp_path):
    with faulty("resend:10") as server:
        _, result = single(server, tmp_path=tmp_path)
    ledger = result["ledger"]
    assert_clean(ledger, "redelivered")
    assert ledger["redelivered"] == ledger["saved"] // 10


def test_resend_long_after_the_ack_is_a_double(tmp_path):
    with faulty("late-resend:20:8") as server:
        _, result = bench(server, "single-e2e", "--clients", "2", "--rate", "20",
                          "--duration", "12s", "--warmup", "0", "--quiet", "0.5s",
                          tmp_path=tmp_path)
    ledger = result["ledger"]
    assert_clean(ledger, "dup")
    assert ledger["dup"] >= 3


def test_swap_is_reordered(tmp_path):
    with faulty("swap:10") as server:
        _, result = single(server, tmp_path=tmp_path, clients=2)
    ledger = result["ledger"]
    # The last one may still be held back when the run ends.
    assert_clean(ledger, "reordered", "lost")
    assert ledger["lost"] <= 1
    assert ledger["reordered"] >= ledger["saved"] // 10 - 1


def test_delay_is_in_the_latencies(tmp_path):
    with faulty("delay:2:0.4") as server:
        _, result = bench(server, "single-e2e", "--clients", "2", "--rate", "50",
                          "--duration", "1s", "--warmup", "0", "--quiet", "1s",
                          tmp_path=tmp_path)
    # Half of them late: the median may fall on either side, the p90 not.
    assert result["latency"]["response"]["p90_ns"] >= 400e6
    assert result["latency"]["response"]["min_ns"] < 400e6
    assert result["ledger"]["lost"] == 0
    assert result["ledger"]["reordered"] > 0


def test_refused_by_reason(tmp_path):
    with faulty("refuse:10") as server:
        _, result = single(server, tmp_path=tmp_path)
    ledger = result["ledger"]
    assert_clean(ledger, "refused")
    assert ledger["refused"] == ledger["sent"] // 10
    assert ledger["refused_by_reason"] == {"server_busy": ledger["refused"]}
    assert result["figures"]["errors"] == ledger["refused"]


def test_refused_sends_leak_no_slot(tmp_path):
    """The known fault of the old tools: every refusal cost a slot until the run stalled."""
    with faulty("refuse:2") as server:
        _, result = bench(server, "single-e2e", "--clients", "2", "--inflight", "2",
                          "--duration", "1s", "--warmup", "0", tmp_path=tmp_path)
    assert_clean(result["ledger"], "refused")
    assert result["ledger"]["refused"] > 20


def test_missing_acks_are_unknown_and_free_their_slot(tmp_path):
    with faulty("silent:5") as server:
        _, result = bench(server, "single-e2e", "--clients", "2", "--inflight", "1",
                          "--timeout", "0.3s", "--duration", "3s", "--warmup", "0",
                          "--quiet", "0.5s", tmp_path=tmp_path)
    ledger = result["ledger"]
    assert_clean(ledger, "unknown")
    assert ledger["unknown"] >= 2
    assert ledger["unknown_delivered"] == ledger["unknown"]
    # The last one may be too young at the end to have been given up.
    assert ledger["unknown"] - result["counters_total"]["timed_out"] in (0, 1)


def test_sequence_gap(tmp_path):
    with faulty("seqgap:10") as server:
        _, result = single(server, tmp_path=tmp_path, clients=2)
    ledger = result["ledger"]
    assert_clean(ledger, "gaps")
    assert abs(ledger["gaps"] - ledger["saved"] // 10) <= 1


def test_sequence_differs_from_the_ack(tmp_path):
    with faulty("seqlie:10") as server:
        _, result = single(server, tmp_path=tmp_path)
    assert result["ledger"]["seq_mismatch"] == result["ledger"]["saved"] // 10
    assert result["figures"]["corrupt"] >= result["ledger"]["seq_mismatch"]


def test_corrupt_body(tmp_path):
    with faulty("corrupt:10") as server:
        done, result = single(server, "--gate", "corrupt=0", tmp_path=tmp_path)
    assert done.returncode == 1
    assert_clean(result["ledger"], "corrupt")
    assert result["ledger"]["corrupt"] == result["ledger"]["saved"] // 10


def test_misrouted(tmp_path):
    with faulty("misroute:10") as server:
        _, result = single(server, tmp_path=tmp_path)
    assert_clean(result["ledger"], "misrouted")
    assert result["ledger"]["misrouted"] == result["ledger"]["saved"] // 10


def test_phantom(tmp_path):
    with faulty("phantom:10") as server:
        _, result = single(server, tmp_path=tmp_path)
    # Its body names another message, and that shows too.
    assert_clean(result["ledger"], "phantom", "corrupt")
    assert result["ledger"]["phantom"] == result["ledger"]["saved"] // 10


def test_second_ack_is_counted_apart(tmp_path):
    with faulty("ackdouble:10") as server:
        _, result = single(server, tmp_path=tmp_path)
    assert_clean(result["ledger"])
    assert result["counters_total"]["saved_again"] == result["ledger"]["saved"] // 10


def test_garbage_is_an_error(tmp_path):
    with faulty("garbage:10") as server:
        done, result = single(server, "--gate", "errors=0", tmp_path=tmp_path)
    assert done.returncode == 1
    assert_clean(result["ledger"])
    assert result["counters_total"]["bad_frames"] == result["ledger"]["saved"] // 10


@pytest.mark.parametrize("fault", ["split", "fragment"])
def test_straddling_frames_are_all_counted(fault, tmp_path):
    """The known fault of the old tools: what straddled a read was lost to the count."""
    with faulty(fault) as server:
        _, result = single(server, tmp_path=tmp_path, clients=4)
    assert_clean(result["ledger"])
    assert result["ledger"]["delivered_live"] == result["ledger"]["sent"]


def test_stall_shows_in_an_open_loop(tmp_path):
    """No coordinated omission: what was due in the stall waits in the figures too."""
    with faulty("stall:100:0.6") as server:
        _, result = single(server, tmp_path=tmp_path, clients=4)
    response = result["latency"]["response"]
    assert_clean(result["ledger"])
    assert response["max_ns"] > 500e6
    # 400 a second: a stall of 0.6 s of the 1 s hits well over a third of them.
    assert response["p90_ns"] > 200e6


def test_full_window_is_skipped_and_counted(tmp_path):
    with faulty("stall:20:0.6") as server:
        _, result = single(server, "--inflight", "2", tmp_path=tmp_path, clients=2)
    ledger = result["ledger"]
    assert_clean(ledger)
    assert ledger["skipped"] == result["counters_total"]["skipped_inflight"] > 100
    assert ledger["attempted"] == ledger["skipped"] + ledger["sent"]


def test_cut_sender_retries_under_the_same_id(tmp_path):
    with faulty("cut:100") as server:
        _, result = single(server, "--reconnect", "--backoff", "0.05s", tmp_path=tmp_path)
    ledger = result["ledger"]
    assert_clean(ledger, "unknown")
    assert result["figures"]["connections_lost"] >= 3
    assert result["counters_total"]["retried"] >= 3
    assert ledger["unknown"] <= 1


def test_cut_sender_without_reconnect_is_unknown(tmp_path):
    with faulty("cut:100") as server:
        _, result = single(server, tmp_path=tmp_path)
    ledger = result["ledger"]
    assert_clean(ledger, "unknown")
    assert ledger["unknown"] >= 1
    assert ledger["skipped"] == result["counters_total"]["skipped_offline"] > 0


def test_cut_receiver_gets_the_rest_by_resend(tmp_path):
    with faulty("cut-receiver:100") as server:
        _, result = single(server, "--reconnect", "--backoff", "0.05s", tmp_path=tmp_path)
    ledger = result["ledger"]
    assert_clean(ledger, "redelivered")
    assert ledger["delivered_resend"] >= 3


def test_receivers_that_do_not_read_become_complete(tmp_path):
    with faulty() as server:
        _, result = single(server, "--no-read", "50", tmp_path=tmp_path)
    ledger = result["ledger"]
    assert_clean(ledger, "redelivered")
    assert result["latency"]["impaired_response"]["count"] == \
        result["counters_total"]["delivered_slow"] > 200
    # They do not spoil the figures of the others: half of 400 a second.
    assert abs(result["latency"]["response"]["count"] - 200 * seconds(result, "steady")) <= 10


def test_slow_receivers_are_reported_apart(tmp_path):
    with faulty() as server:
        _, result = single(server, "--slow", "50", "--slow-delay", "0.1s", tmp_path=tmp_path)
    assert_clean(result["ledger"])
    impaired = result["latency"]["impaired_response"]
    assert impaired["count"] == result["counters_total"]["delivered_slow"] > 200
    # Four of them take ten a second each of 200: most wait for a second, the slower the machine the longer.
    assert impaired["p90_ns"] > 200e6
    # And the figures of the others are of the others.
    assert abs(result["latency"]["response"]["count"] - 200 * seconds(result, "steady")) <= 10


def test_no_ack(tmp_path):
    with faulty() as server:
        _, result = single(server, "--no-ack", tmp_path=tmp_path)
    assert_clean(result["ledger"])
    assert result["counters_total"]["acks_sent"] == result["counters_total"]["receipts"] == 0


@pytest.mark.parametrize("model", ["burst", "poisson"])
def test_models(model, tmp_path):
    with faulty() as server:
        _, result = single(server, "--model", model, tmp_path=tmp_path)
    assert_clean(result["ledger"])
    due = 400 * seconds(result, "steady")
    assert abs(result["latency"]["response"]["count"] - due) <= 5 * due ** 0.5 + 20


def test_hot_conversations(tmp_path):
    with faulty() as server:
        _, result = single(server, "--pairs", "zipf", tmp_path=tmp_path, clients=20)
    assert_clean(result["ledger"])


def test_flap(tmp_path):
    with faulty() as server:
        _, result = single(server, "--flap", "30/0.2s", "--backoff", "0.02s", tmp_path=tmp_path)
    # Senders come back and send what was not answered again: nothing is left without an answer.
    assert_clean(result["ledger"], "redelivered")
    assert result["counters_total"]["flapped"] > 0


def test_what_a_flapping_sender_sends_again_is_not_late(tmp_path):
    with faulty("silent:10") as server:  # so that there is always something without an answer
        _, result = single(server, "--flap", "100/0.3s", "--backoff", "0.02s", tmp_path=tmp_path)
    counters = result["counters_total"]
    assert counters["retried"] > 0
    assert counters["late"] == 0
    # What was sent again was answered, unless it met the silence again or was due after the last cut.
    assert result["ledger"]["unknown"] <= (counters["sent"] + counters["retried"]) // 10
    assert_clean(result["ledger"], "redelivered", "unknown")


def test_ping(tmp_path):
    with faulty() as server:
        _, result = bench(server, "ping", "--clients", "10", "--interval", "0.05s",
                          "--duration", "1s", "--warmup", "0", tmp_path=tmp_path)
    assert result["figures"]["unanswered"] == 0
    due = 10 * seconds(result, "steady") / 0.05
    assert abs(result["counters_total"]["pongs"] - due) <= 20


def test_unanswered_pings_and_their_age(tmp_path):
    with faulty("deaf:10") as server:
        _, result = bench(server, "ping", "--clients", "1", "--interval", "0.05s",
                          "--duration", "1s", "--warmup", "0", "--quiet", "0.5s",
                          tmp_path=tmp_path)
    # PONGs have no id: each answers the oldest PING, so the last ones stay open.
    assert result["figures"]["unanswered"] == result["counters_total"]["pings"] // 10
    assert result["oldest_unanswered_ns"] > 0.5e9


def test_busy_server_is_tried_again(tmp_path):
    with faulty("busy-auth:3") as server:
        _, result = bench(server, "connect", "--clients", "20", "--reconnect", "--backoff",
                          "0.05s", "--duration", "0.1s", tmp_path=tmp_path)
    assert result["figures"]["connected"] == 20
    assert result["failures"] == {"auth: server_busy": result["figures"]["connect_failures"]}


def test_refused_auth_without_reconnect_is_final(tmp_path):
    with faulty("busy-auth:4") as server:
        done, result = bench(server, "connect", "--clients", "20", "--duration", "0.1s",
                             "--gate", "connected=20", tmp_path=tmp_path)
    assert done.returncode == 1
    assert result["figures"]["connected"] == 15
    assert result["figures"]["connect_s"] is None


def test_an_interrupt_ends_early_with_what_there_is(tmp_path):
    path, ledger = tmp_path / "result.json", tmp_path / "ledger"
    with faulty() as server:
        process = subprocess.Popen(
            [MINIM, "bench", "single-e2e", "--ws", server["ws"], "--clients", "4", "--rate", "1000",
             "--duration", "600s", "--warmup", "0", "--json", str(path), "--ledger", str(ledger)],
            stdout=subprocess.PIPE, env={**sanitizer_environment(), "IM_AUTH_JWT_SECRET": SECRET})
        until(lambda: ledger.exists() and ledger.stat().st_size > 1000, "acknowledged messages")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        process.stdout.close()
    result = json.loads(path.read_text())
    assert result["interrupted"] is True
    assert_clean(result["ledger"])
    assert result["ledger"]["saved"] > 0


def test_nobody_there(tmp_path):
    server = {"ws": "ws://127.0.0.1:1/ws"}
    done, result = bench(server, "connect", "--clients", "3", http=False, tmp_path=tmp_path)
    assert done.returncode == 1
    assert "no client could be authenticated" in done.stderr
    assert result["failures"] == {"connect: ECONNREFUSED": 3}
