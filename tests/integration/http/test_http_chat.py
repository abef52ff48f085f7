# SPDX-License-Identifier: Apache-2.0
"""H-7.4 and H-8.5: conversations, messages, read state; H-3.2, H-3.5."""
import re
import time

import pytest

from support.wait import until

DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,2}[1-9])?")
MESSAGE_FIELDS = {"id", "chatType", "singleChatId", "groupId", "fromUserId", "toUserId", "msgType", "status", "msgSeq",
                  "clientMsgId", "serverMsgId", "createdAt", "updatedAt", "content"}
CONVERSATION_FIELDS = {"singleChatId", "peerUserId", "updatedAt", "unreadCount", "myLastReadMsgSeq",
                       "peerLastReadMsgSeq", "lastMessage"}


@pytest.fixture
def chat(server, connect, uid):
    """A conversation of 25 messages, all from one side: (sender client, receiver client, saved ACKs)."""
    sender, receiver = connect(uid()), connect(uid())
    return sender, receiver, [sender.chat(receiver.uid, f"text {i}", f"c{i}") for i in range(1, 26)]


def seqs(messages):
    return [m["msgSeq"] for m in messages]


# ---- messages


def test_message_cursor(server, chat):
    sender, receiver, saved = chat
    for user, peer in ((sender.uid, receiver.uid), (receiver.uid, sender.uid)):
        page = server.api_of(user).get("/single-chat/message/cursor", peerUserId=peer).ok()
        assert seqs(page) == list(range(25, 5, -1))
    newest = page[0]
    assert set(newest) == MESSAGE_FIELDS
    assert newest["id"] == newest["serverMsgId"] == saved[24]["serverMsgId"]
    assert newest["chatType"] == "SINGLE" and newest["msgType"] == "TEXT" and newest["status"] == "SAVED"
    assert newest["groupId"] is None and isinstance(newest["singleChatId"], str)
    assert (newest["fromUserId"], newest["toUserId"]) == (str(sender.uid), str(receiver.uid))
    assert (newest["clientMsgId"], newest["content"], newest["msgSeq"]) == ("c25", "text 25", 25)
    assert DATE.fullmatch(newest["createdAt"]) and DATE.fullmatch(newest["updatedAt"])


@pytest.mark.parametrize("limit, count", [("0", 1), ("-5", 1), ("1", 1), ("7", 7), ("100", 25), ("1000", 25), ("", 20)])
def test_limits_are_clamped(server, chat, limit, count):
    sender, receiver, _ = chat
    page = server.api_of(sender.uid).get("/single-chat/message/cursor", peerUserId=receiver.uid, limit=limit).ok()
    assert len(page) == count


def test_page_is_at_most_100(server, connect, uid):
    sender, peer = connect(uid()), uid()
    for i in range(130):
        sender.send_chat(peer, str(i))
    for _ in range(130):
        sender.expect("ACK")
    api = server.api_of(peer)
    first = api.get("/single-chat/message/cursor", peerUserId=sender.uid, limit=1000).ok()
    rest = api.get("/single-chat/message/cursor", peerUserId=sender.uid, limit=1000, lastSeq=first[-1]["msgSeq"]).ok()
    assert seqs(first + rest) == list(range(130, 0, -1)) and len(first) == 100


def test_last_seq_is_exclusive(server, chat):
    sender, receiver, _ = chat
    get = lambda seq: seqs(server.api_of(sender.uid).get(  # noqa: E731
        "/single-chat/message/cursor", peerUserId=receiver.uid, limit=3, lastSeq=seq).ok())
    assert get(25) == [24, 23, 22]
    assert get(2) == [1]
    assert get(1) == []
    assert get(0) == []
    assert get(1000) == [25, 24, 23]


def test_since_is_ascending_and_exclusive(server, chat):
    sender, receiver, _ = chat
    get = lambda **query: seqs(server.api_of(receiver.uid).get(  # noqa: E731
        "/single-chat/message/since", peerUserId=sender.uid, **query).ok())
    assert get(sinceSeq=20) == [21, 22, 23, 24, 25]
    assert get(sinceSeq=25) == []
    assert get(sinceSeq=0, limit=3) == [1, 2, 3]
    assert get() == list(range(1, 26))


def test_message_list_pages(server, chat):
    sender, receiver, _ = chat
    page = server.api_of(sender.uid).get("/single-chat/message/list", peerUserId=receiver.uid, pageNo=2, pageSize=10).ok()
    assert set(page) == {"records", "total", "size", "current", "pages"}
    assert (page["total"], page["size"], page["current"], page["pages"]) == (25, 10, 2, 3)
    assert seqs(page["records"]) == list(range(15, 5, -1))


