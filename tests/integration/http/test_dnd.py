# SPDX-License-Identifier: Apache-2.0
"""H-7.8 do not disturb: chats of two, which it may make; groups, for their members."""
import pytest

from support.groups import Group

MAX = 2**63 - 1


def refused(reply, code, message):
    body = reply.json
    assert (reply.status, body["ok"], body["code"], body["message"]) == (200, False, code, message), reply


def listed(api):
    return api.get("/dnd/list").ok()


@pytest.fixture(scope="module")
def users(server):
    """Two registered ones, as (id, api)."""
    sessions = [server.api().login(name) for name in ("dnd-alice", "dnd-bob")]
    return [(s["userId"], server.api(s["accessToken"])) for s in sessions]


def test_set_and_cleared_for_one_only(server, users):
    (alice, api), (bob, bobs) = users
    assert listed(api) == {"dmPeerUserIds": [], "groupIds": []}
    for _ in range(2):
        body = api.post("/dnd/dm/set", {"peerUserId": bob, "muted": True}).json
        assert body["ok"] and "data" not in body
        assert listed(api) == {"dmPeerUserIds": [bob], "groupIds": []}
    assert listed(bobs) == {"dmPeerUserIds": [], "groupIds": []}
    for me, peer in ((api, bob), (bobs, alice)):  # the chat was made
        row, = me.get("/single-chat/conversation/cursor").ok()
        assert (row["peerUserId"], row["lastMessage"], row["unreadCount"]) == (peer, None, 0)
    for _ in range(2):
        api.post("/dnd/dm/set", {"peerUserId": f" {bob} ", "muted": False}).ok()
        assert listed(api) == {"dmPeerUserIds": [], "groupIds": []}


def test_refusals(server, users, uid):
    (alice, api), _ = users
    post = lambda **body: api.post("/dnd/dm/set", body)
    for peer in (None, "", " \u3000"):
        refused(post(peerUserId=peer, muted=True), 40000, "missing_peer_user_id")
    refused(post(muted=True), 40000, "missing_peer_user_id")
    for peer in ("x", "0", "-1", 0, -MAX - 1, "9223372036854775808", "1.5", True):
        refused(post(peerUserId=peer), 40000, "invalid_peer_user_id")
    refused(post(peerUserId=alice), 40000, "bad_request")  # a missing wish clears nothing
    refused(post(peerUserId=alice, muted=None), 40000, "bad_request")
    refused(post(peerUserId=alice, muted=True), 40000, "cannot_mute_self_chat")
    refused(post(peerUserId=MAX, muted=True), 40400, "user_not_found")
    assert post(peerUserId={}, muted=True).status == 400 and post(peerUserId="5", muted="maybe").status == 400
    assert listed(api)["dmPeerUserIds"] == []
    group = lambda **body: api.post("/dnd/group/set", body)
    refused(group(muted=True), 40000, "missing_group_id")
    refused(group(groupId="x", muted=True), 40000, "invalid_group_id")
    refused(group(groupId="5"), 40000, "bad_request")
    refused(group(groupId="5", muted=True), 40300, "not_group_member")
    for path in ("/dnd/dm/set", "/dnd/group/set"):
        refused(server.api().post(path, {}), 40100, "unauthorized")
    refused(server.api().get("/dnd/list"), 40100, "unauthorized")


def test_a_peer_without_an_account(server, connect, uid):
    """Whom one has a chat with may be muted, known or not; no chat is made with nobody."""
    alice, bob = connect(uid()), connect(uid())
    alice.chat(bob.uid)
    api = server.api_of(alice.uid)
    api.post("/dnd/dm/set", {"peerUserId": bob.uid, "muted": True}).ok()
    assert listed(api)["dmPeerUserIds"] == [str(bob.uid)]
    chat = api.get("/single-chat/conversation/cursor").ok()[0]["singleChatId"]
    refused(api.post("/dnd/group/set", {"groupId": chat, "muted": True}), 40300, "not_group_member")
    refused(api.post("/dnd/dm/set", {"peerUserId": uid(), "muted": True}), 40400, "user_not_found")
    assert len(api.get("/single-chat/conversation/cursor").ok()) == 1


def test_it_outlives_a_kill(launch):
    server = launch()
    session, other = server.api().login("alice"), server.api().login("bob")
    api = server.api(session["accessToken"])
    api.post("/dnd/dm/set", {"peerUserId": other["userId"], "muted": True}).ok()
    server.kill()
    server.restart()
    api = server.api(session["accessToken"])
    assert listed(api)["dmPeerUserIds"] == [other["userId"]]
    assert len(api.get("/single-chat/conversation/cursor").ok()) == 1


def test_a_group_for_as_long_as_one_is_in_it(server, uid):
    owner, member = uid(), uid()
    group = Group(server, owner)
    group.join(member)
    api = server.api_of(member)
    for muted in (True, True, False, True):
        api.post("/dnd/group/set", {"groupId": f" {group.id}", "muted": muted}).ok()
        assert listed(api)["groupIds"] == [group.id] * muted
    assert listed(server.api_of(owner))["groupIds"] == []
    refused(server.api_of(uid()).post("/dnd/group/set", {"groupId": group.id, "muted": True}), 40300, "not_group_member")
    group.post(owner, "/group/member/kick", userId=member).ok()
    assert listed(api)["groupIds"] == []
    refused(api.post("/dnd/group/set", {"groupId": group.id, "muted": False}), 40300, "not_group_member")
    group.join(member)  # back, and not muted
    assert listed(api)["groupIds"] == []
