# SPDX-License-Identifier: Apache-2.0
"""Groups over HTTP (H-7.5, H-7.6), and what their members are told (W-3.11)."""
import json
import sqlite3
import threading

import pytest

from support.groups import Group, api_of
from support.im import fresh_id
from support.wait import TIMEOUT, until

FOREVER = "9999-12-31T23:59:59.999"
NO_ID = (None, 0, -1, -2**63)  # what is no id, but a number


def say(client, group, body="hi", **more):
    cmid = fresh_id()
    client.send_json(type="GROUP_CHAT", clientMsgId=cmid, groupId=group.id, body=body, **more)
    return cmid


def refused(reply, code, message):
    reply.fail(200, code, message)


def events_of(client):
    """Bodies of the GROUP_EVENTs that have come up to now."""
    frames = [json.loads(frame.payload) for frame in client.settle()]
    return [(frame["body"], frame.get("to")) for frame in frames if frame["type"] == "GROUP_EVENT"]


@pytest.fixture
def crew(server, uid):
    """A group with an owner, two admins and two members; and somebody outside."""
    people = {name: uid() for name in ("owner", "admin", "admin2", "member", "member2", "outsider")}
    group = Group(server, people["owner"])
    group.join(*(people[name] for name in ("admin", "admin2", "member", "member2")))
    group.admin(people["admin"]).admin(people["admin2"])
    for name, who in people.items():
        setattr(group, name, who)
    return group


# ---- from its beginning to its end ----


def test_from_nothing_to_a_message(server, connect, uid):
    owner, member = uid(), uid()
    group = Group(server, owner)
    a, b = connect(owner), connect(member)
    request = group.ask(member, "let me in")
    a.expect("GROUP_JOIN_REQUEST", serverMsgId=request, from_=str(member), to=None, groupId=group.id, body="let me in")
    done = group.decide(request).ok()
    assert done["status"] == "ACCEPTED" and done["handledBy"] == str(owner)
    b.expect("GROUP_JOIN_DECISION", serverMsgId=request, from_=str(owner), to=str(member), groupId=group.id, body="ACCEPTED")
    for one in a, b:
        one.expect("GROUP_EVENT", from_=str(owner), to=str(member), groupId=group.id, body="member_joined")
    say(a, group, "welcome")
    a.expect("ACK", ackType="saved")
    b.expect("GROUP_CHAT", groupId=group.id, from_=str(owner), body="welcome")
    say(b, group, "thanks")
    b.expect("ACK", ackType="saved")
    a.expect("GROUP_CHAT", groupId=group.id, from_=str(member), body="thanks")


def test_a_group_ends_with_its_last_member(server, connect, uid):
    owner, asking = uid(), uid()
    group = Group(server, owner)
    code, request = group.code, group.ask(asking)
    client = connect(owner)
    group.post(owner, "/group/leave").ok()
    client.expect("GROUP_EVENT", body="dissolved", from_=str(owner), to=None, groupId=group.id)
    for who in owner, asking:
        refused(api_of(server, who).get("/group/profile/by-id", groupId=group.id), 40400, "not_found")
    refused(api_of(server, asking).get("/group/profile/by-code", groupCode=code), 40400, "not_found")
    refused(api_of(server, asking).post("/group/join/request", {"groupCode": code}), 40000, "group_not_found")
    refused(group.decide(request), 40300, "forbidden")
    refused(group.post(owner, "/group/leave"), 40300, "not_member")
    say(client, group)
    client.expect("ERROR", reason="not_group_member")
    assert api_of(server, owner).get("/group/conversation/cursor").ok() == []


# ---- names, codes, ids ----


@pytest.mark.parametrize("name", [None, "", "  ", "\u3000", "\u200b", "\u200b\u200d\ufeff", "\u2060 \u00ad", "\u0301",
                                  "\u115f\u3164", "\u00a0\u2800", "\U000e0020\ufe0f", "\t\u202e"])
def test_names_that_show_nothing(server, uid, name):
    api = api_of(server, uid())
    refused(api.post("/group/create", {"name": name}), 40000, "missing_group_name")


