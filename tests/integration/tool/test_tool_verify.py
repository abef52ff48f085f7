# SPDX-License-Identifier: Apache-2.0
"""minim verify over data directories and running servers (docs/verify.md).

Each kind of damage to a message log is tested row by row in
tests/unit/tool/verify.c; here it is the command: what it opens and refuses, that it
changes nothing, crashes, backups, ledgers of real runs, and servers that show their
history wrongly.
"""
import contextlib
import hashlib
import http.client
import http.server
import json
import shutil
import sqlite3
import subprocess
import threading

import pytest

from support.groups import Group
from support.im import Client
from support.server import MINIM, SECRET, sanitizer_environment
from support.wait import until

LIMITS_OFF = {"im.gateway.ws.rate-limit.connection-rate": 0, "im.gateway.ws.rate-limit.user-rate": 0,
              "im.ratelimit.enabled": False}


def environment(secret=SECRET):
    return {**sanitizer_environment(), "IM_AUTH_JWT_SECRET": secret}


def verify(*args, secret=SECRET):
    return subprocess.run([MINIM, "verify", *map(str, args)], capture_output=True, text=True, timeout=120,
                          env=environment(secret))


def found(*args):
    """Names of the problems, and the whole result."""
    done = verify(*args, "--json", "-")
    assert done.returncode in (0, 1), done.stderr
    assert "Sanitizer" not in done.stderr, done.stderr
    result = json.loads(done.stdout)
    assert result["ok"] == (done.returncode == 0) == (not result["problems"])
    return {name: problem["count"] for name, problem in result["problems"].items()}, result


def address(pair):
    return f"{pair[0]}:{pair[1]}"


def bench_command(server, ledger, *args):
    return [MINIM, "bench", "single-e2e", "--ws", f"ws://{address(server.ws)}/ws", "--ledger", str(ledger),
            "--clients", "8", "--warmup", "0.1s", "--quiet", "0.2s", "--drain", "5s", *args]


def bench(server, ledger, *args):
    done = subprocess.run([*bench_command(server, ledger, *args), "--json", "-"], capture_output=True,
                          text=True, timeout=120, env=environment())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def lines_of(ledger):
    return ledger.read_text().splitlines()[1:] if ledger.exists() else []


def snapshot(directory):
    return {str(path.relative_to(directory)): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
            for path in sorted(directory.rglob("*")) if path.is_file()}


# -- data directories


def test_every_saved_message_is_in_the_ledger(launch, tmp_path):
    server, ledger = launch(LIMITS_OFF), tmp_path / "ledger"
    result = bench(server, ledger, "--duration", "1s", "--rate", "500", "--body", "37")
    rows = [line.split("\t") for line in lines_of(ledger)]
    assert len(rows) == result["ledger"]["saved"] > 0
    assert len({row[2] for row in rows}) == len({row[3] for row in rows}) == len(rows)
    assert all(len(row) == 6 and len(row[5]) == 32 for row in rows)
    server.stop()
    before = snapshot(server.data)
    problems, checked = found("--data-dir", server.data, "--ledger", ledger)
    assert problems == {}
    assert snapshot(server.data) == before
    assert checked["looked_at"]["messages"] == checked["looked_at"]["client_ids"] == len(rows)
    assert checked["looked_at"]["ledger_lines"] == len(rows)
    assert checked["looked_at"]["text_bytes"] == 37 * len(rows)
    assert checked["looked_at"]["chats"] == 4 and checked["looked_at"]["members"] == 8


def test_a_store_is_whole_after_kills_under_load(launch, tmp_path):
    server = launch(LIMITS_OFF)
    ledgers = []
    for number in range(4):
        ledger = tmp_path / f"ledger{number}"
        ledgers.append(ledger)
        load = subprocess.Popen(bench_command(server, ledger, "--duration", "60s"), stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, env=environment())
        try:
            until(lambda: len(lines_of(ledger)) > 300 * (number + 1), "enough saved messages")
            server.kill()
        finally:
            load.terminate()
            load.wait(60)
        before = snapshot(server.data)
        for one in ledgers:
            problems, checked = found("--data-dir", server.data, "--ledger", one)
            assert problems == {}
            assert checked["looked_at"]["ledger_lines"] == len(lines_of(one)) > 0
        assert snapshot(server.data) == before, "verify changed the store"
        server.start()


