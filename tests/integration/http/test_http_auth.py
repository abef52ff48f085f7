# SPDX-License-Identifier: Apache-2.0
"""H-5, H-6.1 and H-7.1: login, refresh, verify, logout; H-7.1.1, 34."""
import base64
import concurrent.futures
import itertools
import json
import re

import pytest

_names = itertools.count()


@pytest.fixture
def name():
    return f"user-{next(_names)}"


def login(server, username, password="secret", **headers):
    return server.api().post("/auth/login", {"username": username, "password": password}, headers)


def claims_of(token):
    header, payload, _ = token.split(".")
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, payload)]


# ---- login


def test_login_registers(server, name):
    data = login(server, name).ok()
    assert set(data) == {"userId", "accessToken", "refreshToken", "accessTokenExpiresInSeconds",
                         "refreshTokenExpiresInSeconds"}
    assert isinstance(data["userId"], str) and int(data["userId"]) > 10 ** 18
    assert (data["accessTokenExpiresInSeconds"], data["refreshTokenExpiresInSeconds"]) == (1800, 2592000)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", data["refreshToken"])
    header, claims = claims_of(data["accessToken"])
    assert header == {"alg": "HS256"}
    assert set(claims) == {"iss", "jti", "iat", "exp", "uid", "typ", "sv"}
    assert claims["iss"] == "mini-im" and claims["typ"] == "access" and claims["sv"] == 1
    assert claims["uid"] == int(data["userId"]) and claims["exp"] - claims["iat"] == 1800
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", claims["jti"])


def test_second_login_is_the_same_user_with_the_next_version(server, name):
    first, second = login(server, name).ok(), login(server, name).ok()
    assert first["userId"] == second["userId"]
    assert claims_of(second["accessToken"])[1]["sv"] == claims_of(first["accessToken"])[1]["sv"] + 1
    assert first["refreshToken"] != second["refreshToken"]


def test_second_login_ends_the_first_refresh_token(server, name):
    first = login(server, name).ok()
    login(server, name).ok()
    server.api().post("/auth/refresh", {"refreshToken": first["refreshToken"]}).fail(
        400, 40000, "invalid_refresh_token")


def test_wrong_password(server, name):
    login(server, name).ok()
    login(server, name, "other").fail(400, 40000, "invalid_username_or_password")


@pytest.mark.parametrize("variant", [str.upper, str.title, lambda s: s.replace("u", "ü", 1)], ids=["upper", "title", "accent"])
def test_names_ignore_case_and_accents(server, name, variant):
    first = login(server, name).ok()
    assert login(server, variant(name)).ok()["userId"] == first["userId"]


def test_trailing_blank_is_another_name(server, name):
    assert login(server, name).ok()["userId"] != login(server, name + " ").ok()["userId"]


@pytest.mark.parametrize("body", [
    {}, {"username": "x"}, {"password": "x"}, {"username": "", "password": "x"}, {"username": " ", "password": "x"},
    {"username": "x", "password": "\t"}, {"username": None, "password": "x"}, {"username": "x", "password": "\u3000"},
], ids=json.dumps)
def test_blank_fields(server, body):
    server.api().post("/auth/login", body, {"Accept-Language": "zh"}).fail(400, 40000, "must not be blank")


def test_longest_names(server, name):
    long_name = name + "x" * (64 - len(name))
    login(server, long_name).ok()
    login(server, long_name + "x").fail(400, 40000)


def test_passwords_of_more_than_72_bytes_are_not_cut(server, name):
    reply = login(server, name, "p" * 73)
    if reply.status == 200:
        login(server, name, "p" * 72).fail(400, 40000, "invalid_username_or_password")
    else:
        reply.fail(400, 40000)


@pytest.mark.parametrize("password", ["p", "pass word ", "пароль", "😀" * 10, "p" * 72, "\u0001"])
def test_any_password(server, name, password):
    login(server, name, password).ok()
    login(server, name, password).ok()


def test_numbers_and_booleans_are_taken_as_text(server, name):
    reply = server.api().post("/auth/login", {"username": name, "password": 12345}).ok()
    assert login(server, name, "12345").ok()["userId"] == reply["userId"]


def test_first_logins_at_once_make_one_user(server, name):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: login(server, name), range(8)))
    ids = {reply.ok()["userId"] for reply in replies}
    assert len(ids) == 1


def test_registration_can_be_switched_off(launch):
    server = launch({"im.auth.auto-register": False})
    login(server, "nobody").fail(400, 40000, "invalid_username_or_password")