@pytest.mark.parametrize("name", ["a", "x" * 64, "\u200b.", "\U0001f600" * 32, "\u0644\u0627", "\u200d\u0915\u094d", "-"])
def test_names(server, uid, name):
    group = Group(server, uid(), f"  {name}\t ")
    assert group.profile()["name"] == name
    assert group.api(group.owner).get("/group/basic", ids=group.id).ok() == [
        {"id": group.id, "name": name, "avatarUrl": None}]


def test_names_and_members_that_are_refused(server, uid):
    api = api_of(server, uid())
    for name in "x" * 65, "\U0001f600" * 33:
        refused(api.post("/group/create", {"name": name, "memberUserIds": [1]}), 40000, "group_name_too_long")
    refused(api.post("/group/create", {"name": "a", "memberUserIds": ["5"]}), 40000, "group_member_invite_not_supported")
    for members in "x", 5, True, {}:
        api.post("/group/create", {"name": "a", "memberUserIds": members}).fail(400, 40000, "bad_request")
    api.post("/group/create", {"name": ["a"]}).fail(400, 40000, "bad_request")
    api.post("/group/create", {"name": "a", "memberUserIds": [ ]}).ok()


def test_only_a_group_made_uses_up_the_minute(launch, uid):
    server = launch()
    api = server.api_of(uid())
    refused(api.post("/group/create", {"name": " "}), 40000, "missing_group_name")
    refused(api.post("/group/create", {"name": "a", "memberUserIds": [1]}), 40000, "group_member_invite_not_supported")
    api.post("/group/create", {"name": "a"}).ok()
    again = api.post("/group/create", {"name": "a"}).fail(429, 42900, "too_many_requests")
    assert 1 <= int(again.headers["retry-after"]) <= 60
    server.api_of(uid()).post("/group/create", {"name": "a"}).ok()


def test_codes(server, uid):
    group, other = Group(server, uid()), uid()
    api, code = group.api(other), group.code
    assert len(code) == 8 and set(code) <= set("ABCDEFGHJKLMNPQRSTUVWXYZ23456789")
    for text in code, code.lower(), f"  {code} ":
        found = api.get("/group/profile/by-code", groupCode=text).ok()
        assert (found["groupId"], found["isMember"], found["myRole"], found["memberCount"]) == (group.id, False, None, 1)
    for path, ask in (("missing_group_code", ""), ("missing_group_code", "  "), ("bad_group_code", "A" * 17),
                      ("bad_group_code", "\u00e9" * 17)):
        refused(api.get("/group/profile/by-code", groupCode=ask), 40000, path)
        refused(api.post("/group/join/request", {"groupCode": ask}), 40000, path)
    for text in "A" * 16, "\u00e9" * 16, code[:7], code + "A", "' OR 1=1 --", "%":
        refused(api.get("/group/profile/by-code", groupCode=text), 40400, "not_found")
        refused(api.post("/group/join/request", {"groupCode": text}), 40000, "group_not_found")
    refused(api.post("/group/join/request", {}), 40000, "missing_group_code")
    api.get("/group/profile/by-code").fail(400, 40000, "missing_parameter")
    reply = group.post(group.owner, "/group/code/reset")
    refused(reply, 42900, "cooldown_not_reached")
    assert 86000 < int(reply.headers["retry-after"]) <= 86400
    assert group.code == code


def test_a_new_code(launch, uid):
    server = launch({"im.ratelimit.enabled": False, "im.code.reset-cooldown-seconds": 1, "im.code.group-code-length": 6})
    group = Group(server, uid())
    old = group.code
    assert len(old) == 6
    new = until(lambda: group.post(group.owner, "/group/code/reset").json.get("data"), "the end of the cooldown")
    assert new["groupCode"] == group.code != old
    refused(group.api(uid()).get("/group/profile/by-code", groupCode=old), 40400, "not_found")


