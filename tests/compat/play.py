# SPDX-License-Identifier: Apache-2.0
"""Plays an exchange against a running server: one verb, one method."""
import collections
import http.client
import itertools
import pathlib
import re
import signal
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "conformance")]

from answer import check_answer, split_with  # noqa: E402
from cases import Reader, tokens as case_tokens  # noqa: E402
from match import Mismatch, match_text  # noqa: E402
from support import tokens  # noqa: E402
from support.http import Api, Reply  # noqa: E402
from support.im import Client  # noqa: E402
from support.rawws import CLOSE, PING, PONG, TEXT, RawSocket, close_payload  # noqa: E402
from support.wait import Deadline  # noqa: E402

NAME = r"[a-z]\w*"
ACTOR = rf"{NAME}(?:\.\d+)?"
ACTORS = rf"{ACTOR}(?:, {ACTOR})*"
HTTP = re.compile(rf"({NAME}) ([A-Z]+) (\S+)(.*?) => (.*)")
TIMES = re.compile(r"(.*?)(?: (\d+) times)?")
EXPANSION = re.compile(r"\$\$|\$([a-z]\w*(?:\.[a-z]+)?)|@repeat\(([^()]*?),(\d+)\)|@token\(([^()]*)\)")
OPCODES = {"ping": PING, "pong": PONG}
LONGEST = 2000  # of what a failure shows
_uids = itertools.count(10001)
_names = itertools.count(1)


def number_or_text(value):
    return int(value) if re.fullmatch(r"-?\d+", value) else value


class Person:
    def __init__(self, uid):
        self.uid = uid
        self.token = None  # of a login