def test_accounts_survive_a_restart(launch):
    server = launch()
    data = login(server, "survivor").ok()
    server.restart()
    assert server.api(data["accessToken"]).get("/me/profile").ok()["username"] == "survivor"
    assert server.api().post("/auth/refresh", {"refreshToken": data["refreshToken"]}).ok()["userId"] == data["userId"]
    assert login(server, "survivor").ok()["userId"] == data["userId"]


def test_secrets_are_not_in_the_store_or_the_log(launch):
    server = launch({"minim.log.level": "debug"})
    data = login(server, "keeper", "my-very-secret-password").ok()
    server.api(data["accessToken"]).get("/me/profile").ok()
    server.stop()
    content = b"".join(path.read_bytes() for path in server.data.rglob("*") if path.is_file())
    for secret in ("my-very-secret-password", data["refreshToken"], data["accessToken"]):
        assert secret.encode() not in content
        assert secret not in server.log_text()


# ---- refresh


def test_refresh_is_repeatable_and_does_not_bump(server, name):
    data = login(server, name).ok()
    for _ in range(3):
        fresh = server.api().post("/auth/refresh", {"refreshToken": data["refreshToken"]}).ok()
        assert set(fresh) == {"userId", "accessToken", "accessTokenExpiresInSeconds"}
        assert claims_of(fresh["accessToken"])[1]["sv"] == claims_of(data["accessToken"])[1]["sv"]
        server.api(fresh["accessToken"]).get("/me/profile").ok()
    server.api(data["accessToken"]).get("/me/profile").ok()


@pytest.mark.parametrize("token", ["x", "A" * 43, " ", "x" * 10000])
def test_unknown_refresh_token(server, token):
    reply = server.api().post("/auth/refresh", {"refreshToken": token})
    reply.fail(400, 40000, "invalid_refresh_token" if token.strip() else "must not be blank")


def test_refresh_token_is_taken_verbatim(server, name):
    data = login(server, name).ok()
    server.api().post("/auth/refresh", {"refreshToken": data["refreshToken"] + " "}).fail(
        400, 40000, "invalid_refresh_token")


def test_refresh_without_token(server):
    server.api().post("/auth/refresh", {}).fail(400, 40000, "must not be blank")


# ---- verify


def test_verify(server, name):
    data = login(server, name).ok()
    assert server.api().post("/auth/verify", {"accessToken": data["accessToken"]}).ok() == {
        "ok": True, "userId": data["userId"], "reason": None}


def test_verify_failures(server, name, uid):
    old = login(server, name).ok()
    login(server, name).ok()
    verify = lambda token: server.api().post("/auth/verify", {"accessToken": token})  # noqa: E731
    verify(old["accessToken"]).fail(401, 40100, "session_invalid")
    for token, begin in [
        (server.token(uid(), typ="refresh"), "token_type_not_access"),
        (server.token(None), "missing_uid"),
        (server.token(uid(), ttl=-10), "JWT expired"),
        (server.token(uid())[:-6] + "AAAAAA", "JWT signature does not match"),
        ("garbage", ""),
    ]:
        reply = verify(token).fail(401, 40100)
        assert reply.json["message"] and reply.json["message"].startswith(begin)
    verify("").fail(400, 40000, "must not be blank")


# ---- logout


def test_logout(server, name):
    data = login(server, name).ok()
    server.api(data["accessToken"]).post("/auth/logout").ok()
    server.api(data["accessToken"]).get("/me/profile").fail(401, 40100, "session_invalid")
    server.api().post("/auth/refresh", {"refreshToken": data["refreshToken"]}).fail(
        400, 40000, "invalid_refresh_token")
    login(server, name).ok()


# ---- rate limits


@pytest.fixture(scope="module")
def limited(launch_module):
    return launch_module()


def test_sixth_login_in_a_minute(limited):
    for i in range(5):
        reply = login(limited, "hasty", "secret" if i % 2 else "wrong")
        assert reply.status in (200, 400)
    reply = login(limited, "hasty").fail(429, 42900, "too_many_requests")
    assert 1 <= int(reply.headers["retry-after"]) <= 60
    login(limited, " HASTY").fail(429, 42900)
    login(limited, "patient").ok()


def test_blank_logins_do_not_count(limited):
    for _ in range(10):
        login(limited, "blank", "").fail(400, 40000)
    login(limited, "blank").ok()


def test_forwarding_headers_of_strangers_are_ignored(limited):
    """H-6.1: a header must not refill the bucket."""
    for i in range(5):
        login(limited, "evader", "x", **{"X-Forwarded-For": f"203.0.113.{i}", "X-Real-IP": f"203.0.113.{i}"})
    login(limited, "evader", "x", **{"X-Forwarded-For": "203.0.113.99"}).fail(429, 42900)


def test_limits_can_be_switched_off(server):
    for _ in range(8):
        login(server, "unlimited").ok()