def test_what_a_backup_lacks_is_told(launch, tmp_path, connect, uid):
    server, ledger = launch(LIMITS_OFF), tmp_path / "ledger"
    users = uid(), uid()
    client = connect(users[0], server)

    def send(body):
        ack = client.chat(users[1], body)
        return (f"{users[0]}\t{users[1]}\t{ack['clientMsgId']}\t{ack['serverMsgId']}\t{ack['msgSeq']}\t"
                f"{json.dumps(body)}")

    lines = [send(body) for body in ("first", "tab \t and \"quotes\"", "\u00fc\u20ac\U0001f600", "4")]
    server.stop()
    shutil.copytree(server.data, tmp_path / "backup")
    server.start()
    client = connect(users[0], server)
    lines += [send("after the backup") for _ in range(3)]
    server.stop()
    ledger.write_text("minim-ledger 1\n" + "\n".join(lines) + "\n")
    assert found("--data-dir", server.data, "--ledger", ledger)[0] == {}
    problems, result = found("--data-dir", tmp_path / "backup", "--ledger", ledger, "--examples", "2")
    assert problems == {"ledger_lost": 3}
    assert len(result["problems"]["ledger_lost"]["examples"]) == 2
    ledger.write_text(ledger.read_text().replace("first", "First"))
    problems, result = found("--data-dir", server.data, "--ledger", ledger)
    assert problems == {"ledger_differs": 1}
    assert "line 2" in result["problems"]["ledger_differs"]["examples"][0]


def test_damage_on_disk_is_told(launch, pair_of, tmp_path):
    server = launch(LIMITS_OFF)
    pair_of(server)
    server.restart()  # what was in the log is in tables now
    server.stop()
    connection = sqlite3.connect(server.data / "minim.db")
    connection.execute("DROP INDEX uk_user_username")
    connection.commit()
    connection.close()
    assert found("--data-dir", server.data)[0] == {"schema_differs": 1}
    for table in (server.data / "messages").glob("*.sst"):
        content = bytearray(table.read_bytes())
        content[10] ^= 0x55
        table.write_bytes(content)
    done = verify("--data-dir", server.data)
    assert done.returncode == 1
    assert "WRONG unreadable" in done.stdout and "WRONG schema_differs (1)" in done.stdout
    (server.data / "minim.db").unlink()
    assert found("--data-dir", server.data)[0]["accounts_missing"] == 1


@pytest.fixture
def pair_of(connect, uid):
    """Messages both ways between two users."""

    def make(server):
        one, other = connect(uid(), server), connect(uid(), server)
        for number in range(20):
            one.chat(other.uid, f"text {number}")
        return one, other

    return make


def test_a_running_minimd_keeps_verify_out_and_the_other_way_round(launch):
    server = launch()
    done = verify("--data-dir", server.data)
    assert done.returncode == 2
    assert "a running minimd uses the data directory" in done.stderr and done.stdout == ""
    server.stop()
    assert verify("--data-dir", server.data).returncode == 0
    (server.data / "LOCK").unlink()  # as in a copy that somebody made of the rest
    before = snapshot(server.data)
    assert verify("--data-dir", server.data).returncode == 0
    assert snapshot(server.data) == before


def test_a_copy_that_cannot_be_written_can_be_checked(launch, pair_of, tmp_path):
    server = launch(LIMITS_OFF)
    pair_of(server)
    server.kill()
    for path in [server.data, *server.data.rglob("*")]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        assert found("--data-dir", server.data)[0] == {}
    finally:
        for path in [server.data, *server.data.rglob("*")]:
            path.chmod(0o700 if path.is_dir() else 0o600)


