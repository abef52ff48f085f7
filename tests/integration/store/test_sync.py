# SPDX-License-Identifier: Apache-2.0
"""The promise, counted: nothing is acknowledged before a sync of the file that holds it.

minimd runs with a library that notes every sync (tests/support/sync_count.c).
Messages are sent one at a time to somebody who is not there, so that no
receipt or cursor can be the reason of a sync.
"""
import os
import pathlib

import pytest

from support.im import Client
from support.server import MINIMD

SHIM = pathlib.Path(MINIMD).parent / "tests" / "libsync_count.so"
MESSAGES = 20


@pytest.fixture
def counted(launch, tmp_path):
    """A daemon, and a function that counts the syncs so far of files whose name ends so."""
    assert SHIM.exists(), f"{SHIM} is built with the tests"
    trace = tmp_path / "syncs"
    trace.touch()
    server = launch(env={
        "LD_PRELOAD": str(SHIM), "SYNC_COUNT_TRACE": str(trace),
        # The sanitizer wants to be the first library; this one takes no memory from anybody.
        "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "detect_leaks=1:exitcode=86")
        + ":verify_asan_link_order=0"})

    def count(*endings):
        return sum(line.endswith(endings) for line in trace.read_text().splitlines())

    return server, count


def test_a_lone_message_is_synced_before_its_ack(counted):
    server, count = counted
    client = Client(server, 7001)
    for number in range(MESSAGES):
        before = count(".log")
        client.chat(7002, f"message {number}")
        assert count(".log") > before, f"message {number} was acknowledged without a sync"


def test_a_login_is_synced_before_its_answer(counted):
    server, count = counted
    for number in range(3):
        before = count("minim.db-wal")
        server.api().post("/auth/login", {"username": f"sync{number}", "password": "secret"}).ok()
        after = count("minim.db-wal")
        assert after > before, "registered without a sync"
        server.api().post("/auth/login", {"username": f"sync{number}", "password": "secret"}).ok()
        assert count("minim.db-wal") > after, "a new session without a sync"