CALLS = [  # path, its id fields, what else it needs
    ("/group/member/kick", ("groupId", "userId"), {}),
    ("/group/member/set-admin", ("groupId", "userId"), {"admin": True}),
    ("/group/member/mute", ("groupId", "userId"), {"durationSeconds": 600}),
    ("/group/owner/transfer", ("groupId", "newOwnerUserId"), {}),
    ("/group/leave", ("groupId",), {}),
    ("/group/code/reset", ("groupId",), {}),
    ("/group/join/decide", ("requestId",), {"action": "accept"}),
]


@pytest.mark.parametrize("path, names, more", CALLS)
def test_ids_that_are_none(crew, path, names, more):
    api = crew.api(crew.owner)
    before = crew.members()
    for name in names:
        good = {**{other: crew.id if other == "groupId" else str(crew.member) for other in names}, **more}
        for bad in NO_ID:
            single = "bad_request" if bad is None or len(names) > 1 else "bad_group_id"
            refused(api.post(path, {**good, name: bad}), 40000, "bad_request_id" if name == "requestId" else single)
        for bad in 2**63, str(2**63), "x", "1.5", [1], {}, True:
            api.post(path, {**good, name: bad}).fail(400, 40000, "bad_request")
    assert crew.members() == before


@pytest.mark.parametrize("path", ["/group/profile/by-id", "/group/member/list", "/group/join/requests"])
def test_ids_of_reads_that_are_none(crew, path):
    api = crew.api(crew.owner)
    for bad in 0, -1, -2**63:
        refused(api.get(path, groupId=bad), 40000, "bad_group_id")
    for bad in 2**63, "x", "1e3":
        api.get(path, groupId=bad).fail(400, 40000, "bad_parameter")
    api.get(path).fail(400, 40000, "missing_parameter")
    unknown = api.get(path, groupId=2**63 - 1)
    refused(unknown, *((40400, "not_found") if path.endswith("by-id") else (40300, "forbidden")))


def test_basic(crew, server, uid):
    mine = Group(server, crew.owner, "mine")
    foreign = Group(server, uid(), "foreign")
    api = crew.api(crew.owner)
    ids = [crew.id, "x", "", "-5", "0", " ", foreign.id, str(2**63), mine.id, crew.id, f" {mine.id} "]
    assert [row["id"] for row in api.get("/group/basic", ids=",".join(ids)).ok()] == sorted((crew.id, mine.id), key=int)
    assert api.get("/group/basic", ids=",".join([*map(str, range(1, 500)), mine.id])).ok()[0]["name"] == "mine"
    for nothing in "", " ", ",", "x", foreign.id:
        assert api.get("/group/basic", ids=nothing).ok() == []
    api.get("/group/basic").fail(400, 40000, "missing_parameter")


# ---- who may do what ----

ROLES = ("owner", "admin", "member", "outsider")


def outcome(reply):
    answer = reply.json
    return "ok" if answer["ok"] else answer["message"]


# Who does it, to whom: the answer.
KICK = {("owner", "admin"): "ok", ("owner", "member"): "ok", ("owner", "outsider"): "target_not_member",
        ("admin", "owner"): "forbidden", ("admin", "admin2"): "forbidden", ("admin", "member"): "ok",
        ("admin", "outsider"): "target_not_member", ("member", "owner"): "forbidden", ("member", "admin"): "forbidden",
        ("member", "member2"): "forbidden", ("member", "outsider"): "target_not_member",
        ("outsider", "member"): "forbidden", ("outsider", "owner"): "forbidden", ("owner", "owner"): "cannot_kick_self",
        ("outsider", "outsider"): "cannot_kick_self"}
MUTE = {**KICK, ("member", "outsider"): "forbidden", ("owner", "owner"): "cannot_mute_self",
        ("outsider", "outsider"): "cannot_mute_self"}
SET_ADMIN = {("owner", "admin"): "ok", ("owner", "member"): "ok", ("owner", "outsider"): "target_not_member",
             ("owner", "owner"): "cannot_change_owner_role",
             **{(who, whom): "forbidden" for who in ROLES[1:] for whom in ROLES}}
