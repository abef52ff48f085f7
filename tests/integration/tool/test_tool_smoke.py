# SPDX-License-Identifier: Apache-2.0
"""minim smoke and minim bench against the real daemon, and smoke against one that fails it."""
import json
import subprocess

import pytest

from support.bench import faulty, minim
from support.server import MINIM, MINIMD, SECRET, sanitizer_environment

SCENARIOS = ["basic", "idempotency", "offline", "resend", "auth", "session", "friend", "group", "revoke", "call",
             "moments", "protocol", "cluster"]


def spawned(*args, timeout=120):
    """The command on a daemon of its own, with MINIMD's build."""
    head, tail = list(args), []
    if "--" in args:
        at = args.index("--")
        head, tail = list(args[:at]), list(args[at:])
    return subprocess.run([MINIM, *head, "--spawn", "--minimd", MINIMD, *tail],
                          capture_output=True, text=True, timeout=timeout,
                          env=sanitizer_environment())


def test_smoke_all(tmp_path):
    path = tmp_path / "smoke.json"
    done = spawned("smoke", "--json", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(path.read_text())
    assert result["ok"] is True
    assert [s["scenario"] for s in result["scenarios"]] == SCENARIOS
    assert all(s["ok"] and s["steps"] for s in result["scenarios"])


def test_smoke_by_name_and_alias():
    done = spawned("smoke", "--scenario", "cron,basic", "--json", "-")
    assert done.returncode == 0, done.stderr
    names = [s["scenario"] for s in json.loads(done.stdout)["scenarios"]]
    assert names == ["basic", "resend"]


def test_smoke_masks_tokens():
    done = spawned("smoke", "--scenario", "auth,session", "--json", "-")
    assert done.returncode == 0, done.stderr
    assert "eyJ" not in done.stdout


@pytest.mark.parametrize("fault, scenario", [("drop", "basic"), ("double", "idempotency"),
                                             ("corrupt", "basic"), ("seqlie", "basic"),
                                             ("forget", "offline")])
def test_smoke_fails_on_a_faulty_server(fault, scenario):
    with faulty(fault) as server:
        done = minim("smoke", "--ws", server["ws"], "--scenario", scenario, "--timeout", "0.5s",
                     "--json", "-")
    result = json.loads(done.stdout)
    assert done.returncode == 1
    assert result["ok"] is False
    last = result["scenarios"][0]["steps"][-1]
    assert not last["ok"] and last["expected"] and "got" in last


def test_smoke_without_http_skips_session():
    with faulty() as server:
        done = minim("smoke", "--ws", server["ws"], "--scenario", "session", "--json", "-")
    assert json.loads(done.stdout)["scenarios"][0]["skipped"] is True


def nodes(*servers):
    return [word for server in servers for word in ("--ws", "ws://%s:%d/ws" % server.ws)]


def smoke_cluster(*servers, patience="60s"):
    done = minim("smoke", *nodes(*servers), "--http", "http://%s:%d" % servers[0].http, "--jwt-secret", SECRET,
                 "--scenario", "cluster", "--timeout", patience, "--json", "-")
    return done.returncode, json.loads(done.stdout)["scenarios"][0]


def test_smoke_cluster_on_one_server(server):
    code, result = smoke_cluster(server, server)
    assert code == 0 and result["ok"], result


def test_smoke_cluster_finds_two_servers_that_are_none(server, launch):
    """A message of one does not reach the other: what is waited for in vain costs the whole patience."""
    code, result = smoke_cluster(server, launch(), patience="3s")
    assert code == 1 and not result["ok"] and not result["steps"][-1]["ok"], result


def test_smoke_cluster_needs_two(server):
    code, result = smoke_cluster(server)
    assert code == 0 and result["skipped"] and result["reason"] == "needs two --ws"


def test_bench_on_a_daemon_of_its_own(tmp_path):
    path = tmp_path / "r.json"
    done = spawned("bench", "single-e2e", "--clients", "20", "--inflight", "4", "--duration", "1s",
                   "--warmup", "0.3s", "--json", str(path), "--gate", "lost=0", "--gate", "dup=0",
                   "--gate", "reordered=0", "--gate", "gaps=0", "--gate", "unknown=0")
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(path.read_text())
    assert result["ledger"]["balanced"]
    assert result["figures"]["server_cpu_us_per_msg"] > 0
    assert result["series"][0]["server"]["rss_bytes"] > 0


def test_bench_no_read_on_a_daemon_of_its_own(tmp_path):
    path = tmp_path / "r.json"
    done = spawned("bench", "single-e2e", "--clients", "10", "--rate", "500", "--duration", "2s",
                   "--warmup", "0", "--no-read", "40", "--json", str(path), "--gate", "lost=0",
                   "--gate", "dup=0", "--gate", "reordered=0")
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(path.read_text())
    assert result["latency"]["impaired_response"]["count"] > 0


def test_bench_options_for_the_daemon():
    done = spawned("bench", "connect", "--clients", "2", "--duration", "0.1s", "--",
                   "--no.such.option=1")
    assert done.returncode == 2
    assert "no.such.option" in done.stderr
    assert "does not take its options" in done.stderr


def test_reconnect(tmp_path):
    path = tmp_path / "r.json"
    done = spawned("bench", "reconnect", "--clients", "50", "--warmup", "0.2s", "--duration",
                   "0.2s", "--backoff", "0.1s", "--json", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(path.read_text())
    assert 0 < result["recovery_s"] < 60
    assert result["figures"]["connections_lost"] == 50
