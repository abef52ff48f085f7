# SPDX-License-Identifier: Apache-2.0
"""Messages to groups: W-3.6, W-3.7, W-9 and H-7.7, with real groups."""
import json
import random
import threading

import pytest

from conftest import UNLIMITED
from support.groups import Group
from support.im import Client, fresh_id
from support.wait import TIMEOUT, until


@pytest.fixture
def group(server, uid):
    """group(n): a group of n members, the owner first; returns it and their ids."""

    def make(size, at=None, **more):
        users = [uid() for _ in range(size)]
        return Group(at or server, users[0], **more).join(*users[1:]), users

    return make


def send(client, to, body="hi", cmid=None, **more):
    cmid = cmid or fresh_id("g")
    client.send_json(type="GROUP_CHAT", clientMsgId=cmid, groupId=to.id, body=body, **more)
    return cmid


def say(client, to, body="hi", cmid=None, **more):
    """Sends, and returns the ACK."""
    cmid = send(client, to, body, cmid, **more)
    return client.find("ACK", clientMsgId=cmid, ackType="saved")


def conversations(server, user):
    return {row["groupId"]: row for row in server.api_of(user).get("/group/conversation/cursor", limit=100).ok()}


def history(server, user, to):
    found, query = [], {}
    while True:
        page = server.api_of(user).get("/group/message/since", groupId=to.id, limit=200, **query).ok()
        if not page:
            return found
        found += page
        query = {"sinceSeq": page[-1]["msgSeq"]}


@pytest.mark.tsan
def test_frames_and_history(server, connect, group):
    team, (a, b, c) = group(3)
    one, two, three = connect(a), connect(b), connect(c)
    saved = say(one, team, "hello", "f-1", msgType="IMAGE", mentions=[b, str(b), "999", a, "x"])
    assert set(saved) == {"type", "clientMsgId", "serverMsgId", "msgSeq", "from", "ackType", "body", "ts"}
    assert (saved["msgSeq"], saved["body"]) == (1, "hello")
    hit, plain = two.expect("GROUP_CHAT"), three.expect("GROUP_CHAT")
    assert set(plain) == {"type", "clientMsgId", "serverMsgId", "msgSeq", "from", "groupId", "msgType", "body",
                          "mentions", "ts"}
    assert hit == {**plain, "important": True}
    assert (plain["from"], plain["groupId"], plain["msgType"], plain["mentions"]) == (str(a), team.id, "IMAGE", [str(b)])
    answer = say(two, team, "yes", replyToServerMsgId=saved["serverMsgId"])
    got = one.expect("GROUP_CHAT", important=True, replyToServerMsgId=saved["serverMsgId"])
    assert got["serverMsgId"] == answer["serverMsgId"]
    three.expect("GROUP_CHAT", important=None, replyToServerMsgId=saved["serverMsgId"])
    first, second = history(server, c, team)
    assert (first["mentions"], first["replyToServerMsgId"]) == ([str(b)], None)
    assert (second["mentions"], second["replyToServerMsgId"]) == ([], saved["serverMsgId"])
    assert first["chatType"] == "GROUP" and first["toUserId"] is None and first["msgType"] == "TEXT"
    row = conversations(server, b)[team.id]
    assert (row["unreadCount"], row["mentionUnreadCount"], row["name"]) == (1, 1, "Team")
    assert row["lastMessage"]["msgSeq"] == 2 and row["lastMessage"]["serverMsgId"] == answer["serverMsgId"]
    two.ack(hit, "read")
    until(lambda: conversations(server, b)[team.id]["mentionUnreadCount"] == 0, "the cursor")
    assert conversations(server, b)[team.id]["unreadCount"] == 0


def test_a_client_id_counts_once_a_group(connect, group):
    team, (a, b) = group(2)
    other, _ = group(1)
    one, two = connect(a), connect(b)
    saved = say(one, team, "first", "same")
    again = say(one, team, "second", "same")
    assert (again["serverMsgId"], again["msgSeq"]) == (saved["serverMsgId"], saved["msgSeq"]) and "body" not in again
    two.expect("GROUP_CHAT", body="first")
    assert two.settle() == []
    send(one, other, "x", "same")
    one.error("not_group_member", "same")


