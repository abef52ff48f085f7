# SPDX-License-Identifier: Apache-2.0
"""W-3.12: calls, row by row, with two and three clients."""
import json
import sqlite3
import threading

import pytest

from support.calls import SDP, accept, call_error, fence, record, records, ring, send
from support.friends import befriend
from support.rawws import Eof
from support.wait import TIMEOUT, until


@pytest.fixture
def friends(server, connect, uid):
    """friends(n): clients, each the friend of all others."""
    def make(n=2, at=None, **how):
        at = at or server
        clients = [connect(uid(), at, **how) for _ in range(n)]
        for i, a in enumerate(clients):
            for b in clients[i + 1:]:
                befriend(at, a.uid, b.uid)
        return clients
    return make


def is_record(got, peer, direction, status, reason=None, accepted=False, ended=True):
    assert (got["peerUserId"], got["direction"], got["status"], got["failReason"]) == (
        str(peer.uid), direction, status, reason), got
    assert got["startedAt"] is not None
    assert (got["acceptedAt"] is not None) == accepted, got
    assert (got["endedAt"] is not None) == ended, got
    assert (got["durationSeconds"] is not None) == (accepted and ended), got


# ---- the states


@pytest.mark.tsan
def test_a_call_that_is_ended(server, friends):
    caller, callee = friends()
    call = ring(caller, callee, callKind="ViDeO")
    is_record(record(server, caller.uid, call), callee, "OUT", "RINGING", ended=False)
    is_record(record(server, callee.uid, call), caller, "IN", "RINGING", ended=False)
    accept(callee, caller, call)
    is_record(record(server, caller.uid, call), callee, "OUT", "ACCEPTED", accepted=True, ended=False)
    send(callee, "CALL_END", callId=call, callReason=" hangup ")
    got = caller.expect("CALL_END", from_=str(callee.uid), to=str(caller.uid), callId=call, callReason="hangup")
    assert set(got) == {"type", "from", "to", "callId", "callReason", "ts"}
    is_record(record(server, callee.uid, call), caller, "IN", "ENDED", "hangup", accepted=True)
    call_error(callee, "call_not_found", send(callee, "CALL_END", callId=call), call)
    fence(caller, callee)
    ring(callee, caller)  # free again


@pytest.mark.parametrize("kind, by_caller, status", [
    ("CALL_REJECT", False, "REJECTED"), ("CALL_CANCEL", True, "CANCELED"),
    ("CALL_END", True, "CANCELED"), ("CALL_END", False, "REJECTED")])
def test_a_call_that_is_not_accepted(server, friends, kind, by_caller, status):
    caller, callee = friends()
    who, peer = (caller, callee) if by_caller else (callee, caller)
    call = ring(caller, callee)
    send(who, kind, callId=call)
    got = peer.expect(kind, from_=str(who.uid), to=str(peer.uid), callId=call)
    assert set(got) == {"type", "from", "to", "callId", "ts"}
    is_record(record(server, caller.uid, call), callee, "OUT", status)
    fence(caller, callee)


def test_nobody_answers(launch, friends):
    server = launch({"minim.call.ring-timeout-ms": 300})
    caller, callee = friends(at=server)
    call = ring(caller, callee)
    for client in (caller, callee):
        got = client.expect("CALL_TIMEOUT", callId=call, callReason="timeout")
        assert set(got) == {"type", "callId", "callReason", "ts"}
    is_record(record(server, callee.uid, call), caller, "IN", "MISSED", "timeout")
    call_error(callee, "call_not_found", send(callee, "CALL_ACCEPT", callId=call, sdp=SDP), call)
    call = ring(callee, caller)
    accept(caller, callee, call)  # an accepted call rings no more
    until(lambda: server.metric("minim_calls") == 1, "the call")
    fence(caller, callee)


# ---- invites that come to nothing


