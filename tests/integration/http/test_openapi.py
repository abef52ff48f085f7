# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.yaml against the server: every operation called, every answer valid, every documented status provoked."""
import http.client
import json

import jsonschema
import pytest
import yaml

from support.http import Reply
from support.server import ROOT
from support.wait import TIMEOUT, until

DOCUMENT = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text("utf-8"))
OPERATIONS = [(method, path) for path, item in DOCUMENT["paths"].items() for method in item]
JSON = "application/json"

# What is any text at first, and then refused with HTTP 200.
TEXT_PARAMETERS = ("ids", "groupCode", "status", "box")
TEXTS = ("name", "groupCode", "message", "action", "toFriendCode")


def is_text(path, name):
    return name in TEXTS or (path.startswith("/dnd/") and name != "muted")


def operation_of(method, path):
    return DOCUMENT["paths"][path][method]


def resolve(node):
    while "$ref" in node:
        target = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def check(schema, value):
    """The schema is looked at where it stands, so that its references find the document's components."""
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": DOCUMENT["components"], **schema}
    jsonschema.Draft202012Validator(whole).validate(value)


class Walker:
    """Calls operations, validates each answer, and remembers which statuses came."""

    def __init__(self):
        self.seen = {key: set() for key in OPERATIONS}

    def call(self, api, method, path, body=None, headers=None, query=None, status=None, sent_as=None):
        reply = api.request(sent_as or method.upper(), path, body, headers, query)
        return self.take(reply, method, path, status)

    def take(self, reply, method, path, status=None):
        assert status is None or reply.status == status, reply
        responses = operation_of(method, path)["responses"]
        assert str(reply.status) in responses, f"{method} {path}: {reply} is not documented"
        response = resolve(responses[str(reply.status)])
        for name, header in response.get("headers", {}).items():
            header = resolve(header)
            value = reply.headers.get(name.lower())
            if value is not None:
                check(header["schema"], value)
            assert value is not None or not header.get("required") and reply.status not in (429,), (name, reply)
        if "content" not in response:
            assert reply.body == b"" and "content-length" not in reply.headers, reply
            self.seen[method, path].add(str(reply.status))
            return None
        kind = reply.headers["content-type"].split(";")[0]
        assert kind in response["content"], reply
        value = json.loads(reply.body) if kind == JSON else reply.text
        check(response["content"][kind]["schema"], value)
        self.seen[method, path].add(str(reply.status))
        return value


@pytest.fixture(scope="module")
def walker():
    return Walker()


def good_query(method, path, peer, post=1):
    """Each parameter with its example, or a value of its kind."""
    values = {"peerUserId": peer, "userId": peer, "ids": peer, "lastId": 1, "lastSeq": 1000, "sinceSeq": 0, "postId": post}
    query = {}
    for parameter in map(resolve, operation_of(method, path).get("parameters", [])):
        query[parameter["name"]] = values.get(parameter["name"],
                                              parameter.get("example", parameter["schema"].get("default")))
    return query


def good_body(method, path, session):
    example = operation_of(method, path).get("requestBody", {}).get("content", {}).get(JSON, {}).get("example")
    if example is None:
        return None
    return {name: session.get(name, value) for name, value in example.items()}


def test_the_document_is_whole():
    """Examples fit their schemas; nothing stands there that nobody refers to."""
    text = json.dumps(DOCUMENT)
    for kind, parts in DOCUMENT["components"].items():
        for name in parts:
            assert kind == "securitySchemes" or f"#/components/{kind}/{name}\"" in text, (kind, name)
    for method, path in OPERATIONS:
        operation = operation_of(method, path)
        for content in operation.get("requestBody", {}).get("content", {}).values():
            check(content["schema"], content["example"])
        for parameter in map(resolve, operation.get("parameters", [])):
            if "example" in parameter:
                check(parameter["schema"], parameter["example"])
        for response in map(resolve, operation["responses"].values()):
            for content in response.get("content", {}).values():
                examples = [e["value"] for e in content.get("examples", {}).values()]
                for example in examples + ([content["example"]] if "example" in content else []):
                    check(content["schema"], example)


