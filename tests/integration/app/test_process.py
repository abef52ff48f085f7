# SPDX-License-Identifier: Apache-2.0
"""Life of the process: drain, locks, foreign and broken data directories, a full disk."""
import json
import os
import signal
import sqlite3
import subprocess

import pytest

from support.rawws import CLOSE, Eof, RawSocket
from support.server import Server
from support.wait import Deadline, until

pytestmark = pytest.mark.tsan


# ---- SIGTERM


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_daemon_ends_at_once(launch, number):
    # It waits for nothing: were it one of these times, the test's patience would end first.
    server = launch({"minim.shutdown.spread-ms": 600000, "minim.shutdown.timeout-ms": 600000})
    server.signal(number)
    assert server.wait() == 0
    server.check_reports()


def test_drain_closes_with_1012_and_exits_0(launch, connect, uid):
    server = launch({"minim.shutdown.spread-ms": 1000})
    clients = [connect(uid(), server) for _ in range(20)] + [connect(at=server)]
    server.signal(signal.SIGTERM)
    for client in clients:
        client.expect_close(1012, reason=None)
        client.close()
    assert server.wait() == 0
    server.check_reports()


def test_nothing_is_accepted_while_draining(launch, connect, uid):
    server = launch({"minim.shutdown.spread-ms": 1000})
    client = connect(uid(), server)
    server.signal(signal.SIGTERM)
    client.recv_message()
    with pytest.raises((ConnectionError, Eof, AssertionError)):
        late = RawSocket(server.http)
        late.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert late.read_response().status == 200
    client.close()
    assert server.wait() == 0


def test_what_was_sent_before_the_drain_is_answered_and_kept(launch, connect, uid):
    server = launch({"im.gateway.ws.rate-limit.connection-rate": 0, "im.gateway.ws.rate-limit.user-rate": 0})
    sender, peer = connect(uid(), server), uid()
    for i in range(500):
        sender.send_chat(peer, str(i), f"d{i}")
    sender.expect("ACK", clientMsgId="d0")
    server.signal(signal.SIGTERM)
    saved = {"d0"}
    while True:
        got = sender.recv_message()
        if got.opcode == CLOSE:
            break
        saved.add(json.loads(got.payload)["clientMsgId"])
    sender.close()
    assert server.wait() == 0
    server.start()
    history = []
    while True:
        page = server.api_of(peer).get("/single-chat/message/cursor", peerUserId=sender.uid, limit=100,
                                       **({"lastSeq": history[-1]["msgSeq"]} if history else {})).ok()
        if not page:
            break
        history += page
    assert saved <= {m["clientMsgId"] for m in history}
    assert [m["msgSeq"] for m in history] == list(range(len(history), 0, -1))


def test_a_client_that_never_reads_does_not_hold_up_the_end(launch, connect, uid):
    server = launch({"minim.shutdown.timeout-ms": 3000})
    connect(uid(), server, rcvbuf=4096)
    server.signal(signal.SIGTERM)
    assert server.wait() == 0


def test_second_signal_is_harmless(launch, connect, uid):
    server = launch()
    connect(uid(), server).close()
    for _ in range(3):
        server.signal(signal.SIGTERM)
    assert server.wait() == 0


def test_ignored_signals(launch, connect, uid):
    server = launch()
    client = connect(uid(), server)
    server.signal(signal.SIGPIPE)
    server.signal(signal.SIGHUP)
    server.wait_log("reload")
    client.expect_alive()


def test_many_restarts_leave_the_store_whole(launch, connect, uid):
    server = launch()
    user, peer = uid(), uid()
    for i in range(1, 6):
        assert connect(user, server).chat(peer, str(i))["msgSeq"] == i
        server.restart()
    page = server.api_of(peer).get("/single-chat/message/cursor", peerUserId=user).ok()
    assert [m["msgSeq"] for m in page] == [5, 4, 3, 2, 1]


def test_ids_grow_over_restarts(launch, connect, uid):
    server = launch()
    user, peer = uid(), uid()
    ids = []
    for _ in range(3):
        ids.append(int(connect(user, server).chat(peer)["serverMsgId"]))
        server.restart()
    assert ids == sorted(set(ids))


# ---- the data directory


def fails_to_start(server, *says):
    """Exit code neither 0 nor 2, one understandable message, no ready line."""
    server.spawn()
    line = server.read_line(Deadline())
    code = server.wait()
    server.check_reports()
    assert line == b"" and code not in (0, 2), (line, code)
    assert code > 0, f"killed by signal {-code}"
    text = server.log_text()
    for word in says:
        assert str(word).lower() in text.lower(), text
    return text


def test_two_daemons_on_one_data_directory(launch, tmp_path, connect, uid):
    first = launch()
    second = Server(tmp_path / "second", {"minim.data-dir": first.data})
    fails_to_start(second, first.data)
    connect(uid(), first).expect_alive()


def test_the_lock_goes_with_a_killed_process(launch):
    server = launch()
    server.kill()
    server.start()


def test_newer_schema_is_refused(launch):
    server = launch()
    server.stop()
    raise_version(server)
    before = snapshot(server.data)
    text = fails_to_start(server, "newer")
    assert str(server.data) in text
    after = snapshot(server.data)
    assert {k: v for k, v in after.items() if k.endswith(".db")} == {k: v for k, v in before.items() if k.endswith(".db")}


