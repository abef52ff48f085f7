# SPDX-License-Identifier: Apache-2.0
"""minim bench mixed: shares of the profile, and each fault of the answers in its figures."""
import json

import pytest

from support.bench import HELD, bench, faulty, minim, seconds

KINDS = ("history", "conversations", "login")


def mixed(server, *args, tmp_path, profile=None, rate=200, duration="1s", clients=8):
    if profile:
        path = tmp_path / "profile"
        path.write_text("".join(f"{line}\n" for line in profile.split()))
        args = ("--profile", str(path), *args)
    return bench(server, "mixed", "--clients", str(clients), "--rate", str(rate), "--duration", duration,
                 "--warmup", "0", "--quiet", "0.4s", *args, tmp_path=tmp_path)


def assert_adds_up(result):
    assert result["ledger"]["balanced"] and result["http"]["balanced"]
    for kind in KINDS:
        count = result["http"][kind]
        assert count["attempted"] == count["skipped"] + count["ok"] + count["failed"] + count["unanswered"]


def is_timed(result, kind):
    """Every answer has its latency, but the first, which is due with the warm-up's (empty) start."""
    return result["http"][kind]["ok"] - result["latency"][f"http_{kind}"]["count"] in (0, 1)


def test_the_built_in_profile(tmp_path):
    with faulty() as server:
        done, result = mixed(server, "--gate", "http_errors=0", "--gate", "history_p99" + HELD, "--gate", "http_skipped=0",
                             "--gate", "receipts_missing=0", "--gate", "lost=0", tmp_path=tmp_path, duration="2s")
    assert done.returncode == 0, done.stdout
    assert_adds_up(result)
    # 200 a second, spread evenly: 80, 12, 7 and 1 percent of them, to the last that was due.
    due = 200 * seconds(result, "warmup", "steady")
    counts = [result["ledger"]["attempted"], *(result["http"][kind]["attempted"] for kind in KINDS)]
    shares = [count - due * share for count, share in zip(counts, (0.80, 0.12, 0.07, 0.01))]
    assert [-1 <= share <= 2 for share in shares] == [True] * 4, (counts, due)
    for kind in KINDS:
        assert is_timed(result, kind)
    # 80% of the messages are read, to within one of each of the four conversations.
    assert abs(result["counters_total"]["reads_sent"] - 0.8 * result["ledger"]["saved"]) <= 4


def test_poisson(tmp_path):
    with faulty() as server:
        _, result = mixed(server, "--model", "poisson", tmp_path=tmp_path, profile="single=1 history=1")
    assert_adds_up(result)
    due = 100 * seconds(result, "warmup", "steady")  # of each; five standard deviations of chance
    for count in (result["http"]["history"]["attempted"], result["ledger"]["attempted"]):
        assert abs(count - due) <= 5 * due ** 0.5 + 1


@pytest.mark.parametrize("profile, sent, asked", [("single=1", True, False), ("history=2 conversations=1", False, True)])
def test_kinds_may_be_absent(profile, sent, asked, tmp_path):
    with faulty() as server:
        _, result = mixed(server, tmp_path=tmp_path, profile=profile)
    assert_adds_up(result)
    assert (result["ledger"]["sent"] > 0, result["http"]["history"]["ok"] > 0) == (sent, asked)
    assert result["counters_total"]["reads_sent"] == 0


def test_failures_by_cause(tmp_path):
    with faulty("page-fail:5", "login-refuse:2") as server:
        done, result = mixed(server, "--gate", "http_errors=0", tmp_path=tmp_path,
                             profile="single=1 history=5 conversations=2 login=2")
    assert done.returncode == 1
    assert_adds_up(result)
    http = result["http"]
    assert http["login"]["failed"] == http["login"]["attempted"] // 2 > 0
    assert http["history"]["failed"] + http["conversations"]["failed"] == \
        (http["history"]["attempted"] + http["conversations"]["attempted"]) // 5
    assert http["failures"] == {"login: 429 too_many_requests": http["login"]["failed"],
                                "history: 500 internal_error": http["history"]["failed"],
                                "conversations: 500 internal_error": http["conversations"]["failed"]}
    assert result["figures"]["http_errors"] == sum(http["failures"].values())
    assert is_timed(result, "login")