def test_schemas_refuse_what_they_should():
    """A validator that finds everything right would make the rest of this file worthless."""
    done = {"$ref": "#/components/schemas/UserBasicDone"}
    user = {"id": "1", "username": "a", "nickname": None}
    good = {"ok": True, "code": 0, "message": "ok", "data": [user], "ts": 1}
    check(done, good)
    for bad in ({**good, "more": 1}, {**good, "ok": False}, {**good, "data": [{**user, "id": 1}]},
                {**good, "data": [{**user, "more": 1}]}, {**good, "data": [{"id": "1", "username": "a"}]},
                {name: value for name, value in good.items() if name != "data"}):
        with pytest.raises(jsonschema.ValidationError):
            check(done, bad)


def add_moments(server, session):
    """A post and a comment of the user's own; their ids go into his session, for bodies and queries."""
    api = server.api(session["accessToken"])
    session["postId"] = api.post("/moment/post/create", {"content": "hello"}).ok()["postId"]
    session["commentId"] = api.post("/moment/comment/create",
                                    {"postId": session["postId"], "content": "hello"}).ok()["commentId"]


def ask(server, session):
    """A request of somebody else to be this user's friend."""
    code = server.api(session["accessToken"]).get("/me/profile").ok()["friendCode"]
    api = server.api(server.api().login("erin")["accessToken"])
    return api.post("/friend/request/by-code", {"toFriendCode": code, "message": "hi"}).ok()["requestId"]


@pytest.fixture(scope="module")
def people(launch_module):
    """Two who wrote to each other, on a server without call limits."""
    from support.im import Client
    server = launch_module({"im.ratelimit.enabled": False, "minim.http.max-body": "1KiB",
                            "im.code.reset-cooldown-seconds": 1})
    sessions = [server.api().login(name) for name in ("alice", "bob")]
    alice = Client(server, token=None)
    alice.uid = int(sessions[0]["userId"])
    alice.auth(sessions[0]["accessToken"])
    alice.chat(int(sessions[1]["userId"]), "hello", "c1")
    alice.close()
    add_moments(server, sessions[0])
    sessions[0].update(toFriendCode="NOBODY", peerUserId=sessions[1]["userId"], requestId=ask(server, sessions[0]))
    return server, sessions


@pytest.mark.parametrize("method, path", OPERATIONS)
def test_success(people, walker, method, path):
    server, (alice, bob) = people
    if path == "/auth/login":
        body = {"username": "carol", "password": "secret"}
    elif path == "/auth/logout":
        alice = server.api().login("dave")
        body = None
    else:
        body = good_body(method, path, alice)
    api = server.api(alice["accessToken"])
    query = good_query(method, path, bob["userId"], alice.get("postId"))
    if path == "/moment/user/cursor":
        query["userId"] = alice["userId"]
    walker.call(api, method, path, body, query=query, status=200)
    if path in ("/moment/post/delete", "/moment/comment/delete"):
        add_moments(server, alice)
    if path == "/me/friend-code/reset":
        until(lambda: walker.call(api, method, path, status=200)["code"] == 0, "the end of the cooldown")
    for name in query:  # optional parameters may be empty, or not be there
        if not next(p for p in map(resolve, operation_of(method, path)["parameters"]) if p["name"] == name)["required"]:
            walker.call(api, method, path, query={**query, name: ""}, status=200)
            walker.call(api, method, path, query={k: v for k, v in query.items() if k != name}, status=200)


@pytest.mark.parametrize("method, path", OPERATIONS)
def test_what_the_pipeline_refuses(people, walker, method, path):
    server, (alice, bob) = people
    query = good_query(method, path, bob["userId"])
    body = good_body(method, path, alice)
    operation = operation_of(method, path)
    anonymous, api = server.api(), server.api(alice["accessToken"])
    user = operation["security"] != []
    walker.call(api, method, path, body, query=query, headers={"Origin": "http://evil.example"}, status=403)
    walker.call(api, method, path, query=query, sent_as="PATCH", status=405)
    walker.call(api, method, path, query=query, sent_as="BREW", status=405)
    walker.call(api, method, path, body, query=query, headers={"X-Long": "x" * 70000}, status=431)
    if user:
        assert walker.call(anonymous, method, path, query=query, status=200)["code"] == 40100
        walker.call(server.api("nonsense"), method, path, query=query, status=401)
    if body:
        walker.call(api, method, path, "{", {"Content-Type": JSON}, status=400)
        for name in body:
            walker.call(api, method, path, {**body, name: {}}, status=400)
            walker.call(api, method, path, {**body, name: "\u3000"}, status=200 if is_text(path, name) else 400)
            walker.call(api, method, path, {**body, name: "a\0"}, status=400)
        walker.call(api, method, path, "{}", {"Content-Type": "text/plain"}, status=415)
    for parameter in map(resolve, operation.get("parameters", [])):
        name = parameter["name"]
        if parameter["required"]:
            walker.call(api, method, path, query={k: v for k, v in query.items() if k != name}, status=400)
        if name not in TEXT_PARAMETERS:
            for bad in ("x", "9223372036854775808", "\u0665", "1e3"):
                walker.call(api, method, path, query={**query, name: bad}, status=400)