def raise_version(server):
    """Makes the relational store claim a schema of the future."""
    (path,) = [p for p in server.data.rglob("*.db") if p.is_file()]
    with sqlite3.connect(path) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version:
            db.execute(f"PRAGMA user_version = {version + 1000}")
        else:
            tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE name LIKE '%schema%'")]
            assert tables, "where is the schema's version?"
            column = db.execute(f"PRAGMA table_info({tables[0]})").fetchall()[0][1]
            db.execute(f"UPDATE {tables[0]} SET {column} = {column} + 1000")
    db.close()


def snapshot(directory):
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def test_corrupt_relational_store_is_refused(launch):
    server = launch()
    server.api().login("somebody")
    server.stop()
    (path,) = [p for p in server.data.rglob("*.db") if p.is_file()]
    path.write_bytes(b"this is no database" * 500)
    for extra in path.parent.glob(path.name + "-*"):
        extra.unlink()
    fails_to_start(server, path.name)


def test_corrupt_message_log_is_refused(launch, connect, uid):
    server = launch()
    connect(uid(), server).chat(uid())
    server.stop()
    manifests = list(server.data.rglob("MANIFEST-*"))
    assert manifests
    for manifest in manifests:
        manifest.write_bytes(b"\xff" * manifest.stat().st_size)
    text = fails_to_start(server, "corrupt")
    assert str(manifests[0].parent) in text


def test_missing_piece_of_the_message_log_is_refused(launch, connect, uid):
    """A log that lost its files must not be taken for a new, empty one."""
    server = launch()
    connect(uid(), server).chat(uid())
    server.stop()
    (current,) = server.data.rglob("CURRENT")
    current.unlink()
    fails_to_start(server)


def test_data_directory_that_is_a_file(tmp_path):
    server = Server(tmp_path / "s")
    server.data.write_text("not a directory")
    fails_to_start(server, server.data)


def test_data_directory_that_cannot_be_made(tmp_path):
    server = Server(tmp_path / "s", {"minim.data-dir": "/proc/minim"})
    fails_to_start(server, "/proc/minim")


# ---- a full disk


def small_disk(directory, size="24m"):
    """A command prefix that runs minimd with a small tmpfs on `directory`, or None."""
    directory.mkdir()
    script = f'mount -t tmpfs -o size={size} tmpfs "{directory}" && exec "$@"'
    # In a chroot nothing can be said about the root's propagation; the folder gets its own.
    own = f'mount --bind "{directory}" "{directory}" && mount --make-private "{directory}" && {script}'
    for prefix in (["unshare", "-m", "sh", "-c", script, "sh"],
                   ["unshare", "-Urm", "sh", "-c", script, "sh"],
                   ["unshare", "-m", "--propagation", "unchanged", "sh", "-c", own, "sh"]):
        if subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
            return prefix
    return None


@pytest.fixture
def disk(tmp_path):
    """A folder to mount on; what a chroot's mount has left on it outside is taken away."""
    yield tmp_path / "disk"
    while os.path.ismount(tmp_path / "disk"):
        subprocess.run(["umount", "-l", tmp_path / "disk"], check=True)


def test_full_disk(disk, launch, connect, uid):
    """Appends answer server_busy, the process stays up, and recovers when there is room."""
    prefix = small_disk(disk)
    if prefix is None:
        pytest.skip("cannot mount a small tmpfs here")
    server = launch({"minim.data-dir": disk / "data", "im.gateway.ws.rate-limit.connection-rate": 0,
                     "im.gateway.ws.rate-limit.user-rate": 0, "im.ratelimit.enabled": False}, prefix=prefix)
    inside = f"/proc/{server.pid()}/root{disk}"
    sender, peer = connect(uid(), server), uid()
    first = sender.chat(peer, "before", "before")
    fill(inside + "/ballast")
    refused = until_refused(sender, peer)
    assert refused["reason"] == "server_busy" and refused["retryAfterMs"] > 0
    until(lambda: server.api().get("/readyz").status == 503, "not ready")
    assert server.api().get("/healthz").status == 200
    sender.expect_alive()
    founder = server.api_of(uid())
    group = founder.post("/group/create", {"name": "Team"}).fail(503, 50000, "server_busy")
    assert int(group.headers["retry-after"]) > 0
    os.unlink(inside + "/ballast")
    until(lambda: accepted(sender, peer), "room to be noticed")
    until(lambda: server.api().get("/readyz").status == 200, "ready again")
    founder.post("/group/create", {"name": "Team"}).ok()
    assert len(founder.get("/group/conversation/cursor").ok()) == 1  # what was refused was not done
    again = sender.chat(peer, "before", "before")
    assert (again["serverMsgId"], again["msgSeq"]) == (first["serverMsgId"], first["msgSeq"])


def fill(path):
    with open(path, "wb", buffering=0) as ballast:
        block = b"x" * 65536
        while True:
            try:
                if ballast.write(block) < len(block):
                    block = block[:max(1, len(block) // 2)]
            except OSError:
                if len(block) == 1:
                    return
                block = block[:len(block) // 2]


def until_refused(sender, peer):
    for _ in range(20000):
        sender.send_chat(peer, "y" * 4000)
        got = sender.recv()
        if got["type"] == "ERROR":
            return got
    raise AssertionError("a full disk was never noticed")


def accepted(sender, peer):
    sender.send_chat(peer, "after")
    return sender.recv()["type"] == "ACK"
