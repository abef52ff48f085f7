# SPDX-License-Identifier: Apache-2.0
"""W-3.1 AUTH, 3.2 REAUTH, 3.3 PING, 4 tokens and session versions, 5 kick."""
import base64
import json
import time

import pytest

from support import tokens
from support.im import bad_token_variants
from support.server import SECRET
from support.wait import until

pytestmark = pytest.mark.tsan

# Of tokens whose end a test waits for: long enough to arrive in time, in whole seconds.
LIFE_S = 4


def auth_fail(client, reason):
    got = client.expect("AUTH_FAIL", reason=reason)
    assert set(got) == {"type", "ts", "reason"}
    client.expect_close(1000, "Bye")


# ---- AUTH


def test_auth_ok(server, connect, uid):
    user = uid()
    client = connect()
    client.send_json(type="AUTH", token=server.token(user), clientMsgId="c", serverMsgId="s")
    assert client.expect("AUTH_OK", from_=str(user)).keys() == {"type", "from", "ts"}


@pytest.mark.parametrize("token", [None, "", "  ", "\t\u3000"], ids=repr)
def test_auth_without_token(connect, token):
    client = connect()
    client.send_json(type="AUTH", **({} if token is None else {"token": token}))
    auth_fail(client, "missing_token")


@pytest.mark.parametrize("name", [name for name, _ in bad_token_variants(1, SECRET)])
def test_auth_with_bad_token(connect, uid, name):
    client = connect()
    client.send_json(type="AUTH", token=dict(bad_token_variants(uid(), SECRET))[name])
    auth_fail(client, "invalid_token")


@pytest.mark.parametrize("user", [0, -1, -9223372036854775808])
def test_auth_of_no_user(server, connect, user):
    client = connect()
    client.send_json(type="AUTH", token=server.token(user))
    auth_fail(client, "session_invalid")


@pytest.mark.parametrize("sv", [1, -1, 99])
def test_auth_of_unknown_user_with_a_session_version(server, connect, uid, sv):
    client = connect()
    client.send_json(type="AUTH", token=server.token(uid(), sv=sv))
    auth_fail(client, "session_invalid")


def good_token_variants(uid):
    now = int(time.time())
    yield "sv 0", tokens.sign(uid, SECRET, sv=0)
    yield "no exp", tokens.sign(uid, SECRET, exp=None)
    yield "exp with a fraction", tokens.sign(uid, SECRET, exp=now + 100.75)
    yield "exp as text", tokens.sign(uid, SECRET, exp=str(now + 100))
    yield "exp as an ISO date", tokens.sign(uid, SECRET, exp="2100-01-01T00:00:00Z")
    yield "no jti, no iat", tokens.sign(uid, SECRET, jti=None, iat=None)
    yield "iat in the future", tokens.sign(uid, SECRET, iat=now + 1000)
    yield "nbf now", tokens.sign(uid, SECRET, nbf=now - 1)
    yield "further claims", tokens.sign(uid, SECRET, role="x", nested={"a": [1]})
    yield "header with typ", tokens.encode({"typ": "JWT", "alg": "HS256"}, tokens.claims(uid), SECRET)
    yield "uid with a fraction", tokens.sign(uid + 0.5, SECRET)


@pytest.mark.parametrize("name", [name for name, _ in good_token_variants(1)])
def test_auth_with_good_token(connect, uid, name):
    user = uid()
    client = connect()
    assert client.auth(dict(good_token_variants(user))[name])["from"] == str(user)


def test_padding_is_tolerated(connect, uid):
    signed, signature = tokens.sign(uid(), SECRET).rsplit(".", 1)
    connect().auth(signed + "." + signature + "=" * (-len(signature) % 4))


@pytest.mark.parametrize("length, good, bad", [
    (48, ("HS256", "HS384"), ("HS512",)), (64, ("HS256", "HS384", "HS512"), ()),
])
def test_algorithms_by_key_length(launch, connect, uid, length, good, bad):
    secret = "k" * length
    server = launch(secret=secret)
    for alg in good:
        connect(at=server).auth(tokens.sign(uid(), secret, alg=alg))
    for alg in bad:
        client = connect(at=server)
        client.send_json(type="AUTH", token=tokens.sign(uid(), secret, alg=alg))
        auth_fail(client, "invalid_token")


