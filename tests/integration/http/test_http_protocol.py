# SPDX-License-Identifier: Apache-2.0
"""H-1.3, H-2, H-4 and 5: pipeline, errors, CORS, tokens; H-2.3, 3, 37."""
import json
import re
import socket

import pytest

from support.http import Api
from support.im import bad_token_variants
from support.rawws import RawSocket
from support.server import SECRET
from support.wait import until

GETS = ["/user/basic", "/user/profile", "/me/profile", "/single-chat/conversation/cursor",
        "/single-chat/conversation/list", "/single-chat/message/cursor", "/single-chat/message/list",
        "/single-chat/message/since", "/single-chat/member/state"]
POSTS = ["/auth/login", "/auth/refresh", "/auth/verify"]


# ---- paths and methods


@pytest.mark.parametrize("path", ["/nope", "/auth", "/auth/", "/auth/nope", "/me/profile/", "/user", "//me/profile",
                                  "/ME/profile", "/single-chat/message/cursor/", "/me/profile%00", "/../etc/passwd"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_unknown_path(server, path, method):
    server.api().request(method, path).fail(404, 40400, "not_found")


@pytest.mark.parametrize("path", GETS)
def test_wrong_method_on_a_get(server, path):
    reply = server.api().post(path, {}).fail(405, 40000)
    assert "GET" in reply.headers["allow"]


@pytest.mark.parametrize("path", POSTS)
def test_wrong_method_on_a_post(server, path):
    reply = server.api().get(path).fail(405, 40000)
    assert "POST" in reply.headers["allow"]


@pytest.mark.parametrize("path", ["/me/profile", "/healthz", "/readyz", "/metrics"])
def test_head_is_get_without_body(server, uid, path):
    get = server.api_of(uid()).get(path)
    head = server.api_of(uid()).request("HEAD", path)
    assert head.status == get.status
    assert head.body == b""


@pytest.mark.parametrize("path", GETS + POSTS)
def test_plain_options(server, path):
    reply = server.api().request("OPTIONS", path)
    assert reply.status == 200 and reply.body == b""
    assert ("POST" if path in POSTS else "GET") in reply.headers["allow"]


def test_other_method(server):
    reply = server.api().request("PATCH", "/me/profile").fail(405, 40000, "method_not_allowed")
    assert reply.headers["allow"] == "GET,HEAD,OPTIONS"
    for method in ("PROPFIND", "QUERY", "BREW"):
        server.api().request(method, "/nope").fail(501, 40000, "method_not_implemented")
        assert server.api().request(method, "/auth/login").fail(405, 40000).headers["allow"] == "POST,OPTIONS"


# ---- what the transport refuses itself (RFC 9112)


def answers_to(server, data):
    connection = RawSocket(server.http)
    connection.send(data)
    return connection.drain()


ALLOWED = b"Origin: http://localhost:5173\r\n"
TOO_LONG = [
    (413, b"POST /auth/login HTTP/1.1\r\nHost: x\r\n" + ALLOWED + b"Content-Length: 9999999\r\n\r\n"),
    (414, b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: x\r\n" + ALLOWED + b"\r\n"),
    (431, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 9000 + b"\r\n" + ALLOWED + b"\r\n"),
    (431, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: x\r\n" * 100 + ALLOWED + b"\r\n"),
    (400, b"POST / HTTP/1.1\r\nHost: x\r\n" + ALLOWED + b"Content-Length: x\r\n\r\n"),
    (400, b"GET /healthz HTTP/1.1\r\n" + ALLOWED + b"\r\n"),
    (505, b"GET /healthz HTTP/3.0\r\nHost: x\r\n" + ALLOWED + b"\r\n"),
]


@pytest.mark.parametrize("status, request_text", TOO_LONG,
                         ids=["413", "414", "431-one", "431-many", "400", "400-host", "505"])
def test_a_page_may_read_why_it_was_refused(server, status, request_text):
    answer = answers_to(server, request_text)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    for header in (b"Access-Control-Allow-Origin: http://localhost:5173", b"Vary: Origin",
                   b"Access-Control-Allow-Credentials: true", b"Connection: close"):
        assert b"\r\n" + header + b"\r\n" in answer, answer
    strangers = answers_to(server, request_text.replace(b"localhost:5173", b"evil.example"))
    assert b"Access-Control-Allow" not in strangers and b"\r\nVary: Origin\r\n" in strangers


@pytest.mark.parametrize("status, request_text", TOO_LONG[1:4] + TOO_LONG[6:], ids=["414", "431-one", "431-many", "505"])
def test_the_origin_may_come_later_than_what_is_refused(server, raw, status, request_text):
    """In another packet than the mistake: the server has read that one before it is sent."""
    at = request_text.index(ALLOWED)
    connection = raw(server.http)
    before = server.metric("minim_received_bytes_total")
    connection.send(request_text[:at])
    until(lambda: server.metric("minim_received_bytes_total") - before >= at, "the first part to be read")
    connection.send(request_text[at:])
    answer = connection.drain()
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert b"\r\nAccess-Control-Allow-Origin: http://localhost:5173\r\n" in answer


@pytest.mark.parametrize("end", [True, False], ids=["half-closed", "silent"])
def test_who_never_ends_a_head_that_is_too_long_is_told(server, raw, end):
    connection = raw(server.http)
    connection.send(b"GET /" + b"x" * 5000)
    if end:
        connection.sock.shutdown(socket.SHUT_WR)
    assert connection.drain().startswith(b"HTTP/1.1 414 ")


def test_a_page_may_read_that_it_was_too_slow(launch):
    server = launch({"im.gateway.ws.handshake-timeout-ms": 300})
    answer = answers_to(server, b"POST /auth/login HTTP/1.1\r\nHost: x\r\n" + ALLOWED + b"Content-Length: 5\r\n\r\nx")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"\r\nAccess-Control-Allow-Origin: http://localhost:5173\r\n" in answer


NEXT = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST /auth/verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("request_text", [
    CHUNKED + b'13\r\n{"accessToken":"x"}XX0\r\n\r\n' + NEXT,
    CHUNKED + b"2;\nxx\r\n45\r\n0\r\n\r\n" + NEXT,
    CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n" + NEXT,
    b"GET /healthz HTTP/1.1\r\n\r\n" + NEXT,
    b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + NEXT,
    b"GET /healthz\r\n" + NEXT,
    b"GET /healthz HTTP/1.1\nHost: x\n\n" + NEXT,
    b"POST /auth/verify HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT,
], ids=["chunk-end", "extension", "trailer", "no-host", "two-hosts", "0.9", "lf", "1.0-chunked"])
def test_one_refusal_and_the_end(server, request_text):
    answer = answers_to(server, request_text)
    assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1 ") == 1, answer


def test_front_page(server):
    reply = server.api().get("/")
    assert reply.status == 200 and reply.headers["content-type"].startswith("text/html")
    for link in re.findall(r'href="([^"]+)"', reply.text):
        assert server.api().get(link).status == 200, link


# ---- bodies


@pytest.mark.parametrize("body", [
    "{", "[]", "null", "1", '"x"', "", "{\"username\":}", "{'username':'a'}", '{"username":["a"],"password":"b"}',
    '{"username":{},"password":"b"}', "\xff\xfe",
], ids=lambda b: b or "empty")
def test_bad_body(server, body):
    server.api().request("POST", "/auth/login", body.encode("latin-1"),
                         {"Content-Type": "application/json"}).fail(400, 40000)


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_wrong_content_type(server, kind):
    headers = {} if kind is None else {"Content-Type": kind}
    server.api().request("POST", "/auth/verify", b'{"accessToken":"x"}', headers).fail(415, 40000)


@pytest.mark.parametrize("kind", ["application/json", "application/json;charset=UTF-8", "application/json; charset=utf-8",
                                  "APPLICATION/JSON", "application/vnd.x+json"])
def test_json_content_types(server, kind):
    reply = server.api().request("POST", "/auth/verify", b'{"accessToken":"x"}', {"Content-Type": kind})
    reply.fail(401, 40100)


def test_unknown_fields_and_duplicates(server):
    reply = server.api().request(
        "POST", "/auth/verify", b'{"accessToken":"","accessToken":"x","more":[{}]} trailing',
        {"Content-Type": "application/json"})
    reply.fail(401, 40100)


@pytest.mark.parametrize("field", ["username", "password"])
@pytest.mark.parametrize("text", ["a\\u0000b", "\\u0000", "\\ud800", "a\\udfff"])
def test_text_that_is_none(server, field, text):
    """Well-formed JSON (RFC 8259), but no name and no password."""
    other = "password" if field == "username" else "username"
    server.api().request("POST", "/auth/login", f'{{"{field}":"{text}","{other}":"x"}}',
                         {"Content-Type": "application/json"}).fail(400, 40000, "bad_request")


@pytest.mark.parametrize("more", ['"x":"\\u0000"', '"x":1e999', '"x":99999999999999999999', '"x":"\\udead"',
                                  '"x":' + "[" * 5000 + "]" * 5000, '"x\\u0000":1'])
def test_whatever_json_allows_is_json(server, more):
    body = f"\ufeff{{{more},\"refreshToken\":\"x\"}}"
    server.api().request("POST", "/auth/refresh", body, {"Content-Type": "application/json"}).fail(
        400, 40000, "invalid_refresh_token")


def test_envelope_begins_with_ok(server):
    reply = server.api().get("/nope")
    assert reply.text.startswith('{"ok":false,"code":40400,"message":"not_found","ts":')
    assert ": " not in reply.text
    assert reply.headers["content-type"].startswith("application/json")


# ---- tokens


@pytest.mark.parametrize("path", GETS)
def test_no_token_is_unauthorized_with_200(server, path):
    """Also without required parameters: who is asking comes first (H-1.3)."""
    server.api().get(path).fail(200, 40100, "unauthorized")


@pytest.mark.parametrize("header", ["bearer TOKEN", "Basic TOKEN", "BearerTOKEN", "TOKEN", "Token TOKEN"])
def test_other_schemes_count_as_no_token(server, uid, header):
    value = header.replace("TOKEN", server.token(uid()))
    server.api().get("/me/profile", {"Authorization": value}).fail(200, 40100, "unauthorized")


@pytest.mark.parametrize("name", [name for name, _ in bad_token_variants(1, SECRET)
                                  if name not in ("leading blank", "trailing blank", "oversized")])
def test_bad_token(server, uid, name):
    token = dict(bad_token_variants(uid(), SECRET))[name]
    server.api(token).get("/me/profile").fail(401, 40100, "unauthorized")


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer   \t"])
def test_an_empty_token_is_none(server, value):
    """H-4.3: whatever token comes with it."""
    server.api().get("/me/profile", {"Authorization": value}).fail(200, 40100, "unauthorized")


def test_blanks_around_the_token_are_trimmed(server, uid):
    value = f"Bearer   {server.token(uid())}  "
    server.api().get("/single-chat/conversation/cursor", {"Authorization": value}).ok()


def test_bad_token_on_an_unknown_path(server):
    server.api("nonsense").get("/nope").fail(401, 40100, "unauthorized")


def test_token_of_an_earlier_login(server):
    old = server.api().login("http-old")
    server.api().login("http-old")
    server.api(old["accessToken"]).get("/me/profile").fail(401, 40100, "session_invalid")


def test_auth_endpoints_ignore_the_header(server):
    server.api("nonsense").post("/auth/verify", {"accessToken": "x"}).fail(401, 40100)
    server.api("nonsense").post("/auth/refresh", {"refreshToken": "x"}).fail(400, 40000, "invalid_refresh_token")


# ---- CORS

GOOD_ORIGINS = ["http://localhost:5173", "http://127.0.0.1:8081", "null"]
BAD_ORIGINS = ["http://example.com", "http://localhost.evil.example:80", "http://evil/http://localhost:1"]


@pytest.mark.parametrize("origin", GOOD_ORIGINS)
@pytest.mark.parametrize("path", ["/auth/login", "/me/profile", "/does/not/exist"])
def test_preflight(server, origin, path):
    reply = server.api().request("OPTIONS", path, headers={
        "Origin": origin, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,authorization"})
    assert reply.status == 200 and reply.body == b""
    assert reply.headers["access-control-allow-origin"] == origin
    assert reply.headers["access-control-allow-credentials"] == "true"
    assert set(reply.headers["access-control-allow-methods"].replace(" ", "").split(",")) >= {"GET", "POST"}
    assert {h.strip().lower() for h in reply.headers["access-control-allow-headers"].split(",")} == {
        "content-type", "authorization"}
    assert reply.headers["access-control-max-age"] == "3600"


def test_preflight_without_requested_headers(server):
    reply = server.api().request("OPTIONS", "/me/profile", headers={
        "Origin": GOOD_ORIGINS[0], "Access-Control-Request-Method": "GET"})
    assert reply.status == 200 and "access-control-allow-headers" not in reply.headers


@pytest.mark.parametrize("origin", GOOD_ORIGINS)
def test_allowed_origin(server, origin):
    reply = server.api().get("/me/profile", {"Origin": origin})
    assert reply.headers["access-control-allow-origin"] == origin
    assert reply.headers["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize("origin", BAD_ORIGINS)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_rejected_origin(server, origin, method):
    headers = {"Origin": origin}
    if method == "OPTIONS":
        headers["Access-Control-Request-Method"] = "GET"
    reply = server.api().request(method, "/me/profile", headers=headers)
    assert (reply.status, reply.text) == (403, "Invalid CORS request")
    assert "access-control-allow-origin" not in reply.headers


def test_rejected_preflight_method(server):
    reply = server.api().request("OPTIONS", "/me/profile", headers={
        "Origin": GOOD_ORIGINS[0], "Access-Control-Request-Method": "TRACE"})
    assert (reply.status, reply.text) == (403, "Invalid CORS request")


def test_own_origin_is_no_cross_origin(server):
    host, port = server.http
    reply = server.api().get("/me/profile", {"Origin": f"http://{host}:{port}"})
    reply.fail(200, 40100)


def test_vary_on_every_response(server):
    for reply in (server.api().get("/nope"), server.api().get("/me/profile"),
                  server.api().get("/me/profile", {"Origin": "http://example.com"})):
        vary = ",".join(value for name, value in reply.all_headers if name == "vary").lower()
        for name in ("origin", "access-control-request-method", "access-control-request-headers"):
            assert name in vary


def test_origins_are_configurable(launch):
    server = launch({"minim.http.cors-origins": "https://chat.example,https://*.house.example"})
    for origin, status in [("https://chat.example", 200), ("https://a.house.example", 200),
                           ("http://localhost:5173", 403), ("https://chat.example.evil", 403)]:
        assert server.api().get("/me/profile", {"Origin": origin}).status == status


# ---- connections


def request_bytes(path, extra=""):
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{extra}\r\n".encode()


def test_keep_alive_and_pipelining(server):
    connection = RawSocket(server.http)
    connection.send(request_bytes("/healthz") + request_bytes("/nope") + request_bytes("/me/profile"))
    statuses = [connection.read_response() for _ in range(3)]
    assert [r.status for r in statuses] == [200, 404, 200]
    assert json.loads(statuses[2].body)["code"] == 40100
    connection.close()


def test_answers_of_workers_and_loops_keep_their_order(server, uid):
    """A slow answer is not overtaken by a quick one on the same connection."""
    token = server.token(uid())
    connection = RawSocket(server.http)
    slow = request_bytes("/single-chat/conversation/cursor", f"Authorization: Bearer {token}\r\n")
    connection.send((slow + request_bytes("/nope")) * 20)
    assert [connection.read_response().status for _ in range(40)] == [200, 404] * 20
    connection.close()


@pytest.mark.parametrize("text", ["GET /healthz HTTP/1.0\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"])
def test_connection_is_closed_when_asked(server, text):
    connection = RawSocket(server.http)
    connection.send(text.encode())
    assert connection.read_response().status == 200
    connection.expect_eof()
    connection.close()


def test_h2c_upgrade_is_ignored(server):
    """The JDK's HTTP client offers it on every first request."""
    connection = RawSocket(server.http)
    connection.send(request_bytes("/healthz", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                                              "HTTP2-Settings: AAMAAABkAAQAAAAAAAIAAAAA\r\n"))
    assert connection.read_response().status == 200
    connection.send(request_bytes("/healthz"))
    assert connection.read_response().status == 200
    connection.close()


def test_chunked_request_body(server):
    connection = RawSocket(server.http)
    connection.send(b"POST /auth/verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n10\r\n{\"accessToken\":\"\r\n3\r\nx\"}\r\n0\r\n\r\n")
    assert connection.read_response().status == 401
    connection.close()


def test_expect_continue(server):
    connection = RawSocket(server.http)
    connection.send(b"POST /auth/verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    b"Content-Length: 19\r\nExpect: 100-continue\r\n\r\n" + b'{"accessToken":"x"}')
    response = connection.read_response()
    if response.status == 100:
        response = connection.read_response()
    assert response.status == 401
    connection.close()


def test_api_on_the_websocket_port_too(server):

    assert Api(server.ws).get("/healthz").status == 200
    Api(server.ws).get("/me/profile").fail(200, 40100)
