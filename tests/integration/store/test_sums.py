# SPDX-License-Identifier: Apache-2.0
"""Damage in the accounts is named and never served as truth (docs/decisions/0027)."""
import contextlib
import json
import os
import random
import re
import sqlite3
import subprocess

import pytest

from support.server import MINIM

PAGE = 4096
PASSWORD = "a password of ours"


def flip(path, at):
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x10]))


def verify(server):
    done = subprocess.run([MINIM, "verify", "--data-dir", server.data, "--json", "-"],
                          capture_output=True, text=True, timeout=120)
    return done.returncode, json.loads(done.stdout)["problems"]


@pytest.fixture
def rng():
    return random.Random(int(os.environ.get("MINIM_TEST_SEED", "1")))


@pytest.fixture
def server(launch):
    server = launch({"im.ratelimit.enabled": False})
    for number in range(4):
        server.api().login(f"user{number}", PASSWORD)
    return server


def test_at_rest(server, rng):
    server.stop()
    path = server.data / "minim.db"
    pages = path.stat().st_size // PAGE
    for page in rng.sample(range(1, pages), 3) + [0]:
        at = page * PAGE + rng.randrange(PAGE)
        flip(path, at)
        code, problems = verify(server)
        assert code == 1 and "accounts_damaged" in problems, (at, problems)
        assert f"page {page + 1} " in str(problems["accounts_damaged"]), problems
        server.spawn()
        assert server.wait() != 0
        assert "damaged" in server.log_text() and "backup" in server.log_text(), at
        flip(path, at)
    assert verify(server)[0] == 0
    server.start()
    server.api().login("user1", PASSWORD)


def page_of_users(path):
    """By number from 0: one that has hashes of passwords."""
    return re.search(rb"\$2[aby]\$", path.read_bytes()).start() // PAGE


def test_in_use(server, rng):
    """A disk that rots under a daemon: right or refused, and told."""
    server.restart()  # what was in the log of the accounts is in the file now
    path = server.data / "minim.db"
    server.api().login("user0", PASSWORD)  # a commit: what readers had cached before is not good any more
    assert server.api().get("/readyz").status == 200
    at = page_of_users(path) * PAGE + rng.randrange(PAGE)
    flip(path, at)
    for number in range(4):
        answer = server.api().post("/auth/login", {"username": f"user{number}", "password": PASSWORD})
        assert answer.status == 500 and answer.json["code"] == 50000, answer.json
    server.wait_log(rf"accounts_store_corrupt.*t_user.*page={at // PAGE + 1} ")
    assert server.metric("minim_accounts_corrupt_total") >= 1
    ready = server.api().get("/readyz")
    assert ready.status == 503 and "accounts_store_corrupt" in ready.json["reasons"]
    flip(path, at)
    server.api().login("user2", PASSWORD)


def test_in_the_log(server):
    """What a kill left is damaged before the start: synced logins would be undone."""
    server.kill()
    log = server.data / "minim.db-wal"
    flip(log, 32 + 24 + 100)
    code, problems = verify(server)
    assert code == 1 and "accounts_damaged" in problems, problems
    server.spawn()
    assert server.wait() != 0
    assert "minim.db-wal, frame 1" in server.log_text()
    flip(log, 32 + 24 + 100)
    server.start()
    server.api().login("user3", PASSWORD)


def test_other_programs_are_no_damage(server):
    """Read after a kill, written at rest."""
    server.kill()
    path = server.data / "minim.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM t_user").fetchone() == (4,)
    server.start()
    server.wait_log("accounts_trusted pages=")
    server.stop()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE t_user SET nickname = 'Nick' WHERE username = 'user1'")
        db.commit()
    assert verify(server)[0] == 0
    server.start()
    token = server.api().login("user1", PASSWORD)["accessToken"]
    assert server.api(token).get("/me/profile").ok()["nickname"] == "Nick"
    server.restart()
    assert server.log_text().count("accounts_trusted") <= 2
