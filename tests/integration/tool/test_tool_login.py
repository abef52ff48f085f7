# SPDX-License-Identifier: Apache-2.0
"""minim bench --login and smoke --login: users with accounts, tokens from POST /auth/login."""
import json
import signal
import subprocess

import pytest

from support.bench import HELD, bench, faulty, minim
from support.server import MINIM, Server, sanitizer_environment


def logged_in(server, mode, *args, tmp_path):
    return bench(server, mode, "--login", "--warmup", "0.1s", "--quiet", "0.3s", *args, tmp_path=tmp_path,
                 secret=None)


def test_users_are_those_of_the_server(tmp_path):
    with faulty() as server:
        done, result = logged_in(server, "ack", "--clients", "6", "--rate", "100", "--duration", "0.5s",
                                 "--gate", "login_p99" + HELD, "--gate", "login_failures=0",
                                 "--gate", "cursors_behind=0", tmp_path=tmp_path)
    assert done.returncode == 0, done.stdout
    assert (result["logins"]["asked"], result["logins"]["ok"], result["logins"]["failed"]) == (6, 6, 0)
    assert result["latency"]["login"]["count"] == 6
    assert result["ledger"]["balanced"] and result["ledger"]["saved"] == result["ledger"]["sent"] > 40
    assert result["figures"]["receipts_missing"] == 0


def test_a_refused_login_fails_its_client_with_the_cause(tmp_path):
    with faulty("login-refuse:5") as server:
        done, result = logged_in(server, "connect", "--clients", "20", "--duration", "0.1s", "--reconnect",
                                 "--gate", "login_failures=0", tmp_path=tmp_path)
    assert done.returncode == 1
    assert result["failures"] == {"login: 429 too_many_requests": 4}
    assert result["figures"]["connected"] == 16
    assert result["figures"]["connect_failures"] == result["figures"]["login_failures"] == 4
    assert result["latency"]["login"]["count"] == 16


def test_messages_to_somebody_without_an_account_are_skipped(tmp_path):
    with faulty("login-refuse:4") as server:
        _, result = logged_in(server, "single-e2e", "--clients", "8", "--rate", "200", "--duration", "0.5s",
                              tmp_path=tmp_path)
    ledger = result["ledger"]
    assert ledger["balanced"] and ledger["refused"] == 0
    assert ledger["skipped"] == result["counters_total"]["skipped_offline"] > 0
    assert ledger["saved"] == ledger["delivered_live"] > 0


def test_an_answer_that_is_no_token(tmp_path):
    with faulty("login-garbage") as server:
        done, result = logged_in(server, "connect", "--clients", "3", "--duration", "0.1s", tmp_path=tmp_path)
    assert done.returncode == 1
    assert result["failures"] == {"login: 200 without a usable token": 3}


def test_nobody_listens(tmp_path):
    server = {"ws": "ws://127.0.0.1:1/ws", "http": "http://127.0.0.1:1"}
    done, result = logged_in(server, "connect", "--clients", "2", tmp_path=tmp_path)
    assert done.returncode == 1
    assert sum(result["failures"].values()) == 2
    assert all(cause.startswith("login: ") for cause in result["failures"])


def test_slow_logins_are_in_the_latencies(tmp_path):
    with faulty("login-slow:1:0.3") as server:
        _, result = logged_in(server, "connect", "--clients", "4", "--duration", "0.1s", tmp_path=tmp_path)
    assert result["latency"]["login"]["min_ns"] >= 300e6
    assert result["logins"]["took_s"] >= 0.3


def test_tokens_are_refreshed_for_those_who_come_back(tmp_path):
    with faulty("login-ttl:1:2") as server:
        _, result = logged_in(server, "connect", "--clients", "10", "--flap", "40/0.3s", "--backoff", "0.02s",
                              "--duration", "5s", tmp_path=tmp_path)
    assert result["logins"]["refreshed"] >= 20
    assert result["logins"]["refresh_failed"] == 0
    assert result["counters_total"]["flapped"] > 20
    assert result["failures"] == {}


def test_a_real_server_without_its_secret(tmp_path):
    with Server(tmp_path / "server") as server:
        address = {"ws": f"ws://127.0.0.1:{server.ws[1]}/ws", "http": f"http://127.0.0.1:{server.http[1]}"}
        done, result = logged_in(address, "single-e2e", "--clients", "6", "--rate", "40", "--duration", "1s",
                                 "--gate", "lost=0", "--gate", "login_failures=0", "--gate", "connected=6",
                                 tmp_path=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert result["ledger"]["saved"] == result["ledger"]["sent"] >= 30


def test_an_interrupt_ends_the_logins(tmp_path):
    """With what there is, which is nothing: no client has an account to connect with."""
    with faulty("login-slow:1:0.3") as server:
        process = subprocess.Popen([MINIM, "bench", "connect", "--login", "--ws", server["ws"], "--http", server["http"],
                                    "--clients", "5000"], stderr=subprocess.PIPE, text=True, env=sanitizer_environment())
        # It says how long that will take once it listens to signals.
        assert "logins cost the server" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 1
        assert "ended while logging in" in process.stderr.read()
        process.stderr.close()


def test_spawn(tmp_path):
    path = tmp_path / "result.json"
    done = minim("bench", "connect", "--spawn", "--login", "--clients", "12", "--duration", "0.2s",
                 "--gate", "connected=12", "--gate", "login_failures=0", "--json", str(path), secret=None)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(path.read_text())["logins"]["ok"] == 12


@pytest.mark.parametrize("args, message", [
    (["bench", "connect", "--login"], "--login needs --http"),
    (["smoke", "--login", "--ws", "ws://127.0.0.1:1/ws"], "--login needs --http"),
    (["bench", "connect", "--spawn", "--login", "--user-base", "7"], "exclude each other"),
])
def test_bad_arguments(args, message):
    done = minim(*args, secret=None)
    assert done.returncode == 2
    assert message in done.stderr


def test_smoke(tmp_path):
    path = tmp_path / "result.json"
    with Server(tmp_path / "server", {"im.cron.resend.enabled": True, "im.cron.resend.fixed-delay-ms": 500}) as server:
        done = minim("smoke", "--login", "--ws", f"ws://127.0.0.1:{server.ws[1]}/ws", "--http",
                     f"http://127.0.0.1:{server.http[1]}", "--resend-wait", "20s", "--json", str(path),
                     timeout=120, secret=None)
    results = {one["scenario"]: one for one in json.loads(path.read_text())["scenarios"]}
    assert done.returncode == 0, done.stdout + done.stderr
    assert results.pop("auth")["skipped"] is True
    assert all(one["ok"] or one.get("skipped") for one in results.values())
    assert "a user logs in" in {step["step"] for step in results["basic"]["steps"]}