@pytest.mark.parametrize("method, path", OPERATIONS)
def test_what_the_framing_refuses(people, walker, method, path):
    server, (alice, _) = people
    long = "x" * 70000
    if "414" in operation_of(method, path)["responses"]:
        walker.take(server.api().request(method.upper(), f"{path}?ids={long}"), method, path, 414)
    if "413" in operation_of(method, path)["responses"]:
        walker.call(server.api(alice["accessToken"]), method, path, long, {"Content-Type": JSON}, status=413)
    connection = http.client.HTTPConnection(*server.http, timeout=TIMEOUT)  # two lengths: no HTTP
    connection.putrequest(method.upper(), path)
    for _ in range(2):
        connection.putheader("Content-Length", "1" if method == "post" else "x")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    walker.take(Reply(connection.getresponse()), method, path, 400)
    connection.close()


def test_refusals_with_200(people, walker):
    server, (alice, bob) = people
    api = server.api(alice["accessToken"])
    for method, path in OPERATIONS:
        names = [resolve(p)["name"] for p in operation_of(method, path).get("parameters", [])]
        query = good_query(method, path, bob["userId"])
        if "peerUserId" in names:
            for peer in (0, -1, alice["userId"]):
                assert walker.call(api, method, path, query={**query, "peerUserId": peer}, status=200)["code"] == 40000
            walker.call(api, method, path, query={**query, "peerUserId": 12345}, status=200)  # they never wrote
        if "lastUpdatedAt" in names:
            assert walker.call(api, method, path, query={"lastId": 1}, status=200)["code"] == 40000
    assert walker.call(api, "get", "/user/basic", query={"ids": "x"}, status=200)["message"] == "bad_ids"
    assert walker.call(api, "get", "/user/profile", query={"userId": 0}, status=200)["code"] == 40000
    assert walker.call(api, "get", "/user/profile", query={"userId": 12345}, status=200)["code"] == 40400
    for path in ("/moment/post/delete", "/moment/like/toggle", "/moment/comment/create", "/moment/comment/delete"):
        for number, code in ((0, 40000), (12345, 40400)):
            body = {"postId": number, "commentId": number, "content": "x"}
            assert walker.call(api, "post", path, body, status=200)["code"] == code
    stranger = server.api(bob["accessToken"])
    assert walker.call(stranger, "get", "/moment/comment/cursor", query={"postId": alice["postId"]},
                       status=200)["code"] == 40300
    assert walker.call(stranger, "get", "/moment/user/cursor", query={"userId": alice["userId"]},
                       status=200)["code"] == 40300
    for body, code in (({"toFriendCode": ""}, 40000), ({"toFriendCode": "NOBODY"}, 40400),
                       ({"toFriendCode": "NOBODY", "message": "x" * 257}, 40000)):
        assert walker.call(api, "post", "/friend/request/by-code", body, status=200)["code"] == code
    for request, action, code in ((0, "accept", 40000), (1, "x", 40000), (1, "accept", 40400)):
        assert walker.call(api, "post", "/friend/request/decide", {"requestId": request, "action": action},
                           status=200)["code"] == code
    assert walker.call(stranger, "post", "/friend/request/decide", {"requestId": alice["requestId"], "action": "accept"},
                       status=200)["code"] == 40300
    for peer, code in (("", 40000), ("x", 40000), (alice["userId"], 40000), (12345, 40400)):
        assert walker.call(api, "post", "/dnd/dm/set", {"peerUserId": peer, "muted": True}, status=200)["code"] == code
    for group, code in (("", 40000), ("x", 40000), (12345, 40300)):
        assert walker.call(api, "post", "/dnd/group/set", {"groupId": group, "muted": True}, status=200)["code"] == code
    nobody = server.api_of(987654321)
    assert walker.call(nobody, "get", "/me/profile", status=200)["code"] == 40400
    assert walker.call(nobody, "post", "/me/friend-code/reset", status=200)["code"] == 40400
    walker.call(api, "post", "/auth/login", {"username": "alice", "password": "wrong"}, status=400)
    walker.call(api, "post", "/auth/login", {"username": "x" * 65, "password": "x"}, status=400)
    walker.call(api, "post", "/auth/login", {"username": "new", "password": "x" * 73}, status=400)
    walker.call(api, "post", "/auth/refresh", {"refreshToken": "nobody's"}, status=400)
    walker.call(api, "post", "/auth/verify", {"accessToken": "bad"}, status=401)


