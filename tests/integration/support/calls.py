# SPDX-License-Identifier: Apache-2.0
"""Calls between clients, and what the server has of them."""
from .im import fresh_id

SDP = "v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\n"


def send(client, kind, **fields):
    cmid = fresh_id("call")
    client.send_json(type=kind, clientMsgId=cmid, **fields)
    return cmid


def call_error(client, reason, cmid=None, call=None, why=None):
    """The next frame is this CALL_ERROR; the connection stays."""
    got = client.expect("CALL_ERROR", reason=reason, clientMsgId=cmid, callReason=why)
    if call is not None:
        assert got.get("callId") == call, got
    assert set(got) <= {"type", "clientMsgId", "callId", "callReason", "ts", "reason"}, got
    return got


def fence(*clients):
    """No frame is on its way to them: calls are carried out, and told, in the order in which they came."""
    for client in clients:
        call_error(client, "call_not_found", send(client, "CALL_END", callId=1), "1")


def ring(caller, callee, sdp=SDP, **fields):
    """The id of a call that rings."""
    cmid = send(caller, "CALL_INVITE", to=str(callee.uid), sdp=sdp, **fields)
    ok = caller.expect("CALL_INVITE_OK", clientMsgId=cmid, from_=str(caller.uid), to=str(callee.uid))
    got = callee.expect("CALL_INVITE", from_=str(caller.uid), to=str(callee.uid), callId=ok["callId"], sdp=sdp)
    assert set(ok) == {"type", "clientMsgId", "from", "to", "callId", "callKind", "ts"}, ok
    assert set(got) == {"type", "from", "to", "callId", "callKind", "sdp", "ts"}, got
    assert ok["callKind"] == got["callKind"]
    return ok["callId"]


def accept(callee, caller, call, sdp=SDP):
    send(callee, "CALL_ACCEPT", callId=call, sdp=sdp)
    got = caller.expect("CALL_ACCEPT", from_=str(callee.uid), to=str(caller.uid), callId=call, sdp=sdp)
    assert set(got) == {"type", "from", "to", "callId", "sdp", "ts"}, got


def records(server, user, **query):
    return server.api_of(user).get("/call/record/cursor", **query).ok()


def record(server, user, call):
    return next(r for r in records(server, user, limit=100) if r["callId"] == call)