def test_what_is_wrong_with_an_invite(server, friends, connect, uid):
    caller, callee = friends()
    to = str(callee.uid)
    rows = [
        ({}, "missing_to"),
        ({"callKind": "audio", "sdp": SDP}, "missing_to"),
        ({"to": None, "sdp": SDP}, "missing_to"),
        ({"to": "", "sdp": SDP}, "missing_to"),
        ({"to": to, "callKind": "audio"}, "unsupported_call_kind"),
        ({"to": to, "callKind": "video "}, "unsupported_call_kind"),
        ({"to": to}, "missing_sdp"),
        ({"to": to, "sdp": None}, "missing_sdp"),
        ({"to": to, "sdp": " \r\n"}, "missing_sdp"),
        ({"to": str(caller.uid), "sdp": ""}, "missing_sdp"),
        ({"to": str(caller.uid), "sdp": SDP}, "cannot_call_self"),
        ({"to": uid(), "sdp": SDP}, "not_friend"),
        ({"to": 0, "sdp": SDP}, "not_friend"),
        ({"to": -1, "sdp": SDP}, "not_friend"),
        ({"to": 2**63 - 1, "sdp": SDP}, "not_friend"),
    ]
    for fields, reason in rows:
        cmid = send(caller, "CALL_INVITE", callId="77", **fields)
        got = call_error(caller, reason, cmid)
        assert "callId" not in got, got
    caller.send_json(type="CALL_INVITE")
    call_error(caller, "missing_to")
    assert records(server, caller.uid) == []
    fence(caller, callee)


@pytest.mark.parametrize("field", ["to", "callId"])
@pytest.mark.parametrize("value", [2**63, -2**63 - 1, "99999999999999999999", "x", True, [1]])
def test_ids_that_are_none(server, friends, field, value):
    caller, _ = friends()
    caller.send_json(type="CALL_INVITE", clientMsgId="c", sdp=SDP, **{field: value})
    caller.error("bad_json")
    fence(caller)


@pytest.mark.parametrize("is_accepted", [False, True])
def test_busy(server, friends, is_accepted):
    caller, callee, third = friends(3)
    call = ring(caller, callee)
    if is_accepted:
        accept(callee, caller, call)
    for who, whom in ((third, caller), (third, callee), (caller, third), (callee, third), (caller, callee)):
        cmid = send(who, "CALL_INVITE", to=whom.uid, sdp=SDP)
        got = call_error(who, "busy", cmid, why="busy")
        assert got["callId"] != call
        is_record(record(server, who.uid, got["callId"]), whom, "OUT", "FAILED", "busy")
        missed = record(server, whom.uid, got["callId"])
        is_record(missed, who, "IN", "FAILED", "busy")
        assert missed["startedAt"] == missed["endedAt"]
    fence(caller, callee, third)


def test_offline(server, friends, uid):
    caller, third = friends()
    away = uid()
    befriend(server, caller.uid, away)
    got = call_error(caller, "callee_offline", send(caller, "CALL_INVITE", to=away, sdp=SDP), why="offline")
    missed = record(server, away, got["callId"])
    assert (missed["status"], missed["failReason"], missed["direction"]) == ("FAILED", "offline", "IN")
    ring(caller, third)  # free


