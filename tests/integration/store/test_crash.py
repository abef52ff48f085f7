# SPDX-License-Identifier: Apache-2.0
"""The promise: what was acknowledged survives SIGKILL at any instant, in its place, once.

minimd is killed under load again and again on one data directory.  Every
acknowledged message must be in the history with its number and its text;
numbers are unique and without gaps below the last acknowledged one; and
every client id answers with its first result, after the crash and a day
later.  After each kill `minim verify` finds nothing wrong with what was left.
"""
import json
import os
import random
import threading

import pytest

from support.groups import Group
from support.im import Client
from support.rawws import TEXT, Eof, frame
from support.verify import verified
from support.wait import TIMEOUT, until

KILLS = int(os.environ.get("MINIM_TEST_KILLS", "20"))
PAIRS = 6
WINDOW = 24


class UntilItEnds(threading.Thread):
    """Runs work() until its connection ends."""

    def __init__(self):
        super().__init__(daemon=True)
        self.problem = None

    def run(self):
        try:
            self.work()
        except (Eof, ConnectionError):
            pass
        except BaseException as problem:  # noqa: BLE001 - shown by the test
            self.problem = problem


class Sender(UntilItEnds):
    """Keeps WINDOW messages in flight until the connection ends; sure of what was acknowledged."""

    def __init__(self, server, user, peer, ledger, round_number, unsure):
        super().__init__()
        self.server, self.user, self.peer = server, user, peer
        self.ledger = ledger      # client id -> (serverMsgId, msgSeq, body)
        self.unsure = unsure      # client ids that were sent and never answered: sent again next time
        self.round_number = round_number

    def work(self):
        client = Client(self.server, self.user)
        flying = {}
        queue = list(self.unsure.items())
        number = 0
        try:
            while True:
                while len(flying) < WINDOW:
                    if queue:
                        cmid, body = queue.pop()
                    else:
                        cmid = f"r{self.round_number}-{self.peer}-{number}"
                        body = f"text of {cmid} " + "." * (number % 300)
                        number += 1
                    flying[cmid] = body
                    self.unsure[cmid] = body
                    client.send(frame(TEXT, json.dumps({"type": "SINGLE_CHAT", "clientMsgId": cmid,
                                                        "to": str(self.peer), "body": body})))
                got = client.recv()
                if got["type"] != "ACK" or got["ackType"] != "saved":
                    continue
                cmid = got["clientMsgId"]
                body = flying.pop(cmid)
                del self.unsure[cmid]
                assert cmid not in self.ledger
                self.ledger[cmid] = (got["serverMsgId"], got["msgSeq"], body)
        finally:
            client.close()


def history(server, user, peer):
    api, found, query = server.api_of(user), [], {}
    while True:
        page = api.get("/single-chat/message/cursor", peerUserId=peer, limit=100, **query).ok()
        if not page:
            return found
        found += page
        query = {"lastSeq": page[-1]["msgSeq"]}


def check_history(server, user, peer, ledger):
    messages = history(server, peer, user)
    numbers = [m["msgSeq"] for m in messages]
    assert numbers == sorted(set(numbers), reverse=True), "msgSeq is not unique or out of order"
    last = max((seq for _, seq, _ in ledger.values()), default=0)
    assert set(range(1, last + 1)) <= set(numbers), "a gap in what was acknowledged"
    by_client_id = {}
    for message in messages:
        assert message["clientMsgId"] not in by_client_id, "stored twice"
        by_client_id[message["clientMsgId"]] = message
    for cmid, (server_id, seq, body) in ledger.items():
        message = by_client_id.get(cmid)
        assert message, f"lost: {cmid}"
        assert (message["serverMsgId"], message["msgSeq"], message["content"]) == (server_id, seq, body)


def check_retries(server, user, peer, ledger, sample):
    client = Client(server, user)
    for cmid in sample:
        again = client.chat(peer, "a retry", cmid)
        assert (again["serverMsgId"], again["msgSeq"]) == ledger[cmid][:2], cmid
        assert "body" not in again
    client.close()