def test_groups(people, walker):
    """A group from its beginning to its end: each operation done, and refused."""
    server, (alice, bob) = people
    owner, other = (server.api(session["accessToken"]) for session in (alice, bob))

    def call(api, method, path, code=0, **more):
        got = walker.call(api, method, path, *([more] if method == "post" else []),
                          **({"query": more} if method == "get" else {}), status=200)
        assert got["code"] == code, (path, got)
        return got.get("data")

    group = call(owner, "post", "/group/create", name="Team", memberUserIds=None)["groupId"]
    profile = call(other, "get", "/group/profile/by-id", groupId=group)
    request = call(other, "post", "/group/join/request", groupCode=profile["groupCode"], message="hi")["requestId"]
    call(owner, "get", "/group/join/requests", groupId=group)
    call(other, "get", "/group/join/requests", 40300, groupId=group)
    call(other, "get", "/group/member/list", 40300, groupId=group)
    call(other, "post", "/group/join/decide", 40300, requestId=request, action="accept")
    call(owner, "post", "/group/join/decide", requestId=request, action="accept")
    call(owner, "post", "/group/join/decide", 40000, requestId=request, action="accept")
    call(other, "get", "/group/basic", ids=group)
    call(other, "get", "/group/member/list", groupId=group)
    call(other, "get", "/group/profile/by-code", groupCode=profile["groupCode"])
    member = {"groupId": group, "userId": bob["userId"]}
    call(owner, "post", "/group/member/set-admin", admin=True, **member)
    call(owner, "post", "/group/member/mute", durationSeconds=-1, **member)
    call(owner, "get", "/group/member/list", groupId=group)
    until(lambda: walker.call(owner, "post", "/group/code/reset", {"groupId": group}, status=200)["code"] == 0,
          "the end of the cooldown")
    call(owner, "post", "/group/code/reset", 42900, groupId=group)
    call(owner, "post", "/group/owner/transfer", groupId=group, newOwnerUserId=bob["userId"])
    call(other, "post", "/group/leave", 40000, groupId=group)
    call(other, "post", "/group/member/kick", groupId=group, userId=alice["userId"])
    call(other, "post", "/group/leave", groupId=group)
    call(other, "get", "/group/profile/by-id", 40400, groupId=group)


def test_limits(launch, walker):
    server = launch({"minim.http.reads-per-user": 1, "minim.http.reads-per-address": 1})
    for method, path in OPERATIONS:
        if "429" not in operation_of(method, path)["responses"]:
            continue
        body = good_body(method, path, {})
        for _ in range(700):
            reply = server.api_of(1).request(method.upper(), path, body, query=good_query(method, path, 5))
            walker.take(reply, method, path)
            if reply.status == 429:
                break
        assert "429" in walker.seen[method, path], path


def test_what_a_client_has_is_not_sent_again(launch, walker):
    api = launch().api()
    etag = api.request("GET", "/openapi.yaml").headers["etag"]
    walker.call(api, "get", "/openapi.yaml", headers={"If-None-Match": etag}, status=304)
    walker.call(api, "get", "/openapi.yaml", headers={"If-None-Match": '"of another version"'}, status=200)


def test_no_metrics(launch, walker):
    server = launch({"minim.metrics.enabled": False})
    walker.call(server.api(), "get", "/metrics", status=404)


# Needs a store that fails or a pool that is full; tests/unit/api provokes these without one.
NOT_FROM_OUTSIDE = {"500", "503"}


def test_every_documented_status_was_provoked(walker):
    """Last: what the tests above saw."""
    lacking = {f"{method} {path}": sorted(missing) for method, path in OPERATIONS
               if (missing := operation_of(method, path)["responses"].keys() - walker.seen[method, path] - NOT_FROM_OUTSIDE)}
    assert lacking == {}