@pytest.mark.tsan
def test_crossing_invites(server, friends):
    for _ in range(10):
        one, two = friends()
        start = threading.Barrier(2)

        def invite(who, whom):
            start.wait(TIMEOUT)
            who.send_json(type="CALL_INVITE", clientMsgId="x", to=whom.uid, sdp=SDP)

        threads = [threading.Thread(target=invite, args=pair) for pair in ((one, two), (two, one))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        fence_one, fence_two = (send(client, "CALL_END", callId=1) for client in (one, two))
        kinds = []
        for client, end in ((one, fence_one), (two, fence_two)):
            seen = []
            while (got := client.recv()).get("clientMsgId") != end:
                seen.append(got["type"])
            kinds.append(sorted(seen))
        assert sorted(kinds) == [["CALL_ERROR", "CALL_INVITE"], ["CALL_INVITE_OK"]], kinds


# ---- who may do what


def test_what_is_wrong_with_the_others(server, friends):
    caller, callee, third = friends(3)
    call = ring(caller, callee)
    wrong = [
        (caller, "CALL_ACCEPT", {"sdp": SDP}, "only_callee_can_accept"),
        (third, "CALL_ACCEPT", {"sdp": SDP}, "call_not_participant"),
        (callee, "CALL_ACCEPT", {}, "missing_sdp"),
        (third, "CALL_ACCEPT", {"sdp": "  "}, "missing_sdp"),
        (caller, "CALL_REJECT", {}, "only_callee_can_reject"),
        (third, "CALL_REJECT", {}, "only_callee_can_reject"),
        (callee, "CALL_CANCEL", {}, "only_caller_can_cancel"),
        (third, "CALL_CANCEL", {}, "only_caller_can_cancel"),
        (third, "CALL_END", {}, "call_not_participant"),
        (third, "CALL_ICE", {"iceCandidate": "c"}, "call_not_participant"),
        (caller, "CALL_ICE", {}, "missing_ice_candidate"),
        (caller, "CALL_ICE", {"iceCandidate": ""}, "missing_ice_candidate"),
        (caller, "CALL_ICE", {"iceCandidate": "c" * 4097}, "ice_candidate_too_long"),
        (caller, "CALL_ICE", {"iceCandidate": "\U0001f600" * 2049}, "ice_candidate_too_long"),
    ]
    for who, kind, fields, reason in wrong:
        call_error(who, reason, send(who, kind, callId=call, **fields), call)
    accept(callee, caller, call)
    for who, kind, fields in ((callee, "CALL_ACCEPT", {"sdp": SDP}), (callee, "CALL_REJECT", {}),
                              (caller, "CALL_CANCEL", {})):
        call_error(who, "call_not_ringing", send(who, kind, callId=call, **fields), call)
    fence(caller, callee, third)
    assert record(server, caller.uid, call)["status"] == "ACCEPTED"


@pytest.mark.parametrize("kind", ["CALL_ACCEPT", "CALL_REJECT", "CALL_CANCEL", "CALL_END", "CALL_ICE"])
def test_a_call_that_is_not_there(server, friends, kind):
    client, _ = friends()
    for value in (None, 0, -1, "", "0", "-9223372036854775808"):
        got = call_error(client, "missing_call_id", send(client, kind, callId=value))
        assert "callId" not in got
    more = {"sdp": SDP, "iceCandidate": "c"}
    for value in (1, "9223372036854775807"):
        call_error(client, "call_not_found", send(client, kind, callId=value, **more), str(value))


def test_candidates(server, friends):
    caller, callee = friends()
    call = ring(caller, callee)
    for who, peer in ((caller, callee), (callee, caller)):
        for more in ({"iceSdpMid": "0", "iceSdpMLineIndex": 0}, {"iceSdpMid": None, "iceSdpMLineIndex": None},
                     {"iceSdpMLineIndex": -2**31}, {"iceSdpMid": "\U0001f600"}):
            send(who, "CALL_ICE", callId=call, to=who.uid, iceCandidate="candidate:1 1 udp", **more)
            got = peer.expect("CALL_ICE", from_=str(who.uid), to=str(peer.uid), callId=call,
                              iceCandidate="candidate:1 1 udp", **more)
            assert set(got) == {"type", "from", "to", "callId", "iceCandidate", "ts"} | {
                name for name, value in more.items() if value is not None}
        send(who, "CALL_ICE", callId=call, iceCandidate="c" * 4096)
        assert len(peer.expect("CALL_ICE")["iceCandidate"]) == 4096
    who.send_json(type="CALL_ICE", callId=call, iceCandidate="c", iceSdpMLineIndex=2**31)
    who.error("bad_json")
    fence(caller, callee)


def test_answers_and_candidates_keep_their_order(server, friends):
    caller, callee = friends()
    call = ring(caller, callee)
    send(callee, "CALL_ACCEPT", callId=call, sdp=SDP)
    for i in range(20):
        send(callee, "CALL_ICE", callId=call, iceCandidate=f"candidate:{i}")
    send(callee, "CALL_END", callId=call)
    caller.expect("CALL_ACCEPT")
    for i in range(20):
        caller.expect("CALL_ICE", iceCandidate=f"candidate:{i}")
    caller.expect("CALL_END")


FORGED = {"from": "1", "reason": "kicked", "token": "t", "body": "b", "groupId": "3", "serverMsgId": "4", "msgSeq": 5,
          "ackType": "read", "important": True, "mentions": ["1"], "ts": 1, "msgType": "x", "retryAfterMs": 1}


def test_what_is_forged_is_not_passed_on(server, friends):
    caller, callee = friends()
    call = ring(caller, callee, **FORGED, callId="99", callReason="r", iceCandidate="c")
    assert call != "99"
    send(caller, "CALL_ICE", callId=call, iceCandidate="c", sdp=SDP, callReason="r", callKind="video", to="1", **FORGED)
    got = callee.expect("CALL_ICE", from_=str(caller.uid), to=str(callee.uid), callId=call, iceCandidate="c")
    assert set(got) == {"type", "from", "to", "callId", "iceCandidate", "ts"}
    send(callee, "CALL_REJECT", callId=call, sdp=SDP, iceCandidate="c", to="1", **FORGED)
    got = caller.expect("CALL_REJECT", from_=str(callee.uid), to=str(caller.uid), callId=call)
    assert set(got) == {"type", "from", "to", "callId", "ts"}


@pytest.mark.parametrize("text, kept", [
    ("", None), ("  ", None), ("x" * 65, "x" * 64), ("\U0001f600" * 33, "\U0001f600" * 32),
    ("x" + "\U0001f600" * 33, "x" + "\U0001f600" * 31), ("\u20ac" * 70, "\u20ac" * 64)])
def test_reasons_are_cut(server, friends, text, kept):
    caller, callee = friends()
    call = ring(caller, callee)
    send(callee, "CALL_REJECT", callId=call, callReason=text)
    assert caller.expect("CALL_REJECT").get("callReason") == kept
    assert record(server, caller.uid, call)["failReason"] == kept


# ---- connections that go


@pytest.mark.tsan
@pytest.mark.parametrize("is_accepted", [False, True])
@pytest.mark.parametrize("leaver", [0, 1])
def test_who_is_gone_ends_the_call(launch_module, friends, connect, is_accepted, leaver):
    server = short_grace(launch_module)
    pair = friends(at=server)
    call = ring(*pair)
    if is_accepted:
        accept(pair[1], pair[0], call)
    gone, stays = pair[leaver], pair[1 - leaver]
    gone.close()
    stays.expect("CALL_END", from_=str(gone.uid), to=str(stays.uid), callId=call, callReason="peer_disconnect")
    got = record(server, stays.uid, call)
    is_record(got, gone, "IN" if leaver == 0 else "OUT", "FAILED", "peer_disconnect", accepted=is_accepted)
    back = connect(gone.uid, server)
    fence(back, stays)  # not told; and both are free
    ring(back, stays)


_short = []


def short_grace(launch_module):
    if not _short:
        _short.append(launch_module({"minim.call.disconnect-grace-ms": 200}))
    return _short[0]


def test_who_comes_back_in_time_keeps_the_call(launch, friends, connect):
    """Nothing is timed: the grace is long, or the user is there when it is over."""
    server = launch({"minim.call.disconnect-grace-ms": 600000})
    caller, callee = friends(at=server)
    call = ring(caller, callee)
    caller.close()
    until(lambda: server.metric("minim_sessions") == 1, "the end of the session")
    caller = connect(caller.uid, server)
    accept(callee, caller, call)
    newer = connect(caller.uid, server)  # one that is replaced ends no call
    caller.error_and_close("kicked")
    send(newer, "CALL_ICE", callId=call, iceCandidate="c")
    callee.expect("CALL_ICE")
    send(callee, "CALL_END", callId=call)
    newer.expect("CALL_END")
    assert record(server, newer.uid, call)["status"] == "ENDED"


def test_a_replaced_connection_ends_no_call(launch, friends, connect):
    server = launch({"minim.call.disconnect-grace-ms": 1})
    caller, callee = friends(at=server)
    call = ring(caller, callee)
    for _ in range(5):
        newer = connect(caller.uid, server)
        caller.error_and_close("kicked")
        caller = newer
    accept(callee, caller, call)
    fence(caller, callee)


def test_a_callee_who_does_not_read_is_cut(launch, friends):
    server = launch({"im.gateway.ws.rate-limit.connection-rate": 0, "im.gateway.ws.rate-limit.user-rate": 0,
                     "im.gateway.ws.rate-limit.ice-rate": 0,
                     "im.gateway.ws.backpressure.close-unwritable-after-ms": -1})
    caller, callee = friends(at=server, rcvbuf=4096)
    call = ring(caller, callee)
    sent = 0
    while server.metric("minim_sessions") == 2:
        for _ in range(200):
            send(caller, "CALL_ICE", callId=call, iceCandidate="c" * 4096)
        sent += 200
        fence(caller)
        assert sent < 100000, "a callee who reads nothing is still there"


# ---- ceilings


def test_an_sdp_as_long_as_may_be(launch, friends):
    server = launch({"im.gateway.ws.max-message": "1MiB", "minim.http.max-body": "1MiB"})
    caller, callee = friends(at=server)
    call_error(caller, "sdp_too_long", send(caller, "CALL_INVITE", to=callee.uid, sdp="s" * 120001))
    call = ring(caller, callee, sdp="\U0001f600" * 60000)
    call_error(callee, "sdp_too_long", send(callee, "CALL_ACCEPT", callId=call, sdp="s" * 120001), call)
    accept(callee, caller, call, "s" * 120000)


def test_an_sdp_of_ten_megabytes(server, friends):
    """The frame is too long before it is anything else; nobody else notices."""
    caller, callee = friends()
    call = ring(caller, callee)
    text = json.dumps({"type": "CALL_ACCEPT", "callId": call, "sdp": "s" * 10_000_000})
    try:
        callee.send_text(text)
    except (BrokenPipeError, ConnectionResetError):
        pass
    else:
        callee.expect_close(1009, None)
    fence(caller)
    assert record(server, caller.uid, call)["status"] == "RINGING"


def test_as_much_sdp_as_a_frame_holds(server, friends):
    caller, callee = friends()
    ring(caller, callee, sdp="s" * 65000)


def test_a_flood_of_candidates(launch, friends, connect):
    """As many as the allowance has; they cost no requests, and what is beyond it ends the connection."""
    server = launch({"im.gateway.ws.rate-limit.connection-rate": 0})
    caller, callee = friends(at=server)
    call = ring(caller, callee)
    for _ in range(120):
        send(caller, "CALL_ICE", callId=call, iceCandidate="c")
    for _ in range(120):
        callee.expect("CALL_ICE")
    for _ in range(50):
        caller.chat(callee.uid)
    last = None
    for _ in range(1000):
        last = send(caller, "CALL_ICE", callId=call, iceCandidate="c")
    caller.find("ERROR", reason="too_many_requests")
    caller.expect_close()
    assert last is not None
    while callee.recv()["type"] != "SINGLE_CHAT":
        pass


def test_a_ceiling_of_calls(launch, friends):
    server = launch({"minim.call.max-active": 1})
    one, two, three, four = friends(4, at=server)
    call = ring(one, two)
    cmid = send(three, "CALL_INVITE", to=four.uid, sdp=SDP)
    assert three.error("server_busy", cmid)["retryAfterMs"] > 0
    send(one, "CALL_CANCEL", callId=call)
    two.expect("CALL_CANCEL")
    ring(three, four)


# ---- the store


def test_a_store_that_cannot_write(launch, friends):
    """Both are free and both know; the records catch up."""
    server = launch()
    caller, callee = friends(at=server)
    call = ring(caller, callee)
    lock = sqlite3.connect(server.data / "minim.db", timeout=TIMEOUT, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    cmid = send(callee, "CALL_ACCEPT", callId=call, sdp=SDP)
    call_error(callee, "internal_error", cmid, call)
    caller.expect("CALL_END", from_=str(callee.uid), callId=call, callReason="internal_error")
    cmid = send(caller, "CALL_INVITE", to=callee.uid, sdp=SDP)
    got = call_error(caller, "internal_error", cmid)
    assert got["callId"] != call
    lock.execute("ROLLBACK")
    lock.close()
    other = ring(callee, caller)
    until(lambda: record(server, caller.uid, call)["status"] == "FAILED", "the record")
    is_record(record(server, callee.uid, call), caller, "IN", "FAILED", "internal_error", accepted=True)
    assert record(server, callee.uid, other)["status"] == "RINGING"
    assert "event=call_record_unwritten" in server.log_text()


@pytest.mark.parametrize("is_killed", [False, True])
def test_no_call_outlives_the_server(launch, friends, connect, is_killed):
    server = launch()
    one, two, three, four = friends(4, at=server)
    ringing, accepted = ring(one, two), ring(three, four)
    accept(four, three, accepted)
    if is_killed:
        server.kill()
        server.start()
    else:
        server.restart()
    is_record(record(server, one.uid, ringing), two, "OUT", "FAILED", "server_restart")
    got = record(server, four.uid, accepted)
    assert (got["status"], got["failReason"], got["acceptedAt"] is None) == ("FAILED", "server_restart", False)
    assert (got["durationSeconds"] is None) == is_killed  # nobody knows how long it went on
    one, two = connect(one.uid, server), connect(two.uid, server)
    call_error(one, "call_not_found", send(one, "CALL_END", callId=ringing), ringing)
    assert int(ring(one, two)) > int(accepted)


def call_until_it_ends(caller, callee, told):
    """Calls without end; told[call] is the furthest that a client has seen of it."""
    try:
        while True:
            call = ring(caller, callee)
            told[call] = "RINGING"
            accept(callee, caller, call)
            told[call] = "ACCEPTED"
            send(callee, "CALL_END", callId=call, callReason="over")
            caller.expect("CALL_END", callId=call)
            told[call] = "ENDED"
    except (OSError, Eof):  # the server was killed
        told[""] = "killed"


def test_what_was_told_survives_a_kill(launch, friends):
    server = launch({"im.gateway.ws.rate-limit.connection-rate": 0, "im.gateway.ws.rate-limit.user-rate": 0})
    for goal in (5, 25, 60):
        clients = friends(6, at=server)
        told = [{} for _ in clients[::2]]
        threads = [threading.Thread(target=call_until_it_ends, args=(a, b, seen))
                   for a, b, seen in zip(clients[::2], clients[1::2], told)]
        for thread in threads:
            thread.start()
        until(lambda: sum(map(len, told)) >= goal, "some calls")
        server.kill()
        for thread in threads:
            thread.join()
        server.start()
        for client, seen in zip(clients[::2], told):
            assert seen.pop("") == "killed"
            page = {r["callId"]: r for r in records(server, client.uid, limit=100)}
            for call, last in list(seen.items())[-100:]:
                got = page[call]
                assert got["status"] in ("ENDED", "FAILED"), got
                if last == "ENDED":
                    assert (got["status"], got["failReason"]) == ("ENDED", "over"), got
                if last == "ACCEPTED":
                    assert got["acceptedAt"] is not None, got


def test_what_is_said_stays_between_them(launch, friends):
    """Neither descriptions nor candidates reach the log, the metrics or the disk."""
    server = launch({"minim.log.level": "debug"})
    caller, callee = friends(at=server)
    secret = "SECRET-OF-A-CALL"
    call = ring(caller, callee, sdp=secret)
    accept(callee, caller, call, secret)
    send(caller, "CALL_ICE", callId=call, iceCandidate=secret, iceSdpMid=secret)
    callee.expect("CALL_ICE")
    caller.send_json(type="CALL_ICE", callId="x", iceCandidate=secret)
    caller.error("bad_json")
    call_error(caller, "not_friend", send(caller, "CALL_INVITE", to=1, sdp=secret, iceCandidate=secret))
    assert secret not in server.api().get("/metrics").text
    server.stop()
    assert secret not in server.log_text()
    for path in server.data.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def test_many_calls_at_once(launch, friends):
    server = launch({"im.gateway.ws.rate-limit.connection-rate": 0, "im.gateway.ws.rate-limit.user-rate": 0})
    clients = friends(12, at=server)
    for _ in range(5):
        calls = [(a, b, ring(a, b)) for a, b in zip(clients[::2], clients[1::2])]
        assert server.metric("minim_calls") == 6
        for a, b, call in calls:
            accept(b, a, call)
        for a, b, call in calls:
            send(a, "CALL_END", callId=call)
            b.expect("CALL_END", callId=call)
        clients = clients[1:] + clients[:1]
    fence(*clients)
    assert server.metric("minim_calls") == 0