def test_kill_under_load(launch, uid):
    rng = random.Random(int(os.environ.get("MINIM_TEST_SEED", "1")))
    server = launch({"im.gateway.ws.rate-limit.connection-rate": 0, "im.gateway.ws.rate-limit.user-rate": 0})
    chats = [(uid(), uid(), {}, {}) for _ in range(PAIRS)]
    for round_number in range(KILLS):
        senders = [Sender(server, user, peer, ledger, round_number, unsure) for user, peer, ledger, unsure in chats]
        target = sum(len(ledger) for _, _, ledger, _ in chats) + rng.randrange(50, 1500)
        for sender in senders:
            sender.start()
        alive = threading.Event()
        while sum(len(ledger) for _, _, ledger, _ in chats) < target:
            alive.wait(0.002)
            assert all(sender.problem is None for sender in senders), [s.problem for s in senders]
            assert any(sender.is_alive() for sender in senders), "all senders ended before the kill"
        server.kill()
        for sender in senders:
            sender.join(TIMEOUT)
            assert not sender.is_alive() and sender.problem is None, sender.problem
        verified(server)
        server.start()
        for user, peer, ledger, _ in chats:
            sample = rng.sample(sorted(ledger), min(10, len(ledger)))
            check_retries(server, user, peer, ledger, sample)
        if round_number % 5 == 4 or round_number == KILLS - 1:
            for user, peer, ledger, _ in chats:
                check_history(server, user, peer, ledger)
    for user, peer, ledger, _ in chats:
        check_retries(server, user, peer, ledger, sorted(ledger)[:200])


class Talker(UntilItEnds):
    """A member who keeps WINDOW messages to a group in flight, and takes some back; sure of what was acknowledged."""

    def __init__(self, server, user, group, mentioned, ledger, revoked, unsure, round_number):
        super().__init__()
        self.server, self.user, self.group, self.mentioned = server, user, group, mentioned
        self.ledger, self.revoked, self.unsure, self.round_number = ledger, revoked, unsure, round_number

    def work(self):
        client, flying, number = Client(self.server, self.user), set(), 0
        again = sorted(self.unsure)
        try:
            while True:
                while len(flying) < WINDOW:
                    cmid = again.pop() if again else f"g{self.round_number}-{self.user}-{number}"
                    number += 1
                    flying.add(cmid)
                    self.unsure.add(cmid)
                    client.send_json(type="GROUP_CHAT", clientMsgId=cmid, groupId=self.group.id, body=f"text of {cmid}",
                                     mentions=[str(self.mentioned)])
                got = client.recv()
                if got["type"] == "ACK" and got["ackType"] == "saved":
                    flying.remove(got["clientMsgId"])
                    self.unsure.remove(got["clientMsgId"])
                    self.ledger[got["clientMsgId"]] = (got["serverMsgId"], got["msgSeq"])
                    if got["msgSeq"] % 8 == 0:
                        client.send_json(type="MESSAGE_REVOKE", serverMsgId=got["serverMsgId"])
                elif got["type"] == "ACK" and got["ackType"] == "revoked":
                    self.revoked.add(got["serverMsgId"])
        finally:
            client.close()


def group_history(server, user, group):
    found, query = [], {}
    while True:
        page = server.api_of(user).get("/group/message/since", groupId=group.id, limit=200, **query).ok()
        if not page:
            return found
        found += page
        query = {"sinceSeq": page[-1]["msgSeq"]}


