# SPDX-License-Identifier: Apache-2.0
"""W-1.2: the HTTP upgrade, row by row, on both ports."""
import pytest

from support.rawws import TEXT, accept_of, frame, upgrade_request
from support.wait import Deadline

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def upgraded(connection, request, key=KEY):
    """Sends the request and expects the 101 with its three headers and nothing else."""
    connection.send(request)
    response = connection.read_response()
    assert response.status == 101, response
    assert set(response.headers) == {"upgrade", "connection", "sec-websocket-accept"}
    assert response.headers["upgrade"][0].lower() == "websocket"
    assert response.headers["connection"][0].lower() == "upgrade"
    assert response.headers["sec-websocket-accept"] == [accept_of(key)]
    return response


@pytest.mark.parametrize("path", ["/ws", "/ws/", "/ws/anything", "/ws/a/b?c=d", "/ws?x=y", "/ws?"])
@pytest.mark.parametrize("port", ["ws", "http"])
def test_path_is_accepted_on_both_ports(server, raw, path, port):
    upgraded(raw(getattr(server, port)), upgrade_request(path))


@pytest.mark.parametrize("path", ["/wsx", "/WS", "/w", "/api/ws", "//ws"])
def test_other_path_is_not_found(raw, path):
    connection = raw()
    connection.send(upgrade_request(path))
    assert connection.read_response().status == 404


@pytest.mark.parametrize("headers", [
    {"Sec_WebSocket_Protocol": "chat, superchat"},
    {"Sec_WebSocket_Extensions": "permessage-deflate; client_max_window_bits"},
    {"Sec_WebSocket_Extensions": "x-unknown"},
    {"Connection": "keep-alive, upgrade"},
    {"Connection": "Upgrade,foo"},
    {"Upgrade": "WebSocket"},
    {"Upgrade": "WEBSOCKET"},
    {"Sec_WebSocket_Version": "7"},
    {"Sec_WebSocket_Version": "8"},
    {"Origin": "http://evil.example"},
    {"Authorization": "Bearer nonsense"},
    {"Cookie": "a=b"},
], ids=lambda h: "-".join(f"{k}={v}" for k, v in h.items()))
def test_upgrade_with_header(raw, headers):
    upgraded(raw(), upgrade_request(**headers))


@pytest.mark.parametrize("key", ["short", "not base64 at all!", "x" * 200])
def test_malformed_key_is_accepted(raw, key):
    upgraded(raw(), upgrade_request(key=key), key)


def test_http_1_0_is_accepted(raw):
    upgraded(raw(), upgrade_request(http="HTTP/1.0"))


def test_missing_host_is_accepted(raw):
    upgraded(raw(), upgrade_request(drop=("host",)))


@pytest.mark.parametrize("version", ["0", "6", "9", "12", "14", "99", "x"])
def test_other_version_gets_426_and_may_try_again(raw, version):
    connection = raw()
    connection.send(upgrade_request(Sec_WebSocket_Version=version))
    response = connection.read_response()
    assert response.status == 426
    assert response.headers["sec-websocket-version"] == ["13"]
    assert response.headers["content-length"] == ["0"]
    upgraded(connection, upgrade_request())


@pytest.mark.parametrize("request_text, body", [
    (upgrade_request(method="POST", Content_Length="0"), "Invalid WebSocket handshake method: POST"),
    (upgrade_request(drop=("connection",)),
     "not a WebSocket request: a |Connection| header must includes a token 'Upgrade'"),
    (upgrade_request(Connection="keep-alive"),
     "not a WebSocket request: a |Connection| header must includes a token 'Upgrade'"),
    (upgrade_request(drop=("upgrade",)),
     "not a WebSocket request: a |Upgrade| header must containing the value 'websocket'"),
    (upgrade_request(Upgrade="h2c"),
     "not a WebSocket request: a |Upgrade| header must containing the value 'websocket'"),
    (upgrade_request(drop=("sec-websocket-key",)), "not a WebSocket request: missing key"),
    (upgrade_request(drop=("sec-websocket-version",)),
     "not a WebSocket handshake request: missing upgrade"),
], ids=["method", "no-connection", "connection-without-token", "no-upgrade", "other-upgrade", "no-key",
        "no-version"])