TRANSFER = {**SET_ADMIN, ("owner", "owner"): "already_owner"}


def targets(crew, path, who, whom):
    name = "newOwnerUserId" if path == "/group/owner/transfer" else "userId"
    more = {"/group/member/mute": {"durationSeconds": -1}, "/group/member/set-admin": {"admin": False}}.get(path, {})
    return crew.post(getattr(crew, who), path, **{name: str(getattr(crew, whom))}, **more)


@pytest.mark.parametrize("path, table", [("/group/member/kick", KICK), ("/group/member/mute", MUTE),
                                         ("/group/member/set-admin", SET_ADMIN), ("/group/owner/transfer", TRANSFER)])
def test_who_may_do_what_to_whom(crew, path, table):
    for (who, whom), expected in sorted(table.items(), key=lambda row: row[1] == "ok"):  # refusals first: nothing changes
        before = crew.members()
        if expected == "ok" and path != "/group/owner/transfer":
            continue  # the next test
        got = targets(crew, path, who, whom)
        assert outcome(got) == expected, (who, whom)
        if expected != "ok":
            got.fail(200, 40300 if expected == "forbidden" else 40000)
            assert crew.members() == before
        elif path == "/group/owner/transfer":
            assert crew.roles()[getattr(crew, whom)] == "OWNER" and crew.roles()[crew.owner] == "MEMBER"
            crew.post(getattr(crew, whom), path, newOwnerUserId=str(crew.owner)).ok()


@pytest.mark.parametrize("who, whom", [("owner", "admin"), ("owner", "member"), ("admin", "member")])
def test_what_is_allowed_is_done(crew, who, whom):
    target = getattr(crew, whom)
    targets(crew, "/group/member/mute", who, whom).ok()
    assert {row["userId"]: row["speakMuteUntil"] for row in crew.members()}[str(target)] == FOREVER
    crew.post(getattr(crew, who), "/group/member/mute", userId=target, durationSeconds=0).ok()
    assert all(row["speakMuteUntil"] is None for row in crew.members())
    if who == "owner":
        for admin in True, True, False, False:
            crew.post(crew.owner, "/group/member/set-admin", userId=target, admin=admin).ok()
            assert crew.roles()[target] == ("ADMIN" if admin else "MEMBER")
    targets(crew, "/group/member/kick", who, whom).ok()
    assert target not in crew.roles()
    refused(targets(crew, "/group/member/kick", who, whom), 40000, "target_not_member")


def test_who_may_look_and_decide(crew, uid):
    may = {"owner": True, "admin": True, "member": False, "outsider": False}
    for who, heads in may.items():
        api, asking = crew.api(getattr(crew, who)), uid()
        member = who != "outsider"
        assert outcome(api.get("/group/member/list", groupId=crew.id)) == ("ok" if member else "forbidden")
        assert outcome(api.get("/group/join/requests", groupId=crew.id)) == ("ok" if heads else "forbidden")
        assert outcome(api.post("/group/code/reset", {"groupId": crew.id})) == (
            "cooldown_not_reached" if heads else "forbidden")
        assert api.get("/group/profile/by-id", groupId=crew.id).ok()["myRole"] == (who.upper() if member else None)
        assert outcome(crew.decide(crew.ask(asking), by=getattr(crew, who))) == ("ok" if heads else "forbidden")
        assert (asking in crew.roles()) == heads
    assert outcome(crew.post(crew.outsider, "/group/leave")) == "not_member"
    assert outcome(crew.post(crew.owner, "/group/leave")) == "owner_must_transfer_before_leaving"
    for who in crew.admin, crew.member:
        crew.post(who, "/group/leave").ok()
        assert who not in crew.roles()


def test_nobody_is_asking(server):
    api = server.api()
    for path in ("/group/basic", "/group/profile/by-id", "/group/profile/by-code", "/group/member/list",
                 "/group/join/requests"):
        refused(api.get(path), 40100, "unauthorized")
    for path in ("/group/create", "/group/join/request", *(call[0] for call in CALLS)):
        refused(api.post(path, {}), 40100, "unauthorized")
        server.api("bad").post(path, {}).fail(401, 40100, "unauthorized")


