# SPDX-License-Identifier: Apache-2.0
"""A data directory of which a part is gone is refused, and `minim verify` names it."""
import json
import shutil
import subprocess

import pytest

from support.im import Client
from support.server import MINIM


def live_log(data):
    return max((data / "messages").glob("*.log"), key=lambda path: path.stat().st_size)


def cut_log(data):
    path = live_log(data)
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


def cut_manifest(data):
    path = data / "messages" / (data / "messages" / "CURRENT").read_text().strip()
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


PARTS = {
    "log": lambda data: live_log(data).unlink(),
    "half of the log": cut_log,
    "half of the manifest": cut_manifest,
    "messages": lambda data: shutil.rmtree(data / "messages"),
    "minim.db": lambda data: (data / "minim.db").unlink(),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_missed(launch, uid, part):
    server = launch()
    client = Client(server, uid())
    for number in range(10):
        client.chat(uid(), f"message {number}")
    client.close()
    server.api().post("/auth/login", {"username": "somebody", "password": "secret"}).ok()
    server.stop()
    PARTS[part](server.data)
    before = sorted(path.name for path in server.data.iterdir())
    server.spawn()
    assert server.wait() != 0
    assert "missing" in server.log_text() or "was cut" in server.log_text()
    assert "backup" in server.log_text()
    assert sorted(path.name for path in server.data.iterdir()) == before, "made anew in its place"
    done = subprocess.run([MINIM, "verify", "--data-dir", server.data, "--json", "-"],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    problem = "accounts_missing" if part == "minim.db" else "part_missing"
    assert problem in json.loads(done.stdout)["problems"], done.stdout


def test_a_killed_daemon_has_lost_nothing(launch, uid):
    server = launch()
    user, peer = uid(), uid()
    for number in range(5):
        client = Client(server, user)
        assert client.chat(peer, f"message {number}")["msgSeq"] == number + 1
        server.kill()
        server.start()