def test_a_page_out_of_order_is_a_failure(tmp_path):
    with faulty("page-order") as server:
        _, result = mixed(server, tmp_path=tmp_path, profile="single=4 history=1", clients=2, duration="2s")
    assert_adds_up(result)
    assert set(result["http"]["failures"]) == {"history: page out of order"}


def test_waiting_for_a_connection_is_in_the_latencies(tmp_path):
    """No coordinated omission: 20 a second on a connection that takes 4 of them in that time."""
    with faulty("page-slow:1:0.25") as server:
        _, result = mixed(server, "--http-connections", "1", "--timeout", "20s", tmp_path=tmp_path,
                          profile="history=1", rate=20)
    assert_adds_up(result)
    latency = result["latency"]["http_history"]
    assert is_timed(result, "history") and latency["count"] >= 19
    assert latency["min_ns"] >= 250e6
    # The last of them was due after 1 s and answered after 5 s; on a busy machine later, never sooner.
    assert latency["max_ns"] > 3e9 and latency["p50_ns"] > 1e9
    assert result["latency"]["http_wait"]["max_ns"] > 3e9


def test_a_full_queue_skips_and_counts(tmp_path):
    with faulty("page-slow:1:0.25") as server:
        done, result = mixed(server, "--http-connections", "1", "--timeout", "0.5s", "--gate", "http_skipped=0",
                             tmp_path=tmp_path, profile="conversations=1", rate=10000)
    assert done.returncode == 1
    assert_adds_up(result)
    count = result["http"]["conversations"]
    assert count["attempted"] > 9000
    assert 4000 <= count["unanswered"] <= 4096
    assert count["skipped"] > 4000
    assert result["figures"]["http_errors"] == count["unanswered"]


@pytest.mark.parametrize("profile, message", [
    ("video=1", "no such kind"),
    ("read=50", "every weight is 0"),
])
def test_profiles_that_are_refused(profile, message, tmp_path):
    path = tmp_path / "profile"
    path.write_text("\n".join(profile.split()))
    done = minim("bench", "mixed", "--spawn", "--profile", str(path))
    assert done.returncode == 2
    assert message in done.stderr


def test_groups_need_whole_ones(tmp_path):
    path = tmp_path / "profile"
    path.write_text("group = 1\n")
    for members in ("30", "400"):
        done = minim("bench", "mixed", "--spawn", "--profile", str(path), "--members", members)
        assert done.returncode == 2 and "--members must be even, and divide --clients" in done.stderr


def test_groups_beside_pairs(tmp_path):
    with faulty() as server:
        done, result = mixed(server, "--members", "4", "--quiet", "30s", tmp_path=tmp_path, profile="single=1 group=1 history=1", rate=300)
    ledger = result["ledger"]
    assert done.returncode == 0 and ledger["balanced"]
    to_groups, rest = divmod(ledger["expected"] - ledger["saved"], 2)  # each of which has three copies
    assert rest == 0 and 0 < to_groups < ledger["saved"]
    assert {name: ledger[name] for name in ("lost", "dup", "reordered", "reordered_sender", "misrouted", "gaps")} == \
        dict.fromkeys(("lost", "dup", "reordered", "reordered_sender", "misrouted", "gaps"), 0)
    assert result["latency"]["last_member"]["count"] > 0
    assert result["figures"]["receipts_missing"] == 0


def test_http_is_needed():
    done = minim("bench", "mixed", "--ws", "ws://127.0.0.1:1/ws")
    assert done.returncode == 2
    assert "mixed needs --http" in done.stderr


def test_a_real_server(tmp_path):
    path, page = tmp_path / "result.json", tmp_path / "page.html"
    done = minim("bench", "mixed", "--spawn", "--login", "--clients", "10", "--rate", "100", "--duration", "2s",
                 "--warmup", "0.3s", "--json", str(path), "--html", str(page), "--gate", "http_errors=0", "--gate", "lost=0",
                 "--gate", "receipts_missing=0", "--gate", "receipts_backwards=0", "--gate", "receipts_repeated=0",
                 secret=None)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(path.read_text())
    assert_adds_up(result)
    assert all(result["http"][kind]["ok"] > 0 for kind in KINDS)
    assert result["figures"]["connections_lost"] == 0  # its logins are of other accounts
    text = page.read_text()
    assert "what became of every request" in text and "a history page" in text
