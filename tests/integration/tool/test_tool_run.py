# SPDX-License-Identifier: Apache-2.0
"""What a run says of itself: that it measured nothing, why, where, how far it is, and that it was ended."""
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import fcntl
import termios

import pytest

from support.bench import SECRET, minim
from support.server import MINIM, Server, sanitizer_environment
from support.wait import Deadline

LIMITED = "rate limits refused or closed clients"


@pytest.fixture(name="limited")
def limited_server(tmp_path):
    """Delivered as it is: with its rate limits."""
    server = Server(tmp_path / "server", secret=SECRET).start()
    yield server
    server.stop()


def address(server, scheme):
    host, port = server.ws if scheme == "ws" else server.http
    return f"{scheme}://{host}:{port}" + ("/ws" if scheme == "ws" else "")


# ---- nothing was measured

def test_clients_closed_by_the_limits_are_no_measurement(limited):
    done = minim("bench", "single-e2e", "--ws", address(limited, "ws"), "--clients", "4", "--inflight", "64",
                 "--warmup", "3s", "--duration", "500ms", "--quiet", "100ms")
    assert done.returncode == 1, done.stdout
    assert "nothing was measured in the steady phase" in done.stderr
    assert LIMITED in done.stderr
    assert "--im.gateway.ws.rate-limit.connection-rate=0" in done.stderr
    assert "--im.gateway.ws.rate-limit.user-rate=0" in done.stderr


def test_a_phase_without_messages_is_no_measurement(limited):
    done = minim("bench", "single-e2e", "--ws", address(limited, "ws"), "--clients", "2", "--rate", "0.001",
                 "--model", "poisson", "--seed", "1", "--warmup", "0s", "--duration", "100ms", "--quiet", "100ms")
    assert done.returncode == 1
    assert "nothing was measured" in done.stderr and LIMITED not in done.stderr


def test_the_figures_of_what_was_measured_are_good(limited):
    done = minim("bench", "single-e2e", "--ws", address(limited, "ws"), "--clients", "2", "--rate", "20",
                 "--warmup", "0s", "--messages", "3", "--duration", "60s", "--quiet", "100ms")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""


# ---- where and why

def closed_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_causes_name_address_and_reason(tmp_path):
    at = f"127.0.0.1:{closed_port()}"
    done = minim("smoke", "--ws", f"ws://{at}/ws", "--scenario", "basic")
    assert done.returncode == 1 and f"got      {at}: Connection refused" in done.stdout
    done = minim("bench", "ping", "--ws", f"ws://{at}/ws", "--clients", "2", "--timeout", "100ms")
    assert done.returncode == 1
    assert f"authenticated at ws://{at}/ws: connect: ECONNREFUSED (Connection refused)" in done.stderr
    ledger = tmp_path / "run.ledger"
    ledger.write_text("minim-ledger 1\n1\t2\tc\t3\t1\t" + "0" * 32 + "\n")
    done = minim("verify", "--http", f"http://{at}", "--ledger", str(ledger))
    assert done.returncode == 2 and f"{at}: Connection refused" in done.stderr
    done = minim("smoke", "--login", "--scenario", "basic", "--ws", f"ws://{at}/ws", "--http", f"http://{at}")
    assert done.returncode == 1 and f"{at}: Connection refused" in done.stdout


def test_an_answer_that_is_no_upgrade_is_shown(limited):
    host, port = limited.ws
    done = minim("smoke", "--ws", f"ws://{host}:{port}/nothing", "--scenario", "basic")
    assert done.returncode == 1
    assert f'got      {host}:{port}: answered "HTTP/1.1 404 Not Found"' in done.stdout


def test_the_gateway_is_looked_for_beside_the_api():
    done = minim("bench", "ping", "--http", "http://127.0.0.2:1", "--clients", "2", "--timeout", "100ms")
    assert done.returncode == 1 and "at ws://127.0.0.2:9001/ws" in done.stderr


# ---- a store that is kept

def test_a_ledger_of_a_spawned_server_needs_its_store(tmp_path):
    ledger, data = str(tmp_path / "run.ledger"), tmp_path / "data"
    run = ["bench", "single-e2e", "--spawn", "--clients", "2", "--warmup", "0s", "--duration", "200ms",
           "--ledger", ledger]
    done = minim(*run)
    assert done.returncode == 2 and "--ledger needs --keep DIR" in done.stderr
    assert not os.path.exists(ledger)
    done = minim(*run, "--keep", str(data))
    assert done.returncode == 0, done.stdout + done.stderr
    done = minim("verify", "--data-dir", str(data), "--ledger", ledger, "--json", "-")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["looked_at"]["ledger_lines"] > 0
    done = minim(*run, "--keep", str(data))
    assert done.returncode == 2 and "is not empty" in done.stderr
    done = minim("bench", "ping", "--ws", "ws://127.0.0.1:1/ws", "--keep", str(data))
    assert done.returncode == 2 and "--keep" in done.stderr


# ---- the series