@pytest.mark.tsan
def test_the_very_next_message(server, connect, group, uid):
    """Who joins has it, who is removed or muted has not, and may not."""
    team, (owner, b) = group(2)
    late = uid()
    one, two, three = connect(owner), connect(b), connect(late)
    say(one, team, "m1")
    two.find("GROUP_CHAT", body="m1")
    team.join(late)
    say(one, team, "m2")
    three.find("GROUP_CHAT", body="m2")
    assert conversations(server, late)[team.id]["unreadCount"] == 1
    team.post(owner, "/group/member/kick", userId=str(b)).ok()
    say(one, team, "m3")
    three.find("GROUP_CHAT", body="m3")
    cmid = send(two, team, "still here?")
    two.find("ERROR", clientMsgId=cmid, reason="not_group_member")
    assert not any("m3" in str(frame) for frame in two.pending)
    assert team.api(b).get("/group/message/since", groupId=team.id).json["code"] == 40300
    assert team.id not in conversations(server, b)
    team.post(owner, "/group/member/mute", userId=str(late), durationSeconds=600).ok()
    cmid = send(three, team, "quiet")
    three.find("ERROR", clientMsgId=cmid, reason="group_speak_muted")


def test_what_one_missed_is_resent(server, connect, group):
    """More than a window, in order, once; acknowledged as it comes (W-8.2)."""
    team, (a, b) = group(2)
    one = connect(a)
    for i in range(450):
        send(one, team, f"text {i}", mentions=[b] if i % 100 == 7 else None)
    for _ in range(450):
        one.find("ACK", ackType="saved")
    assert conversations(server, b)[team.id]["unreadCount"] == 450
    assert conversations(server, b)[team.id]["mentionUnreadCount"] == 5
    two = connect(b)
    for i in range(450):
        got = two.expect("GROUP_CHAT", msgSeq=i + 1, body=f"text {i}", to=str(b), msgType="text", groupId=team.id,
                         important=True if i % 100 == 7 else None, mentions=[str(b)] if i % 100 == 7 else None)
        two.ack(got)
    two.ack(got, "read")
    until(lambda: conversations(server, b)[team.id]["unreadCount"] == 0, "the cursor")
    assert one.settle() == [], "groups have no receipts"
    connect(b).expect_alive()


def test_nothing_older_for_who_joins(server, connect, group, uid):
    team, (a, _) = group(2)
    one, late = connect(a), uid()
    say(one, team, "before", mentions=[late])
    team.join(late)
    assert conversations(server, late)[team.id]["unreadCount"] == 0
    connect(late).expect_alive()
    assert [m["content"] for m in history(server, late, team)] == ["before"]


@pytest.mark.parametrize("body, reason", [
    ({"groupId": "1"}, "missing_msg_id"),
    ({"clientMsgId": "c", "groupId": "0"}, "missing_group_id"),
    ({"clientMsgId": "c", "groupId": "-5"}, "missing_group_id"),
    ({"clientMsgId": "c", "groupId": "9223372036854775808"}, "bad_json"),
    ({"clientMsgId": "c", "groupId": "9223372036854775807"}, "not_group_member"),
    ({"clientMsgId": "c", "groupId": "1", "body": " "}, "missing_body"),
    ({"clientMsgId": "c", "groupId": "1", "body": "x" * 4097}, "body_too_long"),
    ({"clientMsgId": "c", "groupId": "1", "mentions": [1] * 10_000}, "too_many_mentions"),
    ({"clientMsgId": "c", "groupId": "1", "mentions": "all"}, "bad_json"),
    ({"clientMsgId": "c", "groupId": "1", "mentions": [["1"]]}, "bad_json"),
])
def test_bad_input(connect, uid, body, reason):
    client = connect(uid())
    client.send_json(**{"type": "GROUP_CHAT", "body": "x", **body})
    got = client.recv()
    assert (got["type"], got["reason"]) == ("ERROR", reason)
    client.expect_alive()