def check_group(server, group, reader, ledger, revoked):
    """What was acknowledged is there, once, in its place; and the counts of who only reads are those of the rows."""
    messages = group_history(server, reader, group)
    assert [m["msgSeq"] for m in messages] == list(range(1, len(messages) + 1)), "a gap, or out of order"
    by_client_id = {(m["fromUserId"], m["clientMsgId"]): m for m in messages}
    assert len(by_client_id) == len(messages), "stored twice"
    for (user, cmid), (server_id, seq) in ledger.items():
        message = by_client_id.get((str(user), cmid))
        assert message, f"lost: {cmid}"
        assert (message["serverMsgId"], message["msgSeq"]) == (server_id, seq)
        if message["status"] == "REVOKED":
            assert seq % 8 == 0
            continue
        assert (message["content"], message["mentions"]) == (f"text of {cmid}", [str(reader)])
    gone = {message["serverMsgId"] for message in messages if message["status"] == "REVOKED"}
    assert revoked <= gone, "a revocation is lost"
    (row,) = server.api_of(reader).get("/group/conversation/cursor").ok()
    assert (row["unreadCount"], row["mentionUnreadCount"]) == (len(messages), len(messages) - len(gone))


def test_kill_while_a_group_talks(launch, uid):
    rng = random.Random(int(os.environ.get("MINIM_TEST_SEED", "1")))
    server = launch({"im.gateway.ws.rate-limit.connection-rate": 0, "im.gateway.ws.rate-limit.user-rate": 0,
                     "im.ratelimit.enabled": False})
    users, reader = [uid() for _ in range(4)], uid()
    group = Group(server, users[0]).join(*users[1:], reader)
    ledgers, unsure, revoked = {user: {} for user in users}, {user: set() for user in users}, set()
    for round_number in range(max(KILLS // 4, 1)):
        talkers = [Talker(server, user, group, reader, ledgers[user], revoked, unsure[user], round_number)
                   for user in users]
        target = sum(map(len, ledgers.values())) + rng.randrange(50, 800)
        for talker in talkers:
            talker.start()
        alive = threading.Event()
        while sum(map(len, ledgers.values())) < target:
            alive.wait(0.002)
            assert all(talker.problem is None for talker in talkers), [t.problem for t in talkers]
        server.kill()
        for talker in talkers:
            talker.join(TIMEOUT)
            assert not talker.is_alive() and talker.problem is None, talker.problem
        looked = verified(server)
        assert (looked["groups"], looked["group_members"]) == (1, len(users) + 1)
        server.start()
        check_group(server, group, reader, {(user, cmid): got for user in users for cmid, got in ledgers[user].items()},
                    revoked)


def test_delivery_after_a_crash(launch, connect, uid):
    """What was saved but not delivered comes after the restart; cursors only repeat, never skip."""
    server = launch()
    user, peer = uid(), uid()
    sender = connect(user, server)
    saved = [sender.chat(peer, str(i))["serverMsgId"] for i in range(40)]
    receiver = connect(peer, server)
    for i in range(40):
        message = receiver.expect("SINGLE_CHAT")
        if i < 10:
            receiver.ack(message)
    server.kill()
    server.start()
    again = connect(peer, server)
    got = [again.expect("SINGLE_CHAT")["serverMsgId"]]
    while got[-1] != saved[-1]:
        got.append(again.expect("SINGLE_CHAT")["serverMsgId"])
    assert got == saved[len(saved) - len(got):] and len(got) >= 30


@pytest.mark.parametrize("file", ["LOCK", "minim.db", "MANIFEST"])
def test_kill_while_starting(launch, uid, file):
    """A start that is cut short, when it has got to this file, leaves nothing that keeps the next one from starting."""
    server = launch()
    Client(server, uid()).close()
    server.kill()
    for _ in range(3):
        server.spawn()
        until(lambda: has_open(server.pid(), file), f"{file} to be opened")
        server.kill()
    server.start()


def has_open(pid, name):
    folder = f"/proc/{pid}/fd"
    for fd in os.listdir(folder):
        try:
            if os.path.basename(os.readlink(f"{folder}/{fd}")).startswith(name):
                return True
        except FileNotFoundError:  # closed meanwhile
            continue
    return False