def test_what_must_be_said(crew):
    """No dangerous defaults."""
    refused(crew.post(crew.owner, "/group/member/set-admin", userId=crew.admin), 40000, "bad_request")
    refused(crew.post(crew.owner, "/group/member/set-admin", userId=crew.admin, admin=None), 40000, "bad_request")
    refused(crew.post(crew.owner, "/group/member/mute", userId=crew.member), 40000, "bad_request")
    for duration in 1, -2, 599, 86401, 2**62, -2**63:
        refused(crew.post(crew.owner, "/group/member/mute", userId=crew.member, durationSeconds=duration), 40000,
                "bad_duration")
    refused(crew.post(crew.admin, "/group/member/mute", userId=crew.owner, durationSeconds=5), 40300, "forbidden")
    assert crew.roles()[crew.admin] == "ADMIN"


def test_the_list_of_members(crew, server):
    rows = crew.members(crew.member)
    assert [row["role"] for row in rows] == ["OWNER", "ADMIN", "ADMIN", "MEMBER", "MEMBER"]
    assert [int(row["userId"]) for row in rows] == [crew.owner, crew.admin, crew.admin2, crew.member, crew.member2]
    assert all(row["username"] is None for row in rows)  # they never registered


def test_names_of_members(server, uid):
    session = server.api().login(f"group-owner-{uid()}")
    api = server.api(session["accessToken"])
    group = api.post("/group/create", {"name": "Team"}).ok()["groupId"]
    row, = api.get("/group/member/list", groupId=group).ok()
    assert row["userId"] == session["userId"] and row["username"].startswith("group-owner-")


# ---- joining ----


def test_requests_to_join(server, uid):
    group = Group(server, uid())
    people = [uid() for _ in range(5)]
    requests = [group.ask(who, f"m{i}" if i else None) for i, who in enumerate(people)]
    api = group.api(group.owner)

    def listed(**query):
        return [row["id"] for row in api.get("/group/join/requests", groupId=group.id, **query).ok()]

    newest = requests[::-1]
    assert listed() == listed(status="nonsense") == listed(status=" PENDING ") == newest
    for limit, size in (0, 1), (-5, 1), (1, 1), (3, 3), (101, 5), (2**63 - 1, 5):
        assert listed(limit=limit) == newest[:size]
    assert listed(limit=2, lastId=newest[1]) == newest[2:4]
    assert listed(lastId=newest[4]) == listed(lastId=0) == listed(lastId=-1) == []
    assert listed(lastId=2**63 - 1) == newest
    first, = (row for row in api.get("/group/join/requests", groupId=group.id).ok() if row["id"] == requests[0])
    assert first == {**first, "groupId": group.id, "fromUserId": str(people[0]), "message": None, "status": "PENDING",
                     "handledBy": None, "handledAt": None}
    group.decide(requests[0], "ACCEPT").ok()
    assert group.decide(requests[1], " Reject ").ok()["status"] == "REJECTED"
    assert listed() == newest[:3]
    assert listed(status="accepted") == [requests[0]] and listed(status="Rejected") == [requests[1]]
    assert listed(status="canceled") == listed(status="cancelled") == []
    for done in requests[:2]:
        refused(group.decide(done), 40000, "not_pending")
    refused(group.decide(requests[2], "maybe"), 40000, "bad_action")
    refused(group.decide(requests[2], None), 40000, "bad_action")
    refused(group.decide(2**62), 40400, "not_found")
    assert group.ask(people[1]) not in requests  # rejected: he may ask again
    assert group.ask(people[2], "other text") == requests[2]
    refused(api_of(server, people[0]).post("/group/join/request", {"groupCode": group.code}), 40000, "already_member")