@pytest.mark.parametrize("fields, reason", [
    ({"clientMsgId": "c" * 65}, "internal_error"),
    ({"clientMsgId": "\U0001f600" * 33}, "internal_error"),
    ({"clientMsgId": "\ud83d"}, "internal_error"),
    ({"msgType": "x" * 65}, "internal_error"),
    ({"body": "\U0001f600" * 2049}, "body_too_long"),
    ({"body": "\u3000\n"}, "missing_body"),
    ({"mentions": ["1"] * 1001}, "too_many_mentions"),
    ({"mentions": {"1": 1}}, "bad_json"),
    ({"replyToServerMsgId": ["1"]}, "bad_json"),
    ({"groupId": -2**63 - 1}, "bad_json"),
    ({"groupId": 2**63}, "bad_json"),
    ({"groupId": None}, "missing_group_id"),
    ({"important": "yes"}, "bad_json"),
], ids=lambda v: str(v)[:40])
def test_bad_input_of_a_member_changes_nothing(server, connect, group, fields, reason):
    team, (a, b) = group(2)
    one, two = connect(a), connect(b)
    one.send_text(json.dumps({"type": "GROUP_CHAT", "clientMsgId": "c", "groupId": team.id, "body": "x", **fields}))
    one.expect("ERROR", reason=reason)
    assert one.settle() == [] and history(server, b, team) == []
    assert say(one, team, "\U0001f600" * 2048, "\U0001f600" * 32, msgType="x" * 64)["msgSeq"] == 1  # the longest there may be
    two.expect("GROUP_CHAT", msgSeq=1)


def test_what_is_no_mention_is_passed_over(server, connect, group, uid):
    """A thousand entries, and one of them a member: numbers of any size, texts, what is no text, oneself, twice."""
    team, (a, b, c) = group(3)
    one, two, three = connect(a), connect(b), connect(c)
    junk = [None, True, False, "", " ", "\u200b", "-5", "0", 0, -1, 1.5, "1e3", "0x10", str(2**63), 2**64, "9" * 5000, "@all",
            a, str(a), uid(), "\ud800"]
    entries = junk + [f" {b} ", b] + ["x"] * (1000 - len(junk) - 2)
    one.send_text(json.dumps({"type": "GROUP_CHAT", "clientMsgId": "m", "groupId": team.id, "body": "x", "mentions": entries}))
    one.expect("ACK", clientMsgId="m")
    two.expect("GROUP_CHAT", mentions=[str(b)], important=True)
    three.expect("GROUP_CHAT", mentions=[str(b)], important=None)
    assert [m["mentions"] for m in history(server, c, team)] == [[str(b)]]


def test_what_is_forged_is_not_passed_on(connect, group):
    team, (a, b) = group(2)
    one, two = connect(a), connect(b)
    one.send_json(type="GROUP_CHAT", clientMsgId="c", groupId=team.id, body="x", to=str(b), ts=1, serverMsgId="7", msgSeq=99,
                  callId="5", callKind="video", sdp="v=0", token="t", reason="kicked", important=True, ackType="read",
                  iceCandidate="c", callReason="x", retryAfterMs=1, **{"from": str(b)})
    got = two.expect("GROUP_CHAT", from_=str(a), msgSeq=1)
    assert set(got) == {"type", "clientMsgId", "serverMsgId", "msgSeq", "from", "groupId", "body", "ts"}
    assert got["serverMsgId"] != "7" and got["ts"] > 1


def test_only_its_sender_takes_a_message_back(server, connect, group, uid):
    """Not even the group's owner, nor somebody outside; and nobody is told of the attempt."""
    team, (owner, a, b) = group(3)
    one, two = connect(a), connect(b)
    saved = say(one, team, "mine")["serverMsgId"]
    two.expect("GROUP_CHAT", serverMsgId=saved)
    for user in owner, uid():
        other = connect(user)
        other.send_json(type="MESSAGE_REVOKE", serverMsgId=saved)
        other.find("ERROR", reason="not_message_sender", serverMsgId=saved)
    two.send_json(type="MESSAGE_REVOKE", serverMsgId=saved, groupId=team.id, **{"from": str(a)})
    two.expect("ERROR", reason="not_message_sender")
    assert one.settle() == [] and two.settle() == []
    assert [m["content"] for m in history(server, b, team)] == ["mine"]