def test_incomplete_upgrade_gets_400_and_the_end(raw, request_text, body):
    connection = raw()
    connection.send(request_text)
    response = connection.read_response()
    assert response.status == 400
    assert response.headers.get("content-type", ["text/plain"])[0].startswith("text/plain")
    assert response.body.decode() == body
    connection.expect_eof()


def test_token_in_query_or_header_has_no_effect(server, connect, uid):
    user = uid()
    token = server.token(user)
    client = connect(path=f"/ws?token={token}", Authorization=f"Bearer {token}")
    client.send_json(type="SINGLE_CHAT", clientMsgId="a", to="1", body="x")
    client.error_and_close("unauthorized", "a")


def test_frames_in_the_same_packet_as_the_upgrade(server, raw, uid):
    connection = raw()
    user = uid()
    auth = frame(TEXT, '{"type":"AUTH","token":"%s"}' % server.token(user))
    connection.send(upgrade_request() + auth)
    assert connection.read_response().status == 101
    assert connection.take(2, Deadline())[0] == 0x81
    assert connection.take(17, Deadline()) == b'{"type":"AUTH_OK"'


def test_upgrade_split_at_every_byte(raw):
    request = upgrade_request()
    connection = raw()
    for i in range(len(request)):
        connection.send(request[i:i + 1])
    assert connection.read_response().status == 101


def test_websocket_after_http_requests_on_one_connection(server, raw):
    connection = raw(server.http)
    connection.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.read_response().status == 200
    upgraded(connection, upgrade_request())


@pytest.mark.parametrize("line", [
    b"GARBAGE\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /ws\r\n\r\n",
    b"GET /ws HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,
    b"GET /ws HTTP/1.1\r\nHo\0st: x\r\n\r\n",
    b"GET /ws HTTP/1.1\r\n: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
], ids=["garbage", "method-only", "no-version", "http-9.9", "tls-hello", "nul-in-name", "no-name", "http2-preface"])
def test_unparsable_request_is_refused_and_closed(raw, line):
    connection = raw()
    connection.send(line)
    answer = connection.drain()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4") or answer.startswith(b"HTTP/1.1 505"), answer


def limit_cases():
    yield "request line", b"GET /ws?" + b"x" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", (400, 414)
    yield "one header", b"GET /ws HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 9000 + b"\r\n\r\n", (400, 431)
    yield ("many headers", b"GET /ws HTTP/1.1\r\n" + b"".join(b"H%d: 1\r\n" % i for i in range(2000)) + b"\r\n",
           (400, 431))
    yield ("body", b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
           b"Content-Length: 70000\r\n\r\n", (400, 413))
    yield ("chunked body", b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
           b"Transfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n" + b"x" * 0xffff + b"\r\n" + b"ffff\r\n" + b"x" * 0xffff
           + b"\r\n0\r\n\r\n", (400, 413))
    yield ("absurd length", b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
           (400, 413))
    yield ("negative length", b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", (400,))
    yield ("length and chunks", b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
           b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,))


@pytest.mark.parametrize("request_text, statuses", [case[1:] for case in limit_cases()],
                         ids=[case[0] for case in limit_cases()])
def test_http_limits(raw, server, request_text, statuses):
    connection = raw(server.http)
    try:
        connection.send(request_text)
    except ConnectionError:
        pass  # it may have answered and closed before everything was sent
    response = connection.read_response()
    assert response.status in statuses
    connection.drain()


def test_longest_allowed_request_line_and_headers(raw):
    connection = raw()
    line = b"GET /ws?" + b"x" * (4096 - len(b"GET /ws? HTTP/1.1")) + b" HTTP/1.1\r\n"
    rest = upgrade_request().split(b"\r\n", 1)[1]
    connection.send(line + b"A: " + b"y" * 7500 + b"\r\n" + rest)
    assert connection.read_response().status == 101