def test_no_chat_yet(server, uid):
    user, peer = uid(), uid()
    api = server.api_of(user)
    assert api.get("/single-chat/message/cursor", peerUserId=peer).ok() == []
    assert api.get("/single-chat/message/since", peerUserId=peer).ok() == []
    assert api.get("/single-chat/message/list", peerUserId=peer).ok() == {
        "records": [], "total": 0, "size": 0, "current": 1, "pages": 0}
    assert api.get("/single-chat/member/state", peerUserId=peer).ok() == {
        "singleChatId": None, "peerUserId": str(peer), "myLastReadMsgSeq": None, "peerLastReadMsgSeq": None,
        "peerLastDeliveredMsgSeq": None}
    assert api.get("/single-chat/conversation/cursor").ok() == []


WITH_PEER = ["/single-chat/message/cursor", "/single-chat/message/list", "/single-chat/message/since",
             "/single-chat/member/state"]


@pytest.mark.parametrize("path", WITH_PEER)
def test_peer_checks(server, uid, path):
    user = uid()
    api = server.api_of(user)
    api.get(path, peerUserId=0).fail(200, 40000, "missing_peer_user_id")
    api.get(path, peerUserId=-1).fail(200, 40000, "missing_peer_user_id")
    api.get(path, peerUserId=user).fail(200, 40000, "cannot_query_self_chat")


@pytest.mark.parametrize("path", WITH_PEER)
@pytest.mark.parametrize("query", ["", "?peerUserId=", "?peerUserId=x", "?peerUserId=1.5", "?peerUserId=99999999999999999999"])
def test_peer_binding(server, uid, path, query):
    server.api_of(uid()).request("GET", path + query).fail(400, 40000)


@pytest.mark.parametrize("query", ["limit=x", "lastSeq=x", "lastSeq=1e3"])
def test_number_binding(server, uid, query):
    server.api_of(uid()).request("GET", f"/single-chat/message/cursor?peerUserId=5&{query}").fail(400, 40000)


def test_strangers_see_nothing(server, chat, uid):
    sender, receiver, _ = chat
    assert server.api_of(uid()).get("/single-chat/message/cursor", peerUserId=sender.uid).ok() == []


# ---- conversations


def test_conversation_element(server, chat):
    sender, receiver, saved = chat
    (element,) = server.api_of(receiver.uid).get("/single-chat/conversation/cursor").ok()
    assert set(element) == CONVERSATION_FIELDS
    assert element["peerUserId"] == str(sender.uid) and element["unreadCount"] == 25
    assert element["peerLastReadMsgSeq"] is None
    assert DATE.fullmatch(element["updatedAt"])
    last = element["lastMessage"]
    assert set(last) == {"serverMsgId", "msgSeq", "fromUserId", "toUserId", "content", "createdAt"}
    assert (last["serverMsgId"], last["content"]) == (saved[24]["serverMsgId"], "text 25")
    assert (last["fromUserId"], last["toUserId"]) == (str(sender.uid), str(receiver.uid))
    (mine,) = server.api_of(sender.uid).get("/single-chat/conversation/cursor").ok()
    assert mine["unreadCount"] == 0 and mine["singleChatId"] == element["singleChatId"]


def test_unread_count_follows_the_read_cursor(server, chat):
    sender, receiver, saved = chat
    messages = [receiver.expect("SINGLE_CHAT") for _ in range(25)]
    receiver.ack(messages[9], "read")
    sender.find("ACK", ackType="read")

    def element():
        return server.api_of(receiver.uid).get("/single-chat/conversation/cursor").ok()[0]
    until(lambda: element()["unreadCount"] == 15, "the read cursor")
    assert element()["myLastReadMsgSeq"] == 10
    (mine,) = server.api_of(sender.uid).get("/single-chat/conversation/cursor").ok()
    assert mine["peerLastReadMsgSeq"] == 10


@pytest.fixture
def many_chats(server, connect, uid):
    user = uid()
    peers = []
    for i in range(12):
        peer = connect(uid())
        peer.chat(user, f"from {i}")
        peers.append(peer)
    return user, peers


def test_conversations_newest_first_and_paged(server, many_chats):
    user, peers = many_chats
    peers[3].chat(user, "newest")
    api = server.api_of(user)
    whole = api.get("/single-chat/conversation/cursor", limit=100).ok()
    assert len(whole) == 12
    # Two commits may fall into one millisecond; then the greater chat is the first (7.4.1).
    order = [(c["updatedAt"], int(c["singleChatId"])) for c in whole]
    assert order == sorted(order, reverse=True) and len(set(order)) == 12
    newest = max(c["updatedAt"] for c in whole)
    assert {c["peerUserId"]: c["updatedAt"] for c in whole}[str(peers[3].uid)] == newest
    paged, cursor = [], {}
    while True:
        page = api.get("/single-chat/conversation/cursor", limit=5, **cursor).ok()
        if not page:
            break
        paged += page
        cursor = {"lastUpdatedAt": page[-1]["updatedAt"], "lastId": page[-1]["singleChatId"]}
    assert [c["singleChatId"] for c in paged] == [c["singleChatId"] for c in whole]