def test_messages_of_requests(server, uid):
    group = Group(server, uid())
    for message, good in (("x" * 256, True), ("x" * 257, False), ("\U0001f600" * 128, True), ("\U0001f600" * 129, False),
                          ("", True), (" <b>damn</b> ", True)):
        reply = api_of(server, uid()).post("/group/join/request", {"groupCode": group.code, "message": message})
        if not good:
            refused(reply, 40000, "message_too_long")
            continue
        row = group.api(group.owner).get("/group/join/requests", groupId=group.id, limit=1).ok()[0]
        assert (row["id"], row["message"]) == (reply.ok()["requestId"], message)


def test_only_its_heads_learn_who_asks(crew, connect, uid):
    clients = {name: connect(getattr(crew, name)) for name in ("owner", "admin", "member", "outsider")}
    asking = uid()
    request = crew.ask(asking)
    assert crew.ask(asking, "again") == request
    for name in "owner", "admin":
        got = clients[name].expect("GROUP_JOIN_REQUEST", serverMsgId=request, from_=str(asking), groupId=crew.id)
        assert "body" not in got and "to" not in got
    crew.decide(request, "reject").ok()
    for client in clients.values():
        assert client.settle() == []


def test_a_full_group(launch, uid):
    server = launch({"im.ratelimit.enabled": False, "minim.groups.max-members": 3})
    group = Group(server, uid()).join(uid(), uid())
    request = group.ask(uid())
    refused(group.decide(request), 40000, "group_full")
    assert group.decide(request, "reject").ok()["status"] == "REJECTED"
    assert len(group.members()) == 3


# ---- what members are told, and what holds from then on ----


def test_every_change_is_told(crew, connect):
    names = ("owner", "admin", "member", "member2")
    clients = {name: connect(getattr(crew, name)) for name in names}
    outsider = connect(crew.outsider)
    member, member2 = str(crew.member), str(crew.member2)
    crew.post(crew.owner, "/group/member/set-admin", userId=member, admin=True).ok()
    crew.post(crew.owner, "/group/member/set-admin", userId=member, admin=False).ok()
    crew.post(crew.admin, "/group/member/mute", userId=member, durationSeconds=600).ok()
    crew.post(crew.admin, "/group/member/mute", userId=member, durationSeconds=0).ok()
    crew.post(crew.owner, "/group/owner/transfer", newOwnerUserId=member).ok()
    crew.post(crew.member, "/group/member/kick", userId=member2).ok()
    crew.post(crew.admin, "/group/leave").ok()
    crew.post(crew.member, "/group/member/kick", userId=str(crew.owner)).ok()
    told = [("admin_set", member), ("admin_unset", member), ("muted", member), ("unmuted", member),
            ("owner_transferred", member), ("member_kicked", member2), ("member_left", str(crew.admin)),
            ("member_kicked", str(crew.owner))]
    assert events_of(clients["member"]) == events_of(clients["owner"]) == told
    assert events_of(clients["member2"]) == told[:6]
    assert events_of(clients["admin"]) == told[:7]
    assert events_of(outsider) == []


def test_what_is_refused_is_not_told(crew, connect):
    client = connect(crew.owner)
    targets(crew, "/group/member/kick", "admin", "owner")
    targets(crew, "/group/member/mute", "member", "member2")
    crew.post(crew.owner, "/group/leave")
    crew.decide(2**62)
    assert client.settle() == []


def test_membership_holds_from_the_next_message_on(crew, connect):
    owner, member = connect(crew.owner), connect(crew.member)
    for _ in range(5):
        targets(crew, "/group/member/kick", "owner", "member").ok()
        member.find("GROUP_EVENT", body="member_kicked")
        say(owner, crew, "without him")
        owner.find("ACK", ackType="saved")
        say(member, crew, "from outside")
        member.expect("ERROR", reason="not_group_member")
        assert member.settle() == []
        refused(crew.api(crew.member).get("/group/message/cursor", groupId=crew.id), 40300, "not_group_member")
        crew.join(crew.member)
        member.find("GROUP_EVENT", body="member_joined")
        say(owner, crew, "with him")
        member.find("GROUP_CHAT", body="with him")
        say(member, crew, "from inside")
        owner.find("GROUP_CHAT", body="from inside")
        owner.settle(), member.settle()
        owner.pending.clear(), member.pending.clear()
    assert crew.api(crew.member).get("/group/conversation/cursor").ok()[0]["unreadCount"] == 1


