# SPDX-License-Identifier: Apache-2.0
"""minim's command line: bad arguments exit with 2 and say what is wrong."""
import subprocess

import pytest

from support.server import MINIM, sanitizer_environment

SECRET = "a-secret-that-nobody-checks-of-40-chars!"


def minim(*args, secret=SECRET):
    env = sanitizer_environment()
    if secret:
        env["IM_AUTH_JWT_SECRET"] = secret
    return subprocess.run([MINIM, *args], capture_output=True, text=True, timeout=30, env=env)


@pytest.mark.parametrize("args, message", [
    ([], "usage: minim COMMAND"),
    (["nothing"], 'no such command "nothing"'),
    (["version", "word"], "word: unexpected argument"),
    (["--version", "word"], "word: unexpected argument"),
    (["bench"], "usage: minim bench MODE"),
    (["bench", "nothing"], 'no such mode "nothing"'),
    (["bench", "connect", "--nothing"], "--nothing: unknown option"),
    (["bench", "connect", "--body", "5"], "--body: this command has no such option"),
    (["bench", "connect", "word"], "word: unexpected argument"),
    (["bench", "connect", "--clients"], "--clients: needs a value: integer, 1 to 1000000"),
    (["bench", "connect", "--clients", "x"], '--clients: bad value "x", expected integer, 1 to 1000000'),
    (["bench", "connect", "--clients=0"], '--clients: bad value "0"'),
    (["bench", "connect", "--client=5"], "--client: unknown option, did you mean --clients?"),
    (["bench", "connect", "--ramp", "x"], "expected number, 0 to 10000000"),
    (["bench", "ping", "--duration", "10x"], "expected time such as 250ms, 5s, 1.5m, 1h; 1 ms to "),
    (["bench", "single-e2e", "--body", "10000"], "expected bytes, with KiB, MiB or GiB behind the number if wanted, 1 to 4096"),
    (["verify", "--data-dri", "x"], "did you mean --data-dir?"),
    (["smoke", "--junti", "x"], "did you mean --junit?"),
    (["bench", "plot", "a.json"], "--html FILE, --svg DIR, or both, are missing"),
    (["bench", "plot", "--html", "x"], "expected one result"),
    (["bench", "connect", "--duration", "5 s"], "--duration: bad value"),
    (["bench", "connect", "--spawn=1"], "--spawn=1: this option takes no value"),
    (["bench", "connect", "--spawn", "--ws", "ws://h/ws"], "--spawn and --ws exclude"),
    (["bench", "connect", "--", "--x=1"], "what follows -- goes to the daemon of --spawn"),
    (["bench", "connect", "--ws", "http://h/"], "is no address: expected ws://"),
    (["bench", "connect", "--gate", "p99"], 'gate "p99": expected FIELD<VALUE'),
    (["bench", "connect", "--gate", "p99<5"], "expected a time with a unit"),
    (["bench", "connect", "--gate", "speed>1"], 'no such field "speed"'),
    (["bench", "single-e2e", "--clients", "3"], "--clients must be even"),
    (["bench", "single-e2e", "--rate", "1", "--interval", "1s"], "exclude each other"),
    (["bench", "single-e2e", "--model", "burst"], "need an open loop"),
    (["bench", "single-e2e", "--model", "nice", "--rate", "1"], "expected spread|burst|poisson"),
    (["bench", "single-e2e", "--flap", "5"], "--flap: bad value"),
    (["bench", "single-e2e", "--slow", "60", "--no-read", "60"], "more than 100%"),
    (["smoke", "--scenario", "basic,nothing"], 'no such scenario: "nothing"'),
])
def test_bad_arguments(args, message):
    done = minim(*args)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_a_secret_is_needed():
    done = minim("bench", "connect", "--ws", "ws://127.0.0.1:1/ws", secret=None)
    assert done.returncode == 2
    assert "--jwt-secret" in done.stderr
    done = minim("bench", "connect", "--ws", "ws://127.0.0.1:1/ws", secret="short")
    assert done.returncode == 2
    assert "32 bytes" in done.stderr


@pytest.mark.parametrize("args", [["--help"], ["bench", "--help"], ["bench", "ping", "--help"],
                                  ["smoke", "--help"], ["--version"]])
def test_help_is_no_error(args):
    done = minim(*args)
    assert done.returncode == 0
    assert done.stdout and not done.stderr


COMMANDS = [[], ["bench"], ["smoke"], ["verify"], ["bench", "compare"], ["bench", "plot"], ["bench", "floor"],
            *(["bench", mode] for mode in ("connect", "ping", "single-e2e", "ack", "mixed", "reconnect"))]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_has_a_usage_and_fits_80_columns(command):
    done = minim(*command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: minim " + " ".join(command))
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []


def test_spawn_without_a_daemon_says_where_it_looked(tmp_path):
    done = minim("bench", "connect", "--spawn", "--minimd", str(tmp_path / "none"))
    assert done.returncode == 1
    assert str(tmp_path / "none") in done.stderr
