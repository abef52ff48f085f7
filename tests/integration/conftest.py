# SPDX-License-Identifier: Apache-2.0
"""Fixtures: one daemon for all tests that can share it, others on demand."""
import itertools
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from support.im import Client  # noqa: E402
from support.rawws import RawSocket, WebSocket  # noqa: E402
from support.server import MINIMD, Server  # noqa: E402

# With these, limits are out of the way of tests that are about something else.
UNLIMITED = {
    "im.gateway.ws.rate-limit.connection-rate": 0,
    "im.gateway.ws.rate-limit.user-rate": 0,
    "im.gateway.ws.rate-limit.control-rate": 0,
    "im.ratelimit.enabled": False,
}
_uids = itertools.count(10001)


def pytest_configure(config):
    config.addinivalue_line("markers", "tsan: also run against the build with ThreadSanitizer")


def pytest_sessionstart(session):
    if not os.access(MINIMD, os.X_OK):
        pytest.exit(f"{MINIMD} is not there: run script/build asan, or set MINIMD", returncode=2)


def pytest_terminal_summary(terminalreporter):
    """What failed in the steps of script/test before this one, where it is not overlooked."""
    notes = os.environ.get("MINIM_FAILURES")
    if not notes:
        return
    with open(notes, "a+", encoding="utf-8", errors="replace") as file:
        file.seek(0)
        noted = file.read()
        for outcome in ("failed", "error"):
            for report in terminalreporter.stats.get(outcome, []):
                file.write(f"{outcome}: {report.nodeid}\n")
    if noted:
        terminalreporter.section("failed before these tests")
        terminalreporter.write(noted)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The shared daemon: defaults, but without rate limits."""
    with Server(tmp_path_factory.mktemp("shared"), UNLIMITED) as running:
        yield running


@pytest.fixture
def launch(tmp_path):
    """launch(**options): a daemon of the test's own, stopped (and checked) at its end."""
    started = []

    def start(options=None, name=None, **how):
        running = Server(tmp_path / (name or f"minimd{len(started)}"), options, **how)
        started.append(running)
        return running.start()

    yield start
    for running in started:
        running.stop()


@pytest.fixture(scope="module")
def launch_module(tmp_path_factory):
    """The same for all tests of a module."""
    started = []

    def start(options=None, **how):
        running = Server(tmp_path_factory.mktemp("module"), options, **how)
        started.append(running)
        return running.start()

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def uid():
    """uid(): a user id that no other test has."""
    return lambda: next(_uids)


@pytest.fixture
def opened():
    """Connections that are closed when the test ends."""
    connections = []
    yield connections
    for connection in connections:
        connection.close()


@pytest.fixture
def connect(server, opened):
    """connect(uid): an authenticated client; connect(): one that has not said AUTH."""

    def make(uid=None, at=None, **how):
        client = Client(at or server, uid, **how)
        opened.append(client)
        return client

    return make


@pytest.fixture
def websocket(server, opened):
    def make(at=None, **how):
        made = WebSocket((at or server).ws, **how)
        opened.append(made)
        return made

    return make


@pytest.fixture
def raw(server, opened):
    """raw(): a TCP connection on which nothing was said."""

    def make(address=None, **how):
        made = RawSocket(address or server.ws, **how)
        opened.append(made)
        return made

    return make


@pytest.fixture
def pair(connect, uid):
    """Two authenticated clients."""
    return connect(uid()), connect(uid())
