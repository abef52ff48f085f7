# SPDX-License-Identifier: Apache-2.0
"""A wall clock beyond the 41 bits of an id: refused while it lasts, normal afterwards."""
import os
import pathlib
import struct
import time

import pytest

from support.im import Client
from support.server import MINIMD

SHIM = pathlib.Path(MINIMD).parent / "tests" / "libclock_offset.so"
FOREVER = 400 * 31556952  # a token's life in seconds: its expiry is not what is tested here


@pytest.fixture
def turned(launch, tmp_path):
    """(launch a daemon whose clock is turned by hand, set its clock to a year; None: right)"""
    assert SHIM.exists(), f"{SHIM} is built with the tests"
    path = tmp_path / "offset"
    path.write_bytes(struct.pack("=q", 0))

    def turn(year):
        offset = 0 if year is None else (year - 1970) * 31556952 + 864000 - int(time.time())
        with open(path, "r+b") as file:
            file.write(struct.pack("=q", offset))

    def start():
        return launch(env={
            "LD_PRELOAD": str(SHIM), "CLOCK_OFFSET_FILE": str(path),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "detect_leaks=1:exitcode=86")
            + ":verify_asan_link_order=0"})

    return start, turn


def login(server, name):
    return server.api().post("/auth/login", {"username": name, "password": "secret"})


def sender(server):
    client = Client(server)
    client.auth(server.token(501, ttl=FOREVER))
    client.uid = 501
    return client


def test_wrong_for_a_moment(turned):
    start, turn = turned
    server = start()
    before = login(server, "early").ok()
    client = sender(server)
    client.chat(502, "before")
    turn(2081)
    client.send_chat(502, "lost in time", "late")
    busy = client.expect("ERROR", reason="server_busy", clientMsgId="late")
    assert "serverMsgId" not in busy and busy["retryAfterMs"] > 0
    login(server, "nobody").fail(503, 50000, "server_busy")
    login(server, "early").fail(503, 50000, "server_busy")
    server.api().post("/auth/refresh", {"refreshToken": before["refreshToken"]}).fail(503, 50000)
    server.wait_log("clock_out_of_range")
    turn(None)
    assert client.chat(502, "lost in time", "late")["msgSeq"] == 2
    assert 0 < int(login(server, "nobody").ok()["userId"]) < 1 << 62
    again = server.api().post("/auth/refresh", {"refreshToken": before["refreshToken"]}).ok()
    assert again["userId"] == before["userId"]


def test_a_start_in_such_a_time(turned):
    start, turn = turned
    turn(2081)
    server = start()
    server.wait_log("clock_out_of_range")
    login(server, "nobody").fail(503, 50000, "server_busy")
    turn(None)
    assert int(login(server, "somebody").ok()["userId"]) > 0


@pytest.mark.parametrize("year", [1970, 2009, 2038, 2079])
def test_odd_years_are_fine(turned, year):
    start, turn = turned
    client = sender(start())
    first = client.chat(502, "before")
    turn(year)
    second = client.chat(502, "then")
    turn(None)
    third = client.chat(502, "after")
    ids = [int(ack["serverMsgId"]) for ack in (first, second, third)]
    assert ids == sorted(set(ids)) and ids[0] > 0
    assert third["msgSeq"] == 3