@pytest.mark.parametrize("suffix", ["Z", "+00:00", ".000Z"])
def test_cursor_with_a_zone_is_accepted(server, many_chats, suffix):
    """H-3.2: the old web client sends such values."""
    user, _ = many_chats
    api = server.api_of(user)
    future = api.get("/single-chat/conversation/cursor", lastUpdatedAt="2090-01-01T00:00:00" + suffix, lastId=1).ok()
    assert len(future) == 12
    assert api.get("/single-chat/conversation/cursor", lastUpdatedAt="2000-01-01T00:00:00" + suffix, lastId=1).ok() == []


@pytest.mark.parametrize("query", [{"lastId": 5}, {"lastUpdatedAt": "2026-01-01T00:00:00"}])
def test_half_a_cursor(server, uid, query):
    server.api_of(uid()).get("/single-chat/conversation/cursor", **query).fail(
        200, 40000, "cursor_need_lastUpdatedAt_and_lastId")


def test_empty_cursor_counts_as_absent(server, many_chats):
    user, _ = many_chats
    assert len(server.api_of(user).request(
        "GET", "/single-chat/conversation/cursor?lastUpdatedAt=&lastId=&limit=").ok()) == 12


@pytest.mark.parametrize("date", ["yesterday", "2026-01-01", "2026-13-01T00:00:00", "2026-02-30T00:00:00",
                                  "2026-01-01T25:00:00", "2026-01-01 00:00:00"])
def test_bad_dates(server, uid, date):
    server.api_of(uid()).get("/single-chat/conversation/cursor", lastUpdatedAt=date, lastId=1).fail(400, 40000)


@pytest.mark.parametrize("date", ["2090-01-01T00:00", "2090-01-01T00:00:00", "2090-01-01T00:00:00.1", "2090-01-01T00:00:00.123456789"])
def test_good_dates(server, many_chats, date):
    user, _ = many_chats
    assert len(server.api_of(user).get("/single-chat/conversation/cursor", lastUpdatedAt=date, lastId=1).ok()) == 12


def test_conversation_list_pages(server, many_chats):
    user, _ = many_chats
    api = server.api_of(user)
    page = api.get("/single-chat/conversation/list", pageNo=2, pageSize=5).ok()
    assert (page["total"], page["size"], page["current"], page["pages"], len(page["records"])) == (12, 5, 2, 3, 5)
    assert set(page["records"][0]) == CONVERSATION_FIELDS
    clamped = api.get("/single-chat/conversation/list", pageNo=-1, pageSize=0).ok()
    assert (clamped["size"], clamped["current"], len(clamped["records"])) == (1, 1, 1)
    everything = [api.get("/single-chat/conversation/list", pageNo=n, pageSize=5).ok()["records"] for n in (1, 2, 3, 4)]
    assert [len(records) for records in everything] == [5, 5, 2, 0]


# ---- state


def test_member_state(server, chat):
    sender, receiver, _ = chat
    receiver.ack(receiver.expect("SINGLE_CHAT"), "read")
    sender.find("ACK", ackType="read")
    api = server.api_of(sender.uid)
    until(lambda: api.get("/single-chat/member/state", peerUserId=receiver.uid).ok()["peerLastReadMsgSeq"] == 1,
          "the peer's cursor")
    state = api.get("/single-chat/member/state", peerUserId=receiver.uid).ok()
    assert set(state) == {"singleChatId", "peerUserId", "myLastReadMsgSeq", "peerLastReadMsgSeq", "peerLastDeliveredMsgSeq"}
    assert state["peerLastDeliveredMsgSeq"] == 1
    assert state["peerUserId"] == str(receiver.uid) and isinstance(state["singleChatId"], str)


# ---- clocks that are set (13)


def rule(start, end):
    """A POSIX time zone: UTC, and an hour more between two instants."""
    days = [f"{t.tm_yday - 1}/{t.tm_hour}:{t.tm_min:02}:{t.tm_sec:02}" for t in map(time.gmtime, (start, end + 3600))]
    return f"STD0DST-1:00,{days[0]},{days[1]}"


@pytest.mark.parametrize("ends", [True, False])
def test_pages_end_when_clocks_are_set(launch, connect, uid, ends):
    """Chats before and after the moment: each page of one row goes on where the last one stopped."""
    server = launch({"im.gateway.ws.rate-limit.user-rate": 0})
    user = uid()

    def write(count):
        return [connect(uid(), at=server).chat(user, "x")["ts"] for _ in range(count)]
    change = write(3)[-1] // 1000 + 1
    until(lambda: server.api_of(user).get("/me/profile").json["ts"] // 1000 >= change, "the next second")
    write(3)
    far = change - 86400 if ends else change + 86400
    server.options["minim.time-zone"] = rule(min(change, far), max(change, far))
    api = server.restart().api_of(user)
    whole = api.get("/single-chat/conversation/cursor").ok()
    times = [row["updatedAt"] for row in whole]
    assert len(whole) == 6 and (times[2] < times[3]) == ends, times
    seen, cursor = [], {}
    while len(seen) <= len(whole):
        page = api.get("/single-chat/conversation/cursor", limit=1, **cursor).ok()
        if not page:
            break
        seen += page
        cursor = {"lastUpdatedAt": page[0]["updatedAt"], "lastId": page[0]["singleChatId"]}
    assert seen == whole