def test_issuer_is_configurable(launch, connect, uid):
    server = launch({"im.auth.issuer": "house"})
    connect(at=server).auth(server.token(uid(), iss="house"))
    client = connect(at=server)
    client.send_json(type="AUTH", token=server.token(uid()))
    auth_fail(client, "invalid_token")


def test_second_auth_answers_the_bound_user(server, connect, uid):
    user = uid()
    client = connect(user)
    for token in (server.token(uid()), "garbage", ""):
        client.send_json(type="AUTH", token=token)
        client.expect("AUTH_OK", from_=str(user))


def test_known_user_can_be_required(launch, connect, uid):
    server = launch({"im.auth.require-known-user": True})
    client = connect(at=server)
    client.send_json(type="AUTH", token=server.token(uid()))
    got = client.recv()
    assert got["type"] == "AUTH_FAIL", got
    login = server.api().login("known")
    connect(at=server).auth(login["accessToken"])


def test_token_of_a_login(server, connect):
    login = server.api().login("ws-login")
    client = connect()
    assert client.auth(login["accessToken"])["from"] == login["userId"]


def test_token_of_an_earlier_login(server, connect):
    old = server.api().login("twice")
    new = server.api().login("twice")
    client = connect()
    client.send_json(type="AUTH", token=old["accessToken"])
    auth_fail(client, "session_invalid")
    connect().auth(new["accessToken"])


def test_self_signed_token_of_a_user_who_logged_in(server, connect):
    login = server.api().login("has-a-version")
    client = connect()
    client.send_json(type="AUTH", token=server.token(int(login["userId"])))
    auth_fail(client, "session_invalid")


def test_refreshed_token(server, connect):
    login = server.api().login("refresher")
    fresh = server.api().post("/auth/refresh", {"refreshToken": login["refreshToken"]}).ok()
    connect().auth(fresh["accessToken"])


# ---- REAUTH


def test_reauth_extends_the_session(launch, connect, uid):
    """Of two users with tokens that end together the one who renewed his stays."""
    server = launch({"im.gateway.ws.expiry-grace-ms": 500})
    user, other = uid(), uid()
    client, witness = connect(at=server), connect(at=server)
    exp = int(time.time()) + LIFE_S
    client.auth(server.token(user, exp=exp))
    witness.auth(server.token(other, exp=exp))
    client.send_json(type="REAUTH", token=server.token(user), clientMsgId="c")
    assert set(client.expect("AUTH_OK", from_=str(user))) == {"type", "from", "ts"}
    witness.error_and_close("token_expired")
    client.send_json(type="PING")
    client.expect("PONG")
    client.expect_alive()


def test_reauth_after_expiry(server, connect, uid):
    """The expiry gate does not apply to REAUTH, as long as the connection is open."""
    user = uid()
    client = connect()
    token = server.token(user, ttl=LIFE_S)
    client.auth(token)
    wait_for_expiry(token)
    client.send_json(type="REAUTH", token=server.token(user))
    client.expect("AUTH_OK")
    client.send_json(type="PING")
    client.expect("PONG")


def wait_for_expiry(token):
    payload = token.split(".")[1]
    exp = json.loads(base64.urlsafe_b64decode(payload + "=="))["exp"]
    until(lambda: time.time() > exp + 0.05, "the token's end")


@pytest.mark.parametrize("token", ["", " "], ids=repr)
def test_reauth_without_token(connect, uid, token):
    client = connect(uid())
    client.send_json(type="REAUTH", token=token, clientMsgId="c")
    auth_fail(client, "missing_token")


def test_reauth_with_bad_token(server, connect, uid):
    user = uid()
    for token in ("garbage", server.token(user, ttl=-5), server.token(user, iss="x")):
        client = connect(user)
        client.send_json(type="REAUTH", token=token)
        auth_fail(client, "invalid_token")


def test_reauth_of_another_user(server, connect, uid):
    client = connect(uid())
    client.send_json(type="REAUTH", token=server.token(uid()), clientMsgId="c", serverMsgId="s")
    client.error_and_close("reauth_uid_mismatch", "c", "s")