def test_a_reply_to_another_chat_is_none(connect, group, pair):
    team, (a, b) = group(2)
    other, (c, _) = group(2)
    one, two, three = connect(a), connect(b), connect(c)
    elsewhere = say(three, other)["serverMsgId"]
    of_two = one.chat(b)["serverMsgId"]
    two.expect("SINGLE_CHAT")
    for wrong in elsewhere, of_two, "12345", "x", "-1", " ":
        say(one, team, "re", replyToServerMsgId=wrong)
        two.expect("GROUP_CHAT", replyToServerMsgId=None, important=None)


def test_words_are_filtered(launch, tmp_path, uid):
    words = tmp_path / "words"
    words.write_text("secret\n", encoding="utf-8")
    server = launch({**UNLIMITED, "minim.filter.file": words})
    owner, member = uid(), uid()
    team = Group(server, owner).join(member)
    one, two = Client(server, owner), Client(server, member)
    assert say(one, team, "a secret")["body"] == "a ***"
    two.find("GROUP_CHAT", body="a ***")
    one.close()
    two.close()


@pytest.mark.parametrize("mode, told", [("push", "GROUP_CHAT"), ("notify", "GROUP_NOTIFY"), ("none", None),
                                        ("strategy2", "GROUP_NOTIFY"), ("auto", "GROUP_CHAT")])
def test_strategies(launch, uid, mode, told):
    server = launch({**UNLIMITED, "im.group-chat.strategy.mode": mode})
    owner, member = uid(), uid()
    team = Group(server, owner).join(member)
    one, two = Client(server, owner), Client(server, member)
    saved = say(one, team, mentions=[member])
    one.chat(member, "fence")  # behind it in the same queues
    two.find("SINGLE_CHAT", body="fence")
    got = [frame for frame in two.pending if frame["type"].startswith("GROUP_")]
    if told is None:
        assert got == []
    else:
        assert [frame["type"] for frame in got] == [told]
        assert got[0]["serverMsgId"] == saved["serverMsgId"] and got[0]["important"] is True
    if told == "GROUP_NOTIFY":
        assert set(got[0]) == {"type", "serverMsgId", "msgSeq", "from", "groupId", "important", "ts"}
    one.close()
    two.close()
    again = Client(server, member)  # whatever he was told, he has it when he comes back
    again.find("GROUP_CHAT", serverMsgId=saved["serverMsgId"])
    again.close()


class Sender(threading.Thread):
    """Sends until it is told to stop; sure of what was acknowledged."""

    def __init__(self, server, user, team):
        super().__init__(daemon=True)
        self.client, self.team, self.acked, self.refused = Client(server, user), team, [], []
        self.stop = threading.Event()

    def run(self):
        number = 0
        while not self.stop.is_set():
            cmid = f"race-{self.client.uid}-{number}"
            number += 1
            send(self.client, self.team, cmid, cmid)
            got = self.client.recv()
            while got["type"] not in ("ACK", "ERROR"):
                got = self.client.recv()
            (self.acked if got["type"] == "ACK" else self.refused).append((cmid, got))


