# SPDX-License-Identifier: Apache-2.0
"""Friends over SIGKILL: what was answered ok is there, and both stores agree (docs/decisions/0028)."""
import os
import random
import sqlite3
import subprocess
import threading

from support.server import MINIM
from support.verify import verified
from support.wait import TIMEOUT

KILLS = int(os.environ.get("MINIM_TEST_KILLS", "20")) // 4 or 1
THREADS = 4


def ask(server, asker, of, client_id):
    from support.im import Client
    client = Client(server, asker)
    try:
        client.send_json(type="FRIEND_REQUEST", clientMsgId=client_id, to=str(of))
        return client.expect("ACK", clientMsgId=client_id)["serverMsgId"]
    finally:
        client.close()


class Befriender(threading.Thread):
    """Makes friends one after the other, until the server is gone; remembers what it was told."""

    def __init__(self, server, uid, killed):
        super().__init__(daemon=True)
        self.server, self.uid, self.killed, self.problem = server, uid, killed, None
        self.asked, self.chats = {}, {}  # (asker, asked) -> request, chat

    def run(self):
        try:
            while True:
                pair = asker, of = self.uid(), self.uid()
                self.asked[pair] = ask(self.server, asker, of, "f")
                reply = self.server.api_of(of).post("/friend/request/decide",
                                                    {"requestId": self.asked[pair], "action": "accept"})
                self.chats[pair] = reply.ok()["singleChatId"]
        except BaseException as problem:  # noqa: BLE001 - shown by the test
            if not self.killed.is_set():
                self.problem = problem


def chat_with(server, user, peer):
    rows = [row for row in server.api_of(user).get("/single-chat/conversation/cursor").ok() if row["peerUserId"] == str(peer)]
    assert len(rows) <= 1
    return rows[0]["singleChatId"] if rows else None


def is_friend(server, user, peer):
    return str(peer) in [row[side] for row in server.api_of(user).get("/friend/relation/list").ok()
                         for side in ("user1Id", "user2Id")]


def check(server, crew):
    for one in crew:
        for (asker, of), request in one.asked.items():
            rows = server.api_of(of).get("/friend/request/cursor").ok()
            assert [row["id"] for row in rows] == [request]
            chat = one.chats.get((asker, of))
            for me, peer in ((asker, of), (of, asker)):
                friends = is_friend(server, me, peer)
                assert friends == (rows[0]["status"] == "ACCEPTED"), (me, peer)
                has = chat_with(server, me, peer)
                assert (has is not None) == friends and chat in (None, has), (me, peer, chat, has)


def left_to_do(server):
    with sqlite3.connect(server.data / "minim.db") as db:
        count = db.execute("SELECT count(*) FROM t_log_todo").fetchone()[0]
    db.close()
    return count


def test_friends_over_kills(launch, uid):
    rng = random.Random(int(os.environ.get("MINIM_TEST_SEED", "1")))
    server = launch({"im.ratelimit.enabled": False, "im.gateway.ws.rate-limit.connection-rate": 0})
    everybody = []
    for _ in range(KILLS):
        killed = threading.Event()
        crew = [Befriender(server, uid, killed) for _ in range(THREADS)]
        for one in crew:
            one.start()
        enough = rng.randrange(5, 30)
        while sum(len(one.chats) for one in crew) < enough:
            crew[0].join(0.002)
            assert all(one.problem is None for one in crew), [one.problem for one in crew]
            assert any(one.is_alive() for one in crew)
        killed.set()
        server.kill()
        for one in crew:
            one.join(TIMEOUT)
            assert not one.is_alive() and one.problem is None, one.problem
        everybody += crew
        verified(server)
        server.start()
        assert left_to_do(server) == 0
        check(server, crew)
    check(server, everybody)
    server.stop()
    verified(server)


def test_half_of_it_is_completed_before_anybody_is_answered(launch, uid):
    """As a kill between the two commits leaves it."""
    server = launch()
    asker, of = uid(), uid()
    request = ask(server, asker, of, "f")
    server.stop()
    low, high = min(asker, of), max(asker, of)
    with sqlite3.connect(server.data / "minim.db") as db:
        db.execute("UPDATE t_friend_request SET status = 1, handled_at = 5, updated_at = 5 WHERE id = ?", (request,))
        db.execute("INSERT INTO t_friend_relation VALUES (77, ?, ?, 5, 5)", (low, high))
        db.execute("INSERT INTO t_log_todo VALUES (78, 1, ?, ?, 1700000000000)", (low, high))
    db.close()
    for _ in range(2):
        server.start()
        chat = chat_with(server, asker, of)
        assert chat and chat == chat_with(server, of, asker) and left_to_do(server) == 0
        reply = server.api_of(of).post("/friend/request/decide", {"requestId": request, "action": "accept"})
        assert reply.ok()["singleChatId"] == chat
        server.kill()
    verified(server)


def test_verify_tells_of_friends_without_a_chat(launch, uid):
    server = launch()
    asker, of = uid(), uid()
    ask(server, asker, of, "f")
    server.stop()
    with sqlite3.connect(server.data / "minim.db") as db:
        db.execute("INSERT INTO t_friend_relation VALUES (77, ?, ?, 5, 5)", (min(asker, of), max(asker, of)))
    db.close()
    done = subprocess.run([MINIM, "verify", "--data-dir", server.data], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 1 and "friend_chat_missing" in done.stdout, done.stdout + done.stderr