@pytest.mark.parametrize("mode, field, total", [
    ("ping", "pongs_per_s", ["pongs"]),
    ("single-e2e", "delivered_per_s", ["delivered_live", "delivered_resend"]),
])
def test_the_series_is_of_the_whole_run(mode, field, total, tmp_path):
    """The part of a second at the end has a row too: the rows add up to what was counted."""
    path = tmp_path / "x.json"
    done = minim("bench", mode, "--spawn", "--clients", "4", "--warmup", "100ms", "--duration", "1500ms",
                 "--quiet", "100ms", "--json", str(path), *(["--interval", "50ms"] if mode == "ping" else []))
    assert done.returncode == 0, done.stderr
    result = json.loads(path.read_text())
    counters = result["counters_total"]
    seconds = amount = 0
    for row in result["series"]:
        amount += row[field] * (row["at_s"] - seconds)
        seconds = row["at_s"]
    assert round(amount, 3) == sum(counters[name] for name in total) > 0


# ---- IPv6

def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
@pytest.mark.parametrize("listen", ["::1", "::"])
def test_ipv6(listen):
    done = minim("smoke", "--spawn", "--scenario", "basic,session", "--", f"--server.address={listen}",
                 f"--im.gateway.ws.host={listen}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_ipv6_with_and_without_brackets(tmp_path):
    server = Server(tmp_path, secret=SECRET, options={"server.address": "::1", "im.gateway.ws.host": "::1"}).start()
    try:
        for ws, http in ((f"[::1]:{server.ws[1]}", f"[::1]:{server.http[1]}"),
                         (f"::1:{server.ws[1]}", f"::1:{server.http[1]}")):
            done = minim("smoke", "--ws", f"ws://{ws}/ws", "--http", f"http://{http}", "--scenario", "basic,session")
            assert done.returncode == 0, done.stdout + done.stderr
            done = minim("bench", "ping", "--ws", f"ws://{ws}", "--clients", "2", "--interval", "50ms", "--warmup", "0s",
                         "--duration", "500ms", "--quiet", "100ms")
            assert done.returncode == 0, done.stdout + done.stderr
    finally:
        server.stop()


# ---- on a terminal

class Terminal:
    """minim with its standard error on a terminal of some width."""

    def __init__(self, columns, *args, stdout=subprocess.PIPE):
        self.fd, slave = pty.openpty()
        self.resize(columns)
        env = {**sanitizer_environment(), "IM_AUTH_JWT_SECRET": SECRET}
        env.pop("COLUMNS", None)
        self.process = subprocess.Popen([MINIM, *args], stdin=subprocess.DEVNULL, stdout=stdout, stderr=slave,
                                        text=True, env=env)
        os.close(slave)
        self.text = ""

    def resize(self, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def read(self):
        """False at the end."""
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # EIO: the other side is closed
            return False
        self.text += data.decode()
        return bool(data)

    def wait_for(self, pattern):
        deadline = Deadline(60)
        while not re.search(pattern, self.text):
            assert select.select([self.fd], [], [], deadline.left())[0] and self.read(), self.text

    def end(self):
        while self.read():
            pass
        out = self.process.communicate(timeout=60)[0]
        os.close(self.fd)
        return self.process.returncode, out

    def lines(self):
        return [part for part in re.split(r"\r\x1b\[K|\r?\n", self.text) if part]


@pytest.mark.parametrize("columns", [0, 20, 60, 80, 200])
def test_the_progress_line_fits_the_terminal(columns):
    terminal = Terminal(columns, "bench", "single-e2e", "--spawn", "--clients", "200", "--warmup", "100ms",
                        "--duration", "2500ms", "--quiet", "100ms")
    terminal.wait_for(r"\d s +")
    code, out = terminal.end()
    assert code == 0, terminal.text
    assert max(map(len, terminal.lines())) < (columns or 80)
    assert max(map(len, out.splitlines())) <= 80
    if columns == 200:
        assert "server" in terminal.text


def test_a_window_may_become_narrower():
    terminal = Terminal(150, "bench", "ping", "--spawn", "--clients", "10", "--interval", "10ms", "--warmup", "0s",
                        "--duration", "3600s")
    terminal.wait_for("server .*MiB")
    terminal.resize(40)
    terminal.wait_for("MiB.*\r\x1b\\[K[^\r]{10,39}\r")  # the line after it, whole
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end()[0] == 0


# ---- Ctrl-C

@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_smoke_blames_nobody(signum, tmp_path):
    path, junit = tmp_path / "x.json", tmp_path / "x.xml"
    terminal = Terminal(80, "smoke", "--spawn", "--scenario", "basic,resend,session,protocol", "--json", str(path),
                        "--junit", str(junit), "--", "--im.cron.resend.fixed-delay-ms=3600000")
    terminal.wait_for(r"resend +\d+ s of at most 15 s")  # long waits are shown
    terminal.process.send_signal(signum)
    code, out = terminal.end()
    assert code == 1
    assert "minim smoke: interrupted" in terminal.text
    assert "FAILED" not in out
    assert re.search(r"^basic +ok", out, re.M) and re.search(r"^resend +interrupted", out, re.M)
    assert re.search(r"^session +skipped \(interrupted\)", out, re.M)
    assert re.search(r"^protocol +skipped \(interrupted\)", out, re.M)
    result = json.loads(path.read_text())
    assert result["ok"] is False
    assert [(s["scenario"], s["ok"], s["skipped"], s.get("reason")) for s in result["scenarios"]] == [
        ("basic", True, False, None), ("resend", False, True, "interrupted"),
        ("session", False, True, "interrupted"), ("protocol", False, True, "interrupted")]
    assert all(step["ok"] for s in result["scenarios"] for step in s["steps"])
    assert 'failures="0" errors="0" skipped="3"' in junit.read_text()