@pytest.mark.tsan
def test_members_come_and_go_while_all_talk(server, connect, group, uid):
    """Whatever the interleaving: the order holds, nobody has a message twice, and the counts are right."""
    team, users = group(4)
    owner, guest = users[0], uid()
    listener = connect(users[3])
    senders = [Sender(server, user, team) for user in users[:3]]
    for sender in senders:
        sender.start()
    for _ in range(15):
        team.join(guest)
        team.post(owner, "/group/member/mute", userId=str(users[2]), durationSeconds=600).ok()
        visitor = Client(server, guest)
        visitor.find("GROUP_CHAT")
        team.post(owner, "/group/member/kick", userId=str(guest)).ok()
        cmid = send(visitor, team, "out")
        visitor.find("ERROR", clientMsgId=cmid, reason="not_group_member")
        visitor.close()
        team.post(owner, "/group/member/mute", userId=str(users[2]), durationSeconds=0).ok()
    for sender in senders:
        sender.stop.set()
        sender.join(TIMEOUT)
        assert not sender.is_alive()
    acked = {cmid: got for sender in senders for cmid, got in sender.acked}
    assert all(got["reason"] == "group_speak_muted" for sender in senders for _, got in sender.refused)
    stored = history(server, owner, team)
    assert [m["msgSeq"] for m in stored] == list(range(1, len(stored) + 1))
    assert {m["clientMsgId"] for m in stored} == set(acked)
    end = say(connect(owner), team, "the end")["serverMsgId"]
    heard = [listener.recv()]
    while heard[-1].get("serverMsgId") != end:
        heard.append(listener.recv())
    heard = [frame for frame in heard[:-1] if frame["type"] == "GROUP_CHAT"]
    assert [(f["msgSeq"], f["clientMsgId"]) for f in heard] == [(m["msgSeq"], m["clientMsgId"]) for m in stored]
    assert conversations(server, users[3])[team.id]["unreadCount"] == len(stored) + 1
    for sender in senders:
        sender.client.close()


def test_counts_follow_a_model(launch, uid):
    """Random messages, mentions, receipts, revocations and members against counting, across restarts."""
    rng = random.Random(7)
    server = launch(UNLIMITED)
    users = [uid() for _ in range(5)]
    team = Group(server, users[0]).join(*users[1:4])
    inside, sent = set(users[:4]), []
    read = {user: 0 for user in users}
    for step in range(160):
        user = rng.choice(sorted(inside))
        what = rng.random()
        if what < 0.5:
            client = Client(server, user)
            mentions = [other for other in users if rng.random() < 0.3]
            reply = rng.choice(sent) if sent and rng.random() < 0.3 else None
            got = say(client, team, f"step {step}", mentions=mentions,
                      replyToServerMsgId=reply["id"] if reply else None)
            hits = {other for other in mentions if other in inside and other != user}
            if reply and reply["from"] in inside and reply["from"] != user:
                hits.add(reply["from"])
            sent.append({"id": got["serverMsgId"], "from": user, "hits": hits, "revoked": False})
            assert got["msgSeq"] == len(sent)
            client.close()
        elif what < 0.75 and sent:
            seq = rng.randint(1, len(sent))
            client = Client(server, user)
            client.settle()
            client.send_json(type="ACK", ackType="read", serverMsgId=sent[seq - 1]["id"], to=str(user))
            read[user] = max(read[user], seq)
            unread = sum(m["from"] != user for m in sent[read[user]:])
            until(lambda: conversations(server, user)[team.id]["unreadCount"] == unread, f"the receipt of step {step}")
            client.close()
        elif what < 0.85 and sent:
            mine = rng.choice(sent)
            client = Client(server, mine["from"])
            client.settle()
            client.send_json(type="MESSAGE_REVOKE", serverMsgId=mine["id"], clientMsgId="r")
            client.find("ACK", ackType="revoked")
            mine["revoked"] = True
            client.close()
        elif user != users[0]:
            team.post(users[0], "/group/member/kick", userId=str(user)).ok()
            inside.discard(user)
        else:
            for other in set(users) - inside:
                team.join(other)
                inside.add(other)
                read[other] = len(sent)
        if step % 40 == 39:
            server.restart()
        for user in users:
            rows = conversations(server, user)
            assert (team.id in rows) == (user in inside)
            if user in inside:
                unread = [m for m in sent[read[user]:] if m["from"] != user]
                mentions = sum(user in m["hits"] and not m["revoked"] for m in unread)
                row = rows[team.id]
                assert (row["unreadCount"], row["mentionUnreadCount"]) == (len(unread), mentions), (step, user, read)
