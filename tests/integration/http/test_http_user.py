# SPDX-License-Identifier: Apache-2.0
"""H-7.2: /user/basic, /user/profile, /me/profile."""
import contextlib
import re
import sqlite3

import pytest

from support.wait import until

DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,2}[1-9])?")


@pytest.fixture(scope="module")
def people(server):
    """Name -> (id, api) of three accounts."""
    made = {}
    for name in ("anna", "bert", "carla"):
        data = server.api().login(f"people-{name}")
        made[name] = (data["userId"], server.api(data["accessToken"]))
    return made


def test_basic(people):
    ids = [people[name][0] for name in ("carla", "anna", "bert")]
    data = people["anna"][1].get("/user/basic", ids=",".join(ids)).ok()
    assert [user["id"] for user in data] == ids
    assert data[0] == {"id": ids[0], "username": "people-carla", "nickname": None}


def test_basic_skips_unknown_empty_and_doubled(people):
    anna, api = people["anna"]
    data = api.get("/user/basic", ids=f" {anna} ,,{anna},5, 9223372036854775807").ok()
    assert [user["id"] for user in data] == [anna]


@pytest.mark.parametrize("ids", ["", ",", " , "])
def test_basic_of_nobody(people, ids):
    assert people["anna"][1].request("GET", f"/user/basic?ids={ids.replace(' ', '%20')}").ok() == []


@pytest.mark.parametrize("ids", ["x", "1,x", "0", "-1", "1.5", "9223372036854775808", "1;2"])
def test_basic_bad_ids(people, ids):
    people["anna"][1].get("/user/basic", ids=ids).fail(200, 40000, "bad_ids")


def test_basic_reads_at_most_100_distinct(people):
    anna, api = people["anna"]
    fillers = [str(i) for i in range(1, 100)]
    assert api.get("/user/basic", ids=",".join(fillers + [anna])).ok()[0]["id"] == anna
    assert api.get("/user/basic", ids=",".join(fillers + ["100", anna])).ok() == []
    assert api.get("/user/basic", ids=",".join(fillers + ["100", "junk"])).ok() == []


def test_basic_repeated_parameter_is_joined(people):
    (anna, api), (bert, _) = people["anna"], people["bert"]
    data = api.request("GET", f"/user/basic?ids={anna}&ids={bert}").ok()
    assert [user["id"] for user in data] == [anna, bert]


def test_basic_without_ids(people):
    people["anna"][1].get("/user/basic").fail(400, 40000)


def test_profile(people):
    bert = people["bert"][0]
    data = people["anna"][1].get("/user/profile", userId=bert).ok()
    code = data.pop("friendCode")
    assert data == {"id": bert, "username": "people-bert", "nickname": None, "avatarUrl": None, "status": 1}
    assert re.fullmatch(r"[A-HJ-NP-Z2-9]{8}", code)


@pytest.mark.parametrize("user", ["0", "-5"])
def test_profile_of_an_impossible_id(people, user):
    people["anna"][1].get("/user/profile", userId=user).fail(200, 40000, "bad_user_id")


def test_profile_of_nobody(people):
    people["anna"][1].get("/user/profile", userId=5).fail(200, 40400, "not_found")


@pytest.mark.parametrize("query", ["", "?userId=", "?userId=abc", "?userId=1.5", "?userId=9223372036854775808", "?userid=1"])
def test_profile_binding(people, query):
    people["anna"][1].request("GET", f"/user/profile{query}").fail(400, 40000)


def test_me(people):
    anna, api = people["anna"]
    data = api.get("/me/profile").ok()
    assert set(data) == {"id", "username", "nickname", "avatarUrl", "status", "friendCode", "friendCodeUpdatedAt",
                         "friendCodeNextResetAt"}
    assert (data["id"], data["username"], data["status"]) == (anna, "people-anna", 1)
    for field in ("friendCodeUpdatedAt", "friendCodeNextResetAt"):
        assert DATE.fullmatch(data[field]), data
    assert data["friendCodeUpdatedAt"] < data["friendCodeNextResetAt"]


def test_me_of_a_user_without_account(server, uid):
    server.api_of(uid()).get("/me/profile").fail(200, 40400, "not_found")


def test_friend_codes_are_distinct(people):
    codes = {people["anna"][1].get("/user/profile", userId=people[name][0]).ok()["friendCode"] for name in people}
    assert len(codes) == 3


def test_reset_while_the_store_is_busy(launch):
    """H-7.2.4 wants HTTP 200 whatever failed; the operator is to hear of it all the same."""
    server = launch({"im.code.reset-cooldown-seconds": 1})
    api = server.api(server.api().login("busy")["accessToken"])
    reset = lambda: api.post("/me/friend-code/reset", {}).json["code"]  # noqa: E731
    with contextlib.closing(sqlite3.connect(server.data / "minim.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert until(lambda: reset() == 50000, "the end of the cooldown", 60)
        other.execute("ROLLBACK")
    api.post("/me/friend-code/reset", {}).ok()
    server.wait_log(r"http_failed.*path=/me/friend-code/reset.*what=friend_code")
    assert server.metric("minim_http_failed_total") == 1