@pytest.mark.parametrize("args, message", [
    ([], "either --data-dir"),
    (["--data-dir", "/nowhere", "--http", "http://127.0.0.1:1"], "either --data-dir"),
    (["--data-dir", "/nowhere"], "there is no such directory"),
    (["--data-dir", "/proc"], "there is no message log in /proc/messages"),
    (["--data-dir", "/", "--ledger", "/nowhere/ledger"], "cannot open ledger"),
    (["--data-dir", "/", "--ledger", "/etc/hostname"], "is it a ledger?"),
    (["--http", "http://127.0.0.1:1"], "--http needs --ledger"),
    (["--http", "ftp://127.0.0.1:1", "--ledger", "LEDGER"], "is no address"),
    (["--http", "http://127.0.0.1:1", "--ledger", "LEDGER"], "GET /"),
    (["--data-dir", "/", "--examples", "x"], "--examples: bad value"),
    (["--data-dir", "/", "--memory", "1KiB"], "--memory: bad value"),
    (["--data-dir", "/", "--clients", "2"], "this command has no such option"),
])
def test_bad_arguments(args, message, tmp_path):
    (tmp_path / "ledger").write_text("minim-ledger 1\n")
    done = verify(*[str(tmp_path / "ledger") if arg == "LEDGER" else arg for arg in args])
    assert done.returncode == 2, done.stdout
    assert message in done.stderr
    assert done.stdout == ""


# -- running servers