def test_reauth_with_a_foreign_session_version(server, connect, uid):
    user = uid()
    client = connect(user)
    client.send_json(type="REAUTH", token=server.token(user, sv=5), clientMsgId="c", serverMsgId="s")
    client.error_and_close("session_invalid", "c", "s")


def test_reauth_after_a_new_login(server, connect):
    old = server.api().login("reauth")
    client = connect()
    client.auth(old["accessToken"])
    new = server.api().login("reauth")
    client.send_json(type="REAUTH", token=new["accessToken"])
    client.expect("AUTH_OK", from_=new["userId"])
    client.send_json(type="PING")
    client.expect("PONG")


# ---- PING, expiry and session version on live connections


def test_expired_ping(server, connect, uid):
    client = connect()
    token = server.token(uid(), ttl=LIFE_S)
    client.auth(token)
    wait_for_expiry(token)
    client.send_json(type="PING", clientMsgId="c")
    client.error_and_close("token_expired")


def test_expired_chat(server, connect, uid):
    client = connect()
    token = server.token(uid(), ttl=LIFE_S)
    client.auth(token)
    wait_for_expiry(token)
    client.send_json(type="SINGLE_CHAT", clientMsgId="c", serverMsgId="s", to="1", body="x")
    client.error_and_close("token_expired", "c", "s")


def test_expired_pong_and_auth_are_harmless(server, connect, uid):
    client = connect()
    token = server.token(uid(), ttl=LIFE_S)
    client.auth(token)
    wait_for_expiry(token)
    client.send_json(type="PONG")
    client.send_json(type="AUTH", token=token)
    client.expect("AUTH_OK")


def test_ping_after_a_new_login(server, connect):
    token = server.api().login("pinger")["accessToken"]
    client = connect()
    client.auth(token)
    server.api().login("pinger")
    client.send_json(type="PING")
    client.error_and_close("session_invalid")


def test_chat_after_a_new_login(server, connect):
    token = server.api().login("chatter")["accessToken"]
    client = connect()
    client.auth(token)
    server.api().login("chatter")
    client.send_json(type="SINGLE_CHAT", clientMsgId="c", to="1", body="x")
    client.error_and_close("session_invalid", "c")


def test_logout_ends_the_session(server, connect):
    login = server.api().login("leaver")
    client = connect()
    client.auth(login["accessToken"])
    server.api(login["accessToken"]).post("/auth/logout").ok()
    client.send_json(type="PING")
    client.error_and_close("session_invalid")


# ---- one live connection per user


def test_newcomer_kicks(connect, uid):
    user = uid()
    first = connect(user)
    second = connect(user)
    assert set(first.error("kicked")) == {"type", "ts", "reason"}
    first.expect_close(1000, "Bye")
    second.send_json(type="PING")
    second.expect("PONG")


def test_kicked_may_kick_back(connect, uid):
    user = uid()
    current = connect(user)
    for _ in range(5):
        newer = connect(user)
        current.error_and_close("kicked")
        current = newer


def test_messages_go_to_the_newest_connection(connect, uid):
    user, sender = uid(), connect(uid())
    old = connect(user)
    new = connect(user)
    sender.chat(user, "for the new one")
    new.expect("SINGLE_CHAT", body="for the new one")
    old.error_and_close("kicked")


def test_failed_auth_kicks_nobody(server, connect, uid):
    user = uid()
    live = connect(user)
    client = connect()
    client.send_json(type="AUTH", token=server.token(user, sv=3))
    auth_fail(client, "session_invalid")
    live.expect_alive()


def test_storm_of_one_user_leaves_one(server, connect, uid):
    """Thirty connections say AUTH at once: one stays, all others are told why they end."""
    user = uid()
    crowd = [connect() for _ in range(30)]
    token = server.token(user)
    for client in crowd:
        client.send_json(type="AUTH", token=token)
    for client in crowd:
        client.expect("AUTH_OK")
    survivor = connect(user)
    for client in crowd:
        client.error_and_close("kicked")
    survivor.expect_alive()
