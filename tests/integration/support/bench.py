# SPDX-License-Identifier: Apache-2.0
"""minim bench against a scripted faulty gateway (tests/support/fake_server.py), and its result."""
import contextlib
import json
import pathlib
import subprocess
import sys

from .server import MINIM, ROOT, sanitizer_environment

FAKE = ROOT / "tests/support/fake_server.py"
SECRET = "a-secret-that-nobody-checks-of-40-chars!"
# A gate on a time that every machine holds: tests see that it is judged, and measure nothing.
HELD = "<3600s"
# Counts of a ledger that are 0 when nothing went wrong.
TROUBLES = ("lost", "dup", "redelivered", "reordered", "reordered_resend", "gaps", "corrupt",
            "misrouted", "phantom", "seq_mismatch", "refused", "unknown", "failed")


@contextlib.contextmanager
def faulty(*faults):
    process = subprocess.Popen([sys.executable, str(FAKE), *faults], stdout=subprocess.PIPE,
                               text=True)
    try:
        line = process.stdout.readline().split()
        assert line[0] == "ready"
        yield dict(word.split("=", 1) for word in line[1:])
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def minim(*args, timeout=60, secret=SECRET):
    env = sanitizer_environment()
    if secret:
        env["IM_AUTH_JWT_SECRET"] = secret
    return subprocess.run([MINIM, *args], capture_output=True, text=True, timeout=timeout, env=env)


def assert_clean(ledger, *but, troubles=TROUBLES):
    assert ledger["balanced"]
    assert {name: ledger[name] for name in troubles if name not in but} == \
        {name: 0 for name in troubles if name not in but}


def seconds(result, *names):
    """How long the phases took, by the result: on a busy machine longer than they were to."""
    begins = {phase["name"]: phase["begin_s"] for phase in result["phases"]}
    order = [phase["name"] for phase in result["phases"]]
    return sum(begins[order[order.index(name) + 1]] - begins[name] for name in names)


def bench(server, mode, *args, tmp_path, http=True, secret=SECRET):
    path = pathlib.Path(tmp_path) / "result.json"
    extra = ["--http", server["http"]] if http else []
    done = minim("bench", mode, "--ws", server["ws"], *extra, "--json", str(path), *args, secret=secret)
    assert done.returncode in (0, 1), done.stderr
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []
    return done, json.loads(path.read_text())
