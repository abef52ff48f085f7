# SPDX-License-Identifier: Apache-2.0
"""minim bench group: against a daemon of its own."""
import json
import subprocess

import pytest

from support.bench import minim
from support.server import MINIM, sanitizer_environment

# Drain ends when everything has come; quiet is for what never does, and must outlast a busy machine.
QUICK = ["--warmup", "100ms", "--duration", "500ms", "--quiet", "30s"]


def group(tmp_path, *args):
    path = tmp_path / "result.json"
    done = minim("bench", "group", "--json", str(path), *args)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []
    return done, json.loads(path.read_text())


def test_every_message_comes_to_every_member(tmp_path):
    done, result = group(tmp_path, "--spawn", "--groups", "3", "--members", "7", "--online", "5", "--senders", "2",
                         "--inflight", "4", *QUICK, "--gate", "lost=0", "--gate", "dup=0", "--gate", "reordered=0",
                         "--gate", "reordered_sender=0", "--gate", "gaps=0", "--gate", "corrupt=0",
                         "--gate", "connected=15", "--gate", "last_p99<3600s")
    counters, ledger = result["counters_total"], result["ledger"]
    assert ledger["balanced"] and ledger["saved"] > 0
    assert ledger["expected"] == ledger["saved"] * 4 == ledger["delivered_live"] + ledger["delivered_resend"]
    assert counters["group_acks"] > 0
    ranks = [result["latency"][name] for name in ("first_member", "median_member", "last_member")]
    assert ranks[0]["count"] == ranks[1]["count"] == ranks[2]["count"] > 0
    assert ranks[0]["max_ns"] <= ranks[1]["max_ns"] <= ranks[2]["max_ns"]
    assert result["figures"]["server_cpu_us_per_delivery"] < result["figures"]["server_cpu_us_per_msg"]
    assert "3 of 7 members, 5 connect, 2 send" in done.stdout


def test_a_sample_says_that_it_is_one(tmp_path):
    done, result = group(tmp_path, "--spawn", "--members", "10", "--senders", "1", "--rate", "50", "--sample", "50",
                         *QUICK)
    assert "SAMPLE: 50% of the members" in done.stdout
    ledger = result["ledger"]
    assert ledger["balanced"]
    assert ledger["delivered_live"] + ledger["delivered_unwatched"] == ledger["saved"] * 9
    assert ledger["delivered_live"] == ledger["saved"] * 5


def test_as_many_groups_as_there_are_descriptors_for(tmp_path):
    """Whole ones: 540 descriptors, of which 500 are kept for other things."""
    path = tmp_path / "result.json"
    options = " ".join(["--groups", "50", "--members", "4", "--senders", "1", "--fit", *QUICK])
    command = f"ulimit -n 540; exec {MINIM} bench group --loopback memory {options} --json {path}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, env=sanitizer_environment(),
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    parameters = json.loads(path.read_text())["parameters"]
    assert parameters["clients"] == 4 * parameters["groups"]
    # Who may raise the limit does so, and has all of them.
    assert parameters["groups"] == 50 or (parameters["groups"] == 10 and parameters["clients_asked"] == 200)


def test_a_ledger_of_groups_is_in_the_store(tmp_path):
    ledger, data = tmp_path / "run.ledger", tmp_path / "data"
    _, result = group(tmp_path, "--spawn", "--keep", str(data), "--ledger", str(ledger), "--members", "4",
                      "--senders", "4", *QUICK)
    done = minim("verify", "--data-dir", str(data), "--ledger", str(ledger), "--json", "-")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["looked_at"]["ledger_lines"] == result["ledger"]["saved"] > 0
    lines = ledger.read_text().splitlines()
    fields = lines[1].split("\t")
    assert fields[1].startswith("group:")
    lines[1] = "\t".join([fields[0], "group:7", *fields[2:]])
    ledger.write_text("\n".join(lines) + "\n")
    done = minim("verify", "--data-dir", str(data), "--ledger", str(ledger))
    assert done.returncode == 1 and "to group 7" in done.stdout and "sender or receiver differs" in done.stdout
    done = minim("verify", "--http", "http://127.0.0.1:1", "--ledger", str(ledger))
    assert done.returncode == 2


@pytest.mark.parametrize("how", ["memory", "commit"])
def test_the_generator_alone(how, tmp_path):
    """Against a process that passes messages on: the same frames, and the same ledger."""
    done, result = group(tmp_path, "--loopback", how, "--groups", "2", "--members", "5", "--senders", "2", *QUICK,
                         "--gate", "lost=0", "--gate", "dup=0", "--gate", "reordered=0", "--gate", "gaps=0")
    assert "LOOPBACK" in done.stdout and result["parameters"]["loopback"] == how
    assert result["ledger"]["balanced"] and result["ledger"]["expected"] == result["ledger"]["saved"] * 4 > 0
    assert result["figures"]["frames_per_cpu_s"] > 0


def test_filled_stores_are_what_a_daemon_would_have_written(tmp_path):
    data = tmp_path / "data"
    _, result = group(tmp_path, "--spawn", "--keep", str(data), "--fill", "--stored", "30", "--groups", "2", "--members", "9",
                      "--online", "4", "--senders", "3", "--daemon-option", "--im.group-chat.strategy.mode=push", *QUICK,
                      "--gate", "lost=0", "--gate", "dup=0", "--gate", "reordered=0")
    assert result["parameters"]["daemon_args"] == ["--im.group-chat.strategy.mode=push"]
    assert result["figures"]["server_bytes_per_member"] is not None
    done = minim("verify", "--data-dir", str(data), "--json", "-")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["looked_at"]["messages"] == 60 + result["ledger"]["saved"]


def test_numbers_that_do_not_fit_together():
    for args, why in [(["--members", "5", "--online", "6"], "--online is more than --members"),
                      (["--members", "5", "--senders", "6"], "--senders is more than"),
                      (["--groups", "1000000", "--members", "1000000"], "--groups times --members"),
                      (["--members", "1000000", "--senders", "1000000"], "too many senders"),
                      (["--stored", "5"], "--stored needs --fill"),
                      (["--fill", "--login"], "--fill and --login exclude each other"),
                      (["--loopback", "memory"], "--loopback stands in the place of a server"),
                      (["--clients", "5"], "--clients: this command has no such option")]:
        done = minim("bench", "group", "--spawn", *args)
        assert done.returncode == 2 and why in done.stderr, done.stderr
    done = minim("bench", "group", "--ws", "ws://127.0.0.1:1/ws")
    assert done.returncode == 2 and "group needs --http" in done.stderr
    done = minim("bench", "group", "--ws", "ws://127.0.0.1:1/ws", "--http", "http://127.0.0.1:1", "--fill")
    assert done.returncode == 2 and "--fill writes into the store of --spawn" in done.stderr


def test_groups_that_cannot_be_made(tmp_path):
    """The server as it is delivered lets a user make one group a minute; and none is there at all."""
    done = minim("bench", "group", "--ws", "ws://127.0.0.1:1/ws", "--http", "http://127.0.0.1:1")
    assert done.returncode == 1 and "the groups could not be made: /group/create: Connection refused" in done.stderr
    done = minim("bench", "group", "--spawn", "--members", "4", "--", "--minim.groups.max-members=3")
    assert done.returncode == 1 and "/group/join/decide: 200 group_full" in done.stderr