class Liar(http.server.BaseHTTPRequestHandler):
    """Passes requests on to the real server, and changes what it answers."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):  # noqa: N802 - the base class's name
        connection = http.client.HTTPConnection(*self.server.real, timeout=20)
        connection.request("GET", self.path, headers={"Authorization": self.headers["Authorization"]})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        status = response.status
        if status == 200:
            envelope = json.loads(body)
            changed = self.server.lie(self.path, envelope["data"])
            if isinstance(changed, int):
                status = changed
            body = json.dumps(envelope).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def liar(real, lie):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    server.real, server.lie, server.daemon_threads = real, lie, True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def loaded(launch_module, tmp_path_factory):
    """A server with the messages of a bench run, more than a page in each chat, and the ledger."""
    server = launch_module(LIMITS_OFF)
    ledger = tmp_path_factory.mktemp("loaded") / "ledger"
    bench(server, ledger, "--clients", "4", "--duration", "1s", "--rate", "1000", "--body", "37")
    return server, ledger


def test_a_running_server_is_well(loaded):
    server, ledger = loaded
    problems, result = found("--http", f"http://{address(server.http)}", "--ledger", ledger)
    assert problems == {}
    assert result["looked_at"]["messages"] == result["looked_at"]["ledger_lines"] == len(lines_of(ledger)) > 800
    assert result["looked_at"]["chats"] == 2
    done = verify("--http", f"http://{address(server.http)}", "--ledger", ledger)
    assert done.returncode == 0 and "all is well" in done.stdout


def test_conversations_in_passes(launch, tmp_path):
    """Little memory: the conversations are taken some at a time, with the same result."""
    server, ledger = launch(LIMITS_OFF), tmp_path / "ledger"
    bench(server, ledger, "--clients", "20", "--duration", "1s", "--rate", "4000")
    where = "--http", f"http://{address(server.http)}", "--ledger", ledger, "--memory", "64KiB"
    problems, result = found(*where)
    assert problems == {}
    assert result["looked_at"]["messages"] == len(lines_of(ledger)) == result["looked_at"]["ledger_lines"]
    assert result["looked_at"]["chats"] == 10 and result["looked_at"]["passes"] > 1
    # One conversation alone is too long.
    first, second = lines_of(ledger)[0].split("\t")[:2]
    with open(ledger, "a", encoding="ascii") as file:
        file.writelines(f"{first}\t{second}\tm\t1\t1\t\"\"\n" for _ in range(1500))
    done = verify(*where)
    assert done.returncode == 2 and "give more --memory" in done.stderr


def test_cursors_of_a_running_server(launch, connect, uid, tmp_path):
    """Read cursors at the head are no fault; nor are messages that the ledger does not know."""
    server, ledger = launch(LIMITS_OFF), tmp_path / "ledger"
    one, other = connect(uid(), server), connect(uid(), server)
    ack = one.chat(other.uid, "hello")
    other.ack(other.expect("SINGLE_CHAT"), "read")
    one.expect("ACK", ackType="read")
    one.chat(other.uid, "not in the ledger")
    ledger.write_text(f"minim-ledger 1\n{one.uid}\t{other.uid}\t{ack['clientMsgId']}\t{ack['serverMsgId']}"
                      f"\t{ack['msgSeq']}\t\"hello\"\n")
    problems, result = found("--http", f"http://{address(server.http)}", "--ledger", ledger)
    assert problems == {}
    assert (result["looked_at"]["messages"], result["looked_at"]["ledger_lines"]) == (2, 1)


def is_page(path, since=0):
    return path.startswith("/single-chat/message/since") and f"sinceSeq={since}&" in path


def change(key, value, at=5):
    def lie(path, data):
        if is_page(path):
            data[at][key] = value(data[at][key]) if callable(value) else value
    return lie


def leave_out(path, data):
    if is_page(path):
        del data[5]
        data.append(dict(data[-1], msgSeq=201, serverMsgId="1", clientMsgId="x"))


def leave_out_the_end(path, data):
    if is_page(path):
        del data[150:]


def swap(path, data):
    if is_page(path):
        data[5], data[6] = data[6], data[5]


def repeat_client_id(path, data):
    if is_page(path):
        data[6]["clientMsgId"] = data[5]["clientMsgId"]


def head_elsewhere(path, data):
    if path.startswith("/single-chat/message/list"):
        data["records"][0]["serverMsgId"] = "1"


def head_ahead(path, data):
    if path.startswith("/single-chat/message/list"):
        data["records"][0]["msgSeq"] = data["total"] = 100000


def total_differs(path, data):
    if path.startswith("/single-chat/message/list"):
        data["total"] += 1


def cursor_ahead(path, data):
    if path.startswith("/single-chat/member/state"):
        data["peerLastReadMsgSeq"] = 100000


def refuse(path, data):
    return 500 if is_page(path, 200) else None


LIES = [
    (lambda path, data: None, {}),
    (change("content", "another"), {"ledger_differs": 2}),
    (change("content", lambda text: text[:-1]), {"ledger_differs": 2}),
    (change("status", "REVOKED"), {}),
    (lambda path, data: change("status", "REVOKED")(path, data) or change("content", "gone")(path, data), {}),
    (change("serverMsgId", lambda text: str(int(text) + 1)), {"ledger_differs": 2}),
    (change("clientMsgId", "other"), {"ledger_differs": 2}),
    (change("fromUserId", "7"), {"users_differ": 2, "ledger_differs": 2}),
    (change("singleChatId", "7"), {"place_differs": 2}),
    (change("msgSeq", 7), {"seq_gap": 2, "order_wrong": 2}),
    (repeat_client_id, {"client_duplicate": 2, "ledger_differs": 2}),
    (swap, {"order_wrong": 2, "seq_gap": 2, "ledger_lost": 2}),
    (head_elsewhere, {"head_differs": 2}),
    (head_ahead, {"head_differs": 2}),
    (total_differs, {"head_differs": 2}),
    (cursor_ahead, {"cursor_beyond_head": 2}),
    (refuse, {"unreadable": 2}),
]


@pytest.mark.parametrize("lie, expected", LIES)
def test_a_lying_server_is_found_out(loaded, lie, expected):
    """Two conversations, the same lie in both."""
    server, ledger = loaded
    with liar(server.http, lie) as url:
        problems, _ = found("--http", url, "--ledger", ledger)
    if expected.get("order_wrong"):
        assert problems.keys() >= expected.keys()
    else:
        assert problems == expected


@pytest.mark.parametrize("lie, name", [(leave_out, "seq_gap"), (leave_out_the_end, "ledger_lost")])
def test_a_message_that_is_not_shown_is_missed(loaded, lie, name):
    server, ledger = loaded
    with liar(server.http, lie) as url:
        problems, _ = found("--http", url, "--ledger", ledger)
    assert problems[name] >= 2 and problems["ledger_lost"] >= 2


def test_a_busy_server_is_asked_again(loaded):
    server, ledger = loaded
    refused = []

    def lie(path, data):
        if is_page(path) and len(refused) < 3:
            refused.append(path)
            return 503
        return None

    with liar(server.http, lie) as url:
        assert found("--http", url, "--ledger", ledger)[0] == {}
    assert len(refused) == 3


def test_a_server_that_goes_away_is_told(loaded):
    server, ledger = loaded

    def lie(path, data):
        if is_page(path, 200):
            raise ConnectionResetError
        return None

    with liar(server.http, lie) as url:
        problems, _ = found("--http", url, "--ledger", ledger)
    assert problems == {"unreadable": 1}


def test_a_foreign_secret_is_told(loaded):
    server, ledger = loaded
    done = verify("--http", f"http://{address(server.http)}", "--ledger", ledger, secret=SECRET[::-1])
    assert done.returncode == 2
    assert "the token is refused" in done.stderr


def test_all_that_users_do_is_well(launch):
    """Groups, friends, revocations and moments are as right to verify as chats of two; after a kill too."""
    server = launch(LIMITS_OFF)
    done = subprocess.run([MINIM, "smoke", "--scenario", "group,friend,revoke,moments", "--ws",
                           f"ws://{address(server.ws)}/ws", "--http", f"http://{address(server.http)}"],
                          capture_output=True, text=True, timeout=120, env=environment())
    assert done.returncode == 0, done.stdout + done.stderr
    server.kill()
    problems, result = found("--data-dir", server.data)
    assert problems == {}, result


def test_members_of_groups_in_both_stores(launch, uid):
    """Whoever is a member in one store only is told, and what the next start has to do is named."""
    server = launch(LIMITS_OFF)
    owner, other, stranger = uid(), uid(), uid()
    group = Group(server, owner).join(other)
    server.stop()

    def edit(*statements):
        with sqlite3.connect(server.data / "minim.db") as db:
            for statement in statements:
                db.execute(statement)
        db.close()

    assert found("--data-dir", server.data)[0] == {}
    edit(f"DELETE FROM t_group_member WHERE user_id = {other}",
         f"INSERT INTO t_group_member VALUES ({group.id}, {stranger}, 3, 1, NULL, NULL, 1)")
    problems, result = found("--data-dir", server.data)
    assert problems == {"group_member_extra": 1, "group_member_missing": 1}
    assert str(other) in result["problems"]["group_member_extra"]["examples"][0]
    assert result["looked_at"]["groups"] == 1 and result["looked_at"]["group_members"] == 2
    edit(f"INSERT INTO t_log_todo VALUES (1, 3, {group.id}, {other}, 1), (2, 2, {group.id}, {stranger}, 1)")
    problems, result = found("--data-dir", server.data)
    assert problems == {} and result["looked_at"]["todos_left"] == len(result["notes"]) == 2
    assert f"user {other} leaves group {group.id}" in result["notes"][0]
    assert "note: left for the next start: user" in verify("--data-dir", server.data).stdout
    server.start()
    assert [int(row["userId"]) for row in group.members()] == [owner, stranger]
    server.kill()
    problems, result = found("--data-dir", server.data)
    assert problems == {} and result["notes"] == []


# -- groups of a running server


@pytest.fixture(scope="module")
def talked(launch_module, tmp_path_factory):
    """A group in which more than a page was said, the last message revoked, some not in the ledger; and the ledger."""
    server = launch_module(LIMITS_OFF)
    owner, other, reader = 501, 502, 503
    group = Group(server, owner).join(other, reader)
    clients, lines = [Client(server, owner), Client(server, other)], []
    for number in range(230):
        client = clients[number % 2]
        client.send_json(type="GROUP_CHAT", clientMsgId=f"m-{number}", groupId=group.id, body=f"text {number}",
                         mentions=[str(reader)])
        ack = client.find("ACK", ackType="saved", clientMsgId=f"m-{number}")
        if number % 10:
            lines.append(f"{client.uid}\tgroup:{group.id}\tm-{number}\t{ack['serverMsgId']}\t{ack['msgSeq']}"
                         f"\t\"text {number}\"")
    clients[1].send_json(type="MESSAGE_REVOKE", serverMsgId=ack["serverMsgId"])
    clients[1].find("ACK", ackType="revoked")
    for client in clients:
        client.close()
    ledger = tmp_path_factory.mktemp("talked") / "ledger"
    ledger.write_text("minim-ledger 1\n" + "\n".join(lines) + "\n")
    return server, ledger, group


def test_a_group_of_a_running_server_is_well(talked):
    server, ledger, _ = talked
    problems, result = found("--http", f"http://{address(server.http)}", "--ledger", ledger)
    assert problems == {}
    looked = result["looked_at"]
    assert (looked["messages"], looked["ledger_lines"], looked["chats"]) == (230, 207, 1)
    assert (looked["groups"], looked["group_members"], looked["client_ids"]) == (1, 3, 230)


def in_page(change_it):
    def lie(path, data):
        if path.startswith("/group/message/since") and "sinceSeq=0&" in path:
            change_it(data)
    return lie


def in_list(**fields):
    def lie(path, data):
        if path.startswith("/group/conversation/cursor"):
            data[0].update(fields)
    return lie


def in_members(change_it):
    def lie(path, data):
        if path.startswith("/group/member/list"):
            change_it(data)
    return lie


def without_the_group(path, data):
    if path.startswith("/group/conversation/cursor"):
        del data[:]


def without_an_end(path, data):
    if path.startswith("/group/message/cursor"):
        data[0]["serverMsgId"] = "1"


GROUP_LIES = [
    (lambda path, data: None, {}),
    (in_page(lambda data: data[5].update(content="another")), {"ledger_differs": 1}),
    (in_page(lambda data: data[5].update(clientMsgId="another")), {"ledger_differs": 1}),
    (in_page(lambda data: data[5].update(groupId="7")), {"place_differs": 1}),
    (in_page(lambda data: data[5].update(fromUserId="7")), {"ledger_differs": 1}),
    (in_page(lambda data: data.__setitem__(5, data[4])), {"ledger_lost": 1, "seq_gap": 1, "order_wrong": 1,
                                                          "client_duplicate": 1}),
    (in_page(lambda data: data[6].update(clientMsgId="m-4")), {"client_duplicate": 1, "ledger_differs": 1}),
    (in_list(unreadCount=1000), {"own_count_wrong": 1}),
    (in_list(unreadCount=1, mentionUnreadCount=2), {"mention_wrong": 1}),
    (in_list(lastMessage={"msgSeq": 1000}), {"head_differs": 1}),
    (without_the_group, {"group_member_missing": 1}),
    (without_an_end, {"head_differs": 1}),
    (in_members(lambda data: data[1].update(role="OWNER")), {"group_wrong": 1}),
    (in_members(lambda data: data.append(data[1])), {"group_wrong": 1}),
    (in_members(lambda data: data.__setitem__(slice(None), data[2:])), {"group_wrong": 1, "group_member_extra": 1}),
    (lambda path, data: 500 if path.startswith("/group/member/list") else None, {"unreadable": 1}),
    (lambda path, data: 500 if path.startswith("/group/message/since") else None, {"unreadable": 1}),
    (lambda path, data: 500 if path.startswith("/group/conversation") else None, {"unreadable": 1}),
]


@pytest.mark.parametrize("lie, expected", GROUP_LIES, ids=range(len(GROUP_LIES)))
def test_a_server_that_lies_about_a_group_is_found_out(talked, lie, expected):
    server, ledger, _ = talked
    with liar(server.http, lie) as url:
        assert found("--http", url, "--ledger", ledger)[0] == expected


def test_a_group_whose_sender_has_left_is_not_called_well(launch, tmp_path, uid):
    server = launch(LIMITS_OFF)
    owner, gone = uid(), uid()
    group = Group(server, owner).join(gone)
    client = Client(server, gone)
    client.send_json(type="GROUP_CHAT", clientMsgId="m", groupId=group.id, body="bye")
    ack = client.find("ACK", ackType="saved")
    client.close()
    ledger = tmp_path / "ledger"
    ledger.write_text(f"minim-ledger 1\n{gone}\tgroup:{group.id}\tm\t{ack['serverMsgId']}\t1\t\"bye\"\n")
    assert found("--http", f"http://{address(server.http)}", "--ledger", ledger)[0] == {}
    group.post(gone, "/group/leave").ok()
    problems, result = found("--http", f"http://{address(server.http)}", "--ledger", ledger)
    assert problems == {"group_member_missing": 1, "unreadable": 1}
    assert "not_group_member" in result["problems"]["unreadable"]["examples"][0]