def test_who_joins_has_nothing_unread(crew, connect, uid):
    owner = connect(crew.owner)
    for i in range(3):
        say(owner, crew, f"before {i}")
        owner.expect("ACK", ackType="saved")
    late = uid()
    crew.join(late)
    row, = crew.api(late).get("/group/conversation/cursor").ok()
    assert (row["unreadCount"], row["lastMessage"]["content"]) == (0, "before 2")
    assert connect(late).settle() == []
    assert len(crew.api(late).get("/group/message/cursor", groupId=crew.id).ok()) == 3


def test_a_speaking_ban(crew, connect):
    owner, member = connect(crew.owner), connect(crew.member)
    for duration in 600, 3600, 86400, -1:
        crew.post(crew.owner, "/group/member/mute", userId=crew.member, durationSeconds=duration).ok()
        until = {int(row["userId"]): row["speakMuteUntil"] for row in crew.members()}[crew.member]
        assert (until == FOREVER) == (duration == -1)
        member.find("GROUP_EVENT", body="muted")
        say(member, crew)
        member.expect("ERROR", reason="group_speak_muted")
    say(owner, crew, "he may listen")
    member.find("GROUP_CHAT", body="he may listen")
    crew.post(crew.owner, "/group/member/mute", userId=crew.member, durationSeconds=0).ok()
    member.find("GROUP_EVENT", body="unmuted")
    say(member, crew)
    member.expect("ACK", ackType="saved")


def test_a_ban_ends_with_ownership(crew, connect):
    crew.post(crew.owner, "/group/member/mute", userId=crew.member, durationSeconds=-1).ok()
    crew.post(crew.owner, "/group/owner/transfer", newOwnerUserId=crew.member).ok()
    rows = crew.members(crew.member)
    assert rows[0] == {**rows[0], "userId": str(crew.member), "role": "OWNER", "speakMuteUntil": None}
    member = connect(crew.member)
    say(member, crew)
    member.expect("ACK", ackType="saved")
    assert crew.profile()["createdBy"] == str(crew.owner)


# ---- two at once ----


def at_once(*calls):
    """Runs all of them at the same time; their results."""
    results, barrier = [None] * len(calls), threading.Barrier(len(calls))

    def run(i):
        barrier.wait()
        results[i] = calls[i]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def check_whole(crew, server):
    """One owner; who is in the one store is in the other."""
    roles = crew.roles()
    assert list(roles.values()).count("OWNER") == 1, roles
    assert crew.profile()["memberCount"] == len(roles)
    for who in (crew.owner, crew.admin, crew.admin2, crew.member, crew.member2, crew.outsider):
        listed = [row["groupId"] for row in api_of(server, who).get("/group/conversation/cursor").ok()]
        assert (crew.id in listed) == (who in roles), who


@pytest.mark.tsan
def test_join_and_kick_at_once(crew, server):
    for _ in range(8):
        request = crew.ask(crew.outsider)
        joined, *_ = at_once(lambda: crew.decide(request),
                             lambda: targets(crew, "/group/member/kick", "owner", "outsider"),
                             lambda: targets(crew, "/group/member/kick", "admin", "outsider"))
        assert outcome(joined) == "ok"
        check_whole(crew, server)
        targets(crew, "/group/member/kick", "owner", "outsider")


@pytest.mark.tsan
def test_decided_twice_at_once(crew, server):
    for _ in range(8):
        request = crew.ask(crew.outsider)
        got = [outcome(reply) for reply in at_once(lambda: crew.decide(request),
                                                   lambda: crew.decide(request, "reject", crew.admin),
                                                   lambda: crew.decide(request, by=crew.admin2))]
        assert sorted(got) == ["not_pending", "not_pending", "ok"]
        assert (crew.outsider in crew.roles()) == (got[1] != "ok")
        check_whole(crew, server)
        targets(crew, "/group/member/kick", "owner", "outsider")


