# SPDX-License-Identifier: Apache-2.0
"""Who may do what in a group: one table of every call and every frame that is about groups, and of who asks.

What is answered to whom, and that a refusal changes nothing. Whom somebody may do it to is in test_group.py.
"""
import re

import pytest

from support.groups import Group, api_of
from support.im import Client, fresh_id
from support.server import ROOT

WHO = ("owner", "admin", "member", "outsider", "anonymous")
ALL, NOBODY_ELSE = "ok ok ok ok", "unauthorized"


def post(path, **body):
    return lambda crew, api: api.post(path, {**{"groupId": crew.id}, **{k: v(crew) if callable(v) else v for k, v in body.items()}})


def get(path, **query):
    return lambda crew, api: api.get(path, **{k: v(crew) if callable(v) else v for k, v in query.items()})


def target(crew):
    return str(crew.target)


# Each call by its path, with what owner, admin, member and outsider are answered; anonymous is "unauthorized" always.
# Of several calls of one path the one that is allowed comes last, as it changes the group.
CALLS = [
    ("/group/create", post("/group/create", name="another"), ALL),
    ("/group/basic", get("/group/basic", ids=lambda crew: crew.id), ALL),
    ("/group/profile/by-id", get("/group/profile/by-id", groupId=lambda crew: crew.id), ALL),
    ("/group/profile/by-code", get("/group/profile/by-code", groupCode=lambda crew: crew.known_code), ALL),
    ("/group/member/list", get("/group/member/list", groupId=lambda crew: crew.id), "ok ok ok forbidden"),
    ("/group/join/requests", get("/group/join/requests", groupId=lambda crew: crew.id), "ok ok forbidden forbidden"),
    ("/group/code/reset", post("/group/code/reset"),
     "cooldown_not_reached cooldown_not_reached forbidden forbidden"),
    ("/group/join/request", post("/group/join/request", groupCode=lambda crew: crew.known_code),
     "already_member already_member already_member ok"),
    ("/group/join/decide", post("/group/join/decide", requestId=lambda crew: crew.request, action="accept"),
     "ok ok forbidden forbidden"),
    ("/group/member/mute", post("/group/member/mute", userId=target, durationSeconds=600), "ok ok forbidden forbidden"),
    ("/group/member/set-admin", post("/group/member/set-admin", userId=target, admin=True),
     "ok forbidden forbidden forbidden"),
    ("/group/member/kick", post("/group/member/kick", userId=target), "ok ok forbidden forbidden"),
    ("/group/owner/transfer", post("/group/owner/transfer", newOwnerUserId=target), "ok forbidden forbidden forbidden"),
    ("/group/leave", post("/group/leave"), "owner_must_transfer_before_leaving ok ok not_member"),
    ("/group/conversation/cursor", get("/group/conversation/cursor"), ALL),
    ("/group/message/cursor", get("/group/message/cursor", groupId=lambda crew: crew.id), "ok ok ok not_group_member"),
    ("/group/message/since", get("/group/message/since", groupId=lambda crew: crew.id), "ok ok ok not_group_member"),
    ("/dnd/group/set", post("/dnd/group/set", muted=True), "ok ok ok not_group_member"),
]


def chat(crew, client):
    client.send_json(type="GROUP_CHAT", clientMsgId=fresh_id(), groupId=crew.id, body="hi")


def revoke_foreign(crew, client):
    client.send_json(type="MESSAGE_REVOKE", clientMsgId=fresh_id(), serverMsgId=crew.message)


def receipt(kind):
    def send(crew, client):
        client.send_json(type="ACK", clientMsgId=fresh_id(), ackType=kind, serverMsgId=crew.message, to=str(crew.target))
    return send


# Each frame: "saved" is that ACK, "nothing" is no answer.
FRAMES = [
    ("GROUP_CHAT", chat, "saved saved saved not_group_member"),
    ("MESSAGE_REVOKE of another's", revoke_foreign, "not_message_sender not_message_sender not_message_sender not_message_sender"),
    ("ACK delivered", receipt("delivered"), "nothing nothing nothing nothing"),
    ("ACK read", receipt("read"), "nothing nothing nothing nothing"),
]


@pytest.fixture
def crew(server, uid):
    """A group of an owner, an admin, a member, and a member to whom things are done, who has said something; one who asks."""
    group = Group(server, uid())
    group.admin_, group.member, group.target, group.outsider = uid(), uid(), uid(), uid()
    group.join(group.admin_, group.member, group.target).admin(group.admin_)
    group.known_code, group.asking = group.code, uid()
    group.request = group.ask(group.asking)
    client = Client(server, group.target)
    chat(group, client)
    group.message = client.find("ACK", ackType="saved")["serverMsgId"]
    client.close()
    return group


def person(crew, who):
    return {"owner": crew.owner, "admin": crew.admin_, "member": crew.member, "outsider": crew.outsider}.get(who)


def state(crew):
    """What a refusal must leave as it is."""
    history = crew.api(crew.owner).get("/group/message/since", groupId=crew.id).ok()
    rows = {who: crew.api(who).get("/group/conversation/cursor").ok() for who in (crew.owner, crew.member, crew.outsider)}
    return (crew.members(), crew.profile(), rows, [(m["serverMsgId"], m["status"]) for m in history],
            crew.api(crew.owner).get("/group/join/requests", groupId=crew.id).ok())


def test_the_table_has_every_call():
    paths = re.findall(r"^  (/group/\S+|/dnd/group/\S+):$", (ROOT / "docs" / "openapi.yaml").read_text(), re.M)
    assert sorted(paths) == sorted(path for path, _, _ in CALLS)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("path, call, answers", CALLS, ids=[path for path, _, _ in CALLS])
def test_calls(crew, server, path, call, answers, who):
    expected = dict(zip(WHO, [*answers.split(), NOBODY_ELSE]))[who]
    before = state(crew)
    reply = call(crew, server.api() if who == "anonymous" else api_of(server, person(crew, who)))
    assert (reply.json["ok"], reply.json["message"] if not reply.json["ok"] else "ok") == (expected == "ok", expected)
    if expected != "ok":
        assert state(crew) == before


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("name, send, answers", FRAMES, ids=[name for name, _, _ in FRAMES])
def test_frames(crew, server, name, send, answers, who):
    expected = dict(zip(WHO, [*answers.split(), NOBODY_ELSE]))[who]
    before = state(crew)
    client = Client(server, person(crew, who))
    if who in ("owner", "admin", "member"):
        client.find("GROUP_CHAT", serverMsgId=crew.message)  # what he missed
    send(crew, client)
    if expected == "nothing":
        client.expect_alive()
    elif expected == "saved":
        client.find("ACK", ackType="saved")
    else:
        client.find("ERROR", reason=expected)
    client.close()
    reads = name.startswith("ACK") and who in ("owner", "admin", "member")  # his own counts
    if expected != "saved" and not reads:
        assert state(crew) == before