class Play:
    """One exchange: its people, their connections, and what was captured."""

    def __init__(self, server, exchange):
        self.server = server
        self.exchange = exchange
        self.people = {}
        self.connections = {}
        self.revoked = collections.defaultdict(set)  # of each connection, which it was told of
        self.held = {}  # what was read, and not what was looked for
        self.known = {}

    # -- people and words

    def person(self, actor):
        name = actor.partition(".")[0]
        if name not in self.people:
            self.people[name] = Person(next(_uids))
            self.known[name] = str(self.people[name].uid)
        return self.people[name]

    def token_of(self, actor):
        person = self.person(actor)
        return person.token or self.server.token(person.uid)

    def made_token(self, arguments):
        """alice, or alice,ttl=-10,iss=x: signed by hand; an empty value leaves the claim out."""
        name, *changes = [argument.strip() for argument in arguments.split(",")]
        claims, how = {}, {"secret": self.server.secret}
        for change in changes:
            key, _, value = change.partition("=")
            if key in ("ttl", "alg", "secret"):
                how[key] = number_or_text(value)
            else:
                claims[key] = number_or_text(value) if value else None
        return tokens.sign(claims.pop("uid", self.person(name).uid), **how, **claims)

    def expand(self, text):
        def one(found):
            name, piece, times, token = found.groups()
            if found[0] == "$$":
                return "$"
            if piece is not None:
                return piece * int(times)
            if token is not None:
                return self.made_token(token)
            if name not in self.known:
                raise ValueError(f"${name} is nothing yet")
            return self.known[name]
        return EXPANSION.sub(one, text)

    # -- the whole

    def run(self):
        line = self.exchange.line
        try:
            for step in self.exchange.steps:
                line = step.line
                self.step(step.text)
            for actor in self.connections:
                line = f"the end, {actor}"
                self.nothing(actor)
        except AssertionError as problem:
            raise AssertionError(f"{self.exchange.where(line)}: {problem}") from None
        except Exception as problem:
            raise AssertionError(f"{self.exchange.where(line)}: {problem!r}") from problem
        finally:
            for connection in self.connections.values():
                connection.close()

    def step(self, text):
        for pattern, verb in VERBS:
            found = pattern.fullmatch(text)
            if found:
                verb(self, *found.groups())
                return
        raise ValueError(f"cannot read {text!r}")

    # -- connections

    def are_users(self, actors):
        for actor in actors.split(", "):
            self.person(actor)

    def connect(self, actors):
        for actor in actors.split(", "):
            self.connections[actor] = Client(self.server, self.person(actor).uid, self.token_of(actor))
            self.revoked[actor].clear()

    def open(self, actors, path):
        for actor in actors.split(", "):
            self.person(actor)
            self.connections[actor] = Client(self.server, path=path or "/ws")

    def disconnect(self, actors):
        for actor in actors.split(", "):
            connection = self.connections.pop(actor)
            connection.send_frame(CLOSE, close_payload(1000))
            connection.expect_close(1000, "")
            connection.close()

    def drop(self, actors):
        for actor in actors.split(", "):
            self.connections.pop(actor).close()

    def is_over(self, actor):
        connection = self.connections.pop(actor)
        connection.expect_eof()
        connection.close()

    def login(self, actors):
        for actor in actors.split(", "):
            name = f"user{next(_names)}"
            made = self.server.api().login(name)
            self.people[actor] = person = Person(int(made["userId"]))
            person.token = made["accessToken"]
            self.known.update({actor: made["userId"], f"{actor}.name": name, f"{actor}.token": made["accessToken"],
                               f"{actor}.refresh": made["refreshToken"]})

    # -- frames

    def send(self, actor, text):
        self.connections[actor].send_text(self.expand(text))

    def send_until(self, actor, text, expected):
        """Each answer that is not `expected` is a reason to ask again; what else comes meanwhile is of no interest."""
        deadline = Deadline()
        self.send(actor, text)
        while True:
            got = self.message(actor)
            self.is_told_again(actor, got)
            try:
                return self.check_text(got, self.expand(expected))
            except Mismatch:
                if deadline.passed() or got.opcode != TEXT:
                    raise
            if re.match(rb'\{"type":"(ACK|ERROR|CALL_ERROR|PONG)"', got.payload):
                self.send(actor, text)

    def receive(self, actors, expected):
        for actor in actors.split(", "):
            try:
                self.receive_one(actor, self.expand(expected))
            except Mismatch as problem:
                raise Mismatch(f"{actor} {problem}") from None

    def message(self, actor):
        return self.held.pop(actor, None) or self.connections[actor].recv_message()

    def receive_one(self, actor, expected):
        if expected == "nothing":
            self.nothing(actor)
        elif expected.startswith("close "):
            self.receive_close(actor, *expected.split(" ", 2)[1:])
        else:
            self.receive_text(actor, expected)

    def is_told_again(self, actor, frame):
        """MESSAGE_REVOKED may come more than once (W-8.6.3); the first time is remembered."""
        found = re.match(rb'\{"type":"MESSAGE_REVOKED","serverMsgId":"(\d+)"', frame.payload)
        again = found is not None and found[1] in self.revoked[actor]
        if found:
            self.revoked[actor].add(found[1])
        return again

    def receive_text(self, actor, expected):
        while True:
            frame = self.message(actor)
            again = self.is_told_again(actor, frame)
            try:
                return self.check_text(frame, expected)
            except Mismatch:
                if not again:
                    raise

    def receive_close(self, actor, code, reason=""):
        got = self.message(actor)
        payload = close_payload(int(code))
        if got.opcode != CLOSE or got.payload[:2] != payload or reason != "*" and got.payload[2:].decode() != reason:
            raise Mismatch(f"no close {code} {reason}, but {got}")
        self.is_over(actor)

    def ends_with(self, actor, code, reason):
        """However much comes before; nothing is answered meanwhile."""
        got = self.connections[actor].recv_frame()
        while got.opcode != CLOSE:
            got = self.connections[actor].recv_frame()
        self.held[actor] = got
        self.receive_close(actor, code, reason)

    def check_text(self, frame, expected):
        text = frame.payload.decode(errors="replace")
        try:
            if frame.opcode != TEXT:
                raise Mismatch(f"no text, but {frame}")
            match_text(expected, text, self.known)
        except Mismatch as problem:
            raise Mismatch(f"{problem}\n  came     {text[:LONGEST]}\n  expected {expected[:LONGEST]}") from None

    def receive_any(self, actor, expected):
        """However many of these, none too."""
        while True:
            self.held[actor] = self.message(actor)
            try:
                self.check_text(self.held[actor], self.expand(expected))
            except Mismatch:
                return
            del self.held[actor]

    def nothing(self, actor):
        """Nothing has come up to the answer to a ping; pings of the server are answered."""
        connection = self.connections[actor]
        if actor in self.held:
            raise Mismatch(f"{actor} got {self.held[actor]}")
        got = connection.settle()
        for frame in got:
            if frame.opcode == PING:
                connection.send_frame(PONG, frame.payload)
            elif not self.is_told_again(actor, frame):
                raise Mismatch(f"{actor} got what nobody expects: {str(got)[:LONGEST]}")

    def send_frames(self, actor, text):
        """In the words of tests/conformance."""
        reader = Reader.__new__(Reader)
        text = self.expand(text).rstrip("; ")
        reader.path = self.exchange.path.name
        reader.tokens = list(case_tokens(f" {text} => nothing", reader.path))
        reader.at, reader.role = 0, "server"
        out = reader.frame()
        while reader.take_if(";"):
            out += reader.frame()
        self.connections[actor].send(out)

    def receive_frame(self, actor, kind, payload):
        got = self.connections[actor].recv_frame()
        expected = self.expand(payload or "").encode()
        if (got.fin, got.rsv, got.opcode, got.payload) != (True, 0, OPCODES[kind], expected):
            raise Mismatch(f"{actor} got {got}")

    # -- HTTP

    def call(self, actor, method, path, body, answer):
        body, eventually = body.removesuffix(" eventually"), body.endswith(" eventually")
        body, times = TIMES.fullmatch(body).groups()
        times = int(times or 1)
        body, headers = split_with(body)
        token = None if actor == "nobody" else self.token_of(actor)
        body = self.expand(body) if body else None
        sent = {name: self.expand(value) for name, value in headers}
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        sent = {name: value for name, value in sent.items() if value != "-"}
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token}")
        deadline = Deadline()
        connection = http.client.HTTPConnection(*self.server.http, timeout=deadline.left())
        while times > 0:
            connection.request(method, self.expand(path), body and body.encode(), sent)
            reply = Reply(connection.getresponse())
            try:
                check_answer(reply.status, reply.all_headers, reply.text, answer, self.expand, self.known)
                times -= 1
            except Mismatch as problem:
                if not eventually or deadline.passed():
                    raise Mismatch(f"{problem}\n  came     {reply}\n  expected {answer}") from None
        connection.close()

    def raw(self, actor, lines, answer):
        """A request as bytes; a 101 leaves `actor` with a connection."""
        connection = RawSocket(self.server.ws)
        head = "".join(f"{self.expand(line)}\r\n" for line in re.findall(r'"([^"]*)"', lines))
        connection.send(f"{head}\r\n".encode())
        response = connection.read_response(head=head.startswith("HEAD "))
        pairs = [(name, value) for name, values in response.headers.items() for value in values]
        check_answer(response.status, pairs, response.body.decode(), answer, self.expand, self.known)
        if response.status != 101:
            connection.close()
            return
        client = Client.__new__(Client)
        client.sock, client.buffer, client.pending, client.server = connection.sock, connection.buffer, [], self.server
        self.connections[actor] = client

    # -- what others have done

    def api_of(self, name):
        return Api(self.server.http, self.token_of(name))

    def befriend(self, one, other):
        client = Client(self.server, self.person(one).uid, self.token_of(one))
        to = str(self.person(other).uid)
        client.send_json(type="FRIEND_REQUEST", clientMsgId=f"friends-{to}", to=to)
        request = client.recv()["serverMsgId"]
        made = self.api_of(other).post("/friend/request/decide", {"requestId": request, "action": "accept"}).ok()
        client.expect("FRIEND_DECISION")
        client.close()
        self.known[f"{one}.{other}"] = self.known[f"{other}.{one}"] = made["singleChatId"]

    def group(self, name, owner, members):
        own = self.api_of(owner)
        group = own.post("/group/create", {"name": "Team"}).ok()["groupId"]
        code = own.get("/group/profile/by-id", groupId=group).ok()["groupCode"]
        for word in members.split(", ") if members else []:
            member = word.lstrip("+")
            request = self.api_of(member).post("/group/join/request", {"groupCode": code}).ok()["requestId"]
            own.post("/group/join/decide", {"requestId": request, "action": "accept"}).ok()
            if word.startswith("+"):
                own.post("/group/member/set-admin",
                         {"groupId": group, "userId": self.person(member).uid, "admin": True}).ok()
        self.known[name], self.known[f"{name}.code"] = group, code

    def stop(self):
        """Begins to stop: what connections are told is still to be read."""
        self.server.signal(signal.SIGTERM)

    def start(self):
        assert self.server.wait() == 0
        self.server.start()