@pytest.mark.tsan
def test_asked_twice_at_once(crew):
    asked = at_once(*[lambda: crew.ask(crew.outsider)] * 4)
    assert len(set(asked)) == 1
    assert len(crew.api(crew.owner).get("/group/join/requests", groupId=crew.id).ok()) == 1


@pytest.mark.tsan
def test_transfer_and_leave_at_once(crew, server):
    owner, other = crew.owner, crew.member
    for _ in range(8):
        got = [outcome(reply) for reply in at_once(
            lambda: crew.post(owner, "/group/owner/transfer", newOwnerUserId=other),
            lambda: crew.post(other, "/group/leave"),
            lambda: crew.post(owner, "/group/leave"))]
        roles = {int(row["userId"]): row["role"] for row in crew.members(crew.admin)}
        assert list(roles.values()).count("OWNER") == 1
        if got[0] == "ok":
            assert roles[other] == "OWNER" and got[1] == "owner_must_transfer_before_leaving"
            if owner not in roles:
                crew.decide(crew.ask(owner), by=other).ok()
            crew.post(other, "/group/owner/transfer", newOwnerUserId=owner).ok()
        else:
            assert got == ["target_not_member", "ok", "owner_must_transfer_before_leaving"]
            crew.join(other)
        check_whole(crew, server)


@pytest.mark.tsan
def test_mute_and_send_at_once(crew, connect):
    """Whatever he sends after the ban was answered is refused; before, it is one or the other."""
    member = connect(crew.member)
    for _ in range(5):
        sent = [None]

        def send():
            sent[0] = [say(member, crew) for _ in range(10)]

        at_once(send, lambda: crew.post(crew.owner, "/group/member/mute", userId=crew.member, durationSeconds=600).ok())
        last = say(member, crew)
        answers, refusals = 0, 0
        while answers < 11:
            got = member.recv()
            if got["type"] not in ("ACK", "ERROR"):
                continue
            answers += 1
            refusals += got["type"] == "ERROR"
            assert refusals == 0 or got["type"] == "ERROR", "a message behind a refused one was taken"
        assert got["type"] == "ERROR" and got["clientMsgId"] == last
        crew.post(crew.owner, "/group/member/mute", userId=crew.member, durationSeconds=0).ok()
        member.settle()


def test_member_list_of_the_largest_group(launch, uid):
    """As many members as the options allow by default, with the longest names there can be: all, in three answers."""
    members, server = 20000, launch()
    group = Group(server, uid())
    name = "\x01" * 64  # six bytes each in JSON
    ids = [10**15 + i for i in range(1, members)]
    with sqlite3.connect(server.data / "minim.db", timeout=TIMEOUT) as db:
        db.executemany("INSERT INTO t_user(id, username, username_key, nickname, created_at, updated_at)"
                       " VALUES (?, ?, ?, ?, 1, 1)", ((i, f"{i:0>64}", f"{i:0>64}", name) for i in ids))
        db.executemany("INSERT INTO t_group_member(group_id, user_id, role, join_at, speak_mute_until, updated_at)"
                       " VALUES (?, ?, 3, ?, 0, 1)", ((int(group.id), i, i) for i in ids))
    db.close()
    api, got, sizes = group.api(ids[0]), [], []  # one whom the server has not seen: it reads the members anew
    while not sizes or sizes[-1] > 0:
        reply = api.get("/group/member/list", groupId=group.id, skip=len(got))
        assert len(reply.body) <= 8 << 20
        rows = reply.ok()
        sizes.append(len(rows))
        got += [int(row["userId"]) for row in rows]
    assert got == [group.owner] + ids
    assert min(sizes[:-2]) >= 8000, sizes
    assert [int(row["userId"]) for row in group.members(group.owner)] == got[:sizes[0]]  # without skip: the first ones
    for bad in ("x", "1.5", str(2**63)):
        api.get("/group/member/list", groupId=group.id, skip=bad).fail(400, 40000, "bad_parameter")
