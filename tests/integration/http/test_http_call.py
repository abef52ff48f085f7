# SPDX-License-Identifier: Apache-2.0
"""H-7.10: records of calls, in pages."""
import sqlite3

import pytest

from support.calls import SDP, call_error, record, records, ring, send
from support.friends import befriend
from support.wait import TIMEOUT

FIELDS = {"id", "callId", "peerUserId", "direction", "status", "failReason", "startedAt", "acceptedAt", "endedAt",
          "durationSeconds"}


def put(server, rows):
    """Rows of (id, caller, callee, status, accepted, ended, seconds)."""
    db = sqlite3.connect(server.data / "minim.db", timeout=TIMEOUT)
    with db:
        db.executemany(
            "INSERT INTO t_call_record(id, call_id, caller_user_id, callee_user_id, status, started_at, accepted_at,"
            " ended_at, duration_seconds, created_at, updated_at) VALUES (?1, ?1 + 1000000000, ?2, ?3, ?4, 1769277600100,"
            " ?5, ?6, ?7, 0, 0)", rows)
    db.close()


@pytest.fixture
def history(server, uid):
    """(me, ids): 130 calls, every third of them to me; those of others beside them."""
    me, peer = uid(), uid()
    first = 1_000_000 * me
    ids = [first + 2 * i for i in range(130)]
    put(server, [(n, *((me, peer) if i % 3 else (peer, me)), 5, 1769277605200, 1769277790900, 185)
                 for i, n in enumerate(ids)])
    put(server, [(n + 1, peer, uid(), 3, None, 1769277790900, None) for n in ids])
    return me, peer, ids[::-1]


def ids_of(rows):
    return [int(row["id"]) for row in rows]


def test_what_a_record_says(server, history):
    me, peer, ids = history
    row, *_, third = records(server, me, limit=4)
    assert set(row) == FIELDS
    assert row == {"id": str(ids[0]), "callId": str(ids[0] + 1000000000), "peerUserId": str(peer), "direction": "IN",
                   "status": "ENDED", "failReason": None, "startedAt": row["startedAt"], "acceptedAt": row["acceptedAt"],
                   "endedAt": row["endedAt"], "durationSeconds": 185}
    assert (row["startedAt"][-2:], row["acceptedAt"][-2:], row["endedAt"][-2:]) == (".1", ".2", ".9")
    assert records(server, me, limit=2)[1]["direction"] == "OUT"
    mine = record(server, peer, row["callId"])
    assert (mine["direction"], mine["peerUserId"]) == ("OUT", str(me))
    never = next(r for r in records(server, peer, limit=100) if r["status"] == "REJECTED")
    assert (never["acceptedAt"], never["durationSeconds"]) == (None, None)


def test_cursor(server, history):
    me, _, ids = history
    assert ids_of(records(server, me)) == ids[:20]
    seen, last = [], None
    while page := records(server, me, limit=33, **({"lastId": last} if last else {})):
        seen += ids_of(page)
        last = page[-1]["id"]
    assert seen == ids


@pytest.mark.parametrize("limit, count", [
    ("0", 1), ("-5", 1), ("1", 1), ("1000", 100), ("99999999999", 100), ("", 20)])
def test_limit_is_clamped(server, history, limit, count):
    assert len(records(server, history[0], limit=limit)) == count


@pytest.mark.parametrize("last", ["0", "-1", "-9223372036854775808", "9223372036854775807", ""])
def test_last_ids_that_name_nothing(server, history, last):
    me, _, ids = history
    assert ids_of(records(server, me, lastId=last)) == ids[:20]


def test_what_is_no_number(server, history):
    api = server.api_of(history[0])
    for path, query in (("cursor", {"lastId": "x"}), ("cursor", {"lastId": 2**63}), ("cursor", {"limit": "1.5"}),
                        ("list", {"pageNo": "x"}), ("list", {"pageSize": "y"})):
        api.get(f"/call/record/{path}", **query).fail(400, 40000, "bad_parameter")


def test_pages(server, history):
    me, _, ids = history
    api = server.api_of(me)
    for size, no, start in ((20, 1, 0), (20, 7, 120), (100, 2, 100), (50, 3, 100)):
        page = api.get("/call/record/list", pageNo=no, pageSize=size).ok()
        assert ids_of(page["records"]) == ids[start:start + size]
        assert (page["total"], page["size"], page["current"], page["pages"]) == (130, size, no, -(-130 // size))
    for no in (8, 2**62, 2**63 - 1):
        page = api.get("/call/record/list", pageNo=no).ok()
        assert page["records"] == [] and page["total"] == 130
    page = api.get("/call/record/list", pageNo=-3, pageSize=1000).ok()
    assert (page["current"], page["size"], len(page["records"])) == (1, 100, 100)


def test_who_never_called(server, uid):
    me = uid()
    assert records(server, me) == []
    page = server.api_of(me).get("/call/record/list").ok()
    assert page == {"records": [], "total": 0, "size": 20, "current": 1, "pages": 0}


@pytest.mark.parametrize("path", ["cursor", "list"])
def test_only_with_a_token(server, path):
    server.api().get(f"/call/record/{path}", limit="x").fail(200, 40100, "unauthorized")
    server.api("bad").get(f"/call/record/{path}").fail(401, 40100, "unauthorized")
    server.api_of(1).post(f"/call/record/{path}").fail(405, 40000)


def test_newest_first_as_calls_are_made(server, connect, uid):
    one, two = connect(uid()), connect(uid())
    befriend(server, one.uid, two.uid)
    calls = []
    for i in range(3):
        calls.append(ring(one, two))
        got = call_error(two, "busy", send(two, "CALL_INVITE", to=one.uid, sdp=SDP), why="busy")
        calls.append(got["callId"])
        send(one, "CALL_CANCEL", callId=calls[-2])
        two.expect("CALL_CANCEL")
    assert [r["callId"] for r in records(server, two.uid)] == calls[::-1]
    assert [r["direction"] for r in records(server, two.uid)] == ["OUT", "IN"] * 3