VERBS = [(re.compile(pattern), verb) for pattern, verb in (
    (rf"({ACTORS}) (?:is a user|are users)", Play.are_users),
    (rf"({ACTORS}) connects?", Play.connect),
    (rf"({ACTORS}) opens?(?: (/\S*))?", Play.open),
    (rf"({ACTORS}) disconnects?", Play.disconnect),
    (rf"({ACTORS}) drops?", Play.drop),
    (rf"({ACTORS}) logs? in", Play.login),
    (rf"({ACTOR}) ends with close (\d+) (.*)", Play.ends_with),
    (rf"({ACTOR}) sends (.*) until (.*)", Play.send_until),
    (rf"({ACTOR}) > (.*)", Play.send),
    (rf"({ACTORS}) < (.*)", Play.receive),
    (rf"({ACTOR}) <\* (.*)", Play.receive_any),
    (rf"({ACTOR}) >> (.*)", Play.send_frames),
    (rf'({ACTOR}) << (\w+)(?: "(.*)")?', Play.receive_frame),
    (rf'({ACTOR}) raw((?: "[^"]*")+) => (.*)', Play.raw),
    (HTTP.pattern, Play.call),
    (rf"({NAME}) and ({NAME}) are friends", Play.befriend),
    (rf"group ({NAME}) of ({NAME}):(?: (\S.*))?", Play.group),
    (r"server stops", Play.stop),
    (r"server starts", Play.start),
)]
