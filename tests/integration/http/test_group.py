# SPDX-License-Identifier: Apache-2.0
"""Groups over HTTP (H-7.5, H-7.6), and what their members are told (W-3.11)."""
from support.groups import Group
from support.im import fresh_id


def say(client, group, body="hi", **more):
    client.send_json(type="GROUP_CHAT", clientMsgId=fresh_id(), groupId=group.id, body=body, **more)


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
