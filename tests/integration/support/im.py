# SPDX-License-Identifier: Apache-2.0
"""A client of the mini-im protocol on top of the raw WebSocket."""
import itertools
import json
import os

from . import tokens
from .rawws import PING, PONG, WebSocket

# 64-bit fields that travel as strings, and those that travel as numbers (W-2.1).
STRING_IDS = ("from", "to", "groupId", "callId")
NUMBERS = ("msgSeq", "ts", "retryAfterMs")

_counter = itertools.count(1)


def fresh_id(prefix="m"):
    return f"{prefix}-{next(_counter)}"


def check_shape(envelope):
    """What holds for every frame of the server (2.1)."""
    assert list(envelope)[0] == "type", envelope
    assert None not in envelope.values(), envelope
    for name in STRING_IDS:
        assert isinstance(envelope.get(name, ""), str), envelope
    for name in NUMBERS:
        assert isinstance(envelope.get(name, 0), int), envelope
    assert "ts" in envelope, envelope


class Client(WebSocket):
    """`uid` signs a token and authenticates; without it the connection stays as it is."""

    def __init__(self, server, uid=None, token=None, address=None, **how):
        super().__init__(address or server.ws, **how)
        self.server = server
        self.uid = uid
        self.pending = []
        if uid is not None:
            self.auth(token or server.token(uid))

    def auth(self, token):
        self.send_json(type="AUTH", token=token)
        got = self.expect("AUTH_OK")
        assert set(got) == {"type", "from", "ts"}, got
        if self.uid is not None:
            assert got["from"] == str(self.uid)
        return got

    def recv(self, timeout=None):
        """Next envelope, checked for the rules that hold for all of them."""
        if self.pending:
            return self.pending.pop(0)
        text = self.recv_text(timeout)
        envelope = json.loads(text)
        check_shape(envelope)
        return envelope

    def expect(self, kind, timeout=None, **fields):
        """The very next envelope has this type and these fields; None means absent."""
        got = self.recv(timeout)
        assert got["type"] == kind, f"expected {kind} {fields}, got {got}"
        for name, value in fields.items():
            name = {"from_": "from"}.get(name, name)
            assert got.get(name) == value, f"{name}: expected {value!r} in {got}"
        return got

    def find(self, kind, timeout=None, **fields):
        """The first envelope that fits; others keep their place for later."""
        skipped = []
        while True:
            got = self.recv(timeout)
            if got["type"] == kind and all(got.get({"from_": "from"}.get(n, n)) == v for n, v in fields.items()):
                self.pending = skipped + self.pending
                return got
            skipped.append(got)

    def settle(self):
        """Everything the server has sent up to now; by the PONG it is known to be all."""
        nonce, seen = os.urandom(8), []
        self.send_frame(PING, nonce)
        while True:
            got = self.recv_frame()
            if (got.opcode, got.payload) == (PONG, nonce):
                return seen
            seen.append(got)

    def error(self, reason, cmid=None, smid=None, timeout=None):
        """The next frame is this ERROR with exactly these echoed ids."""
        got = self.expect("ERROR", timeout, reason=reason, clientMsgId=cmid, serverMsgId=smid)
        assert set(got) <= {"type", "clientMsgId", "serverMsgId", "ts", "reason", "retryAfterMs"}, got
        return got

    def error_and_close(self, reason, cmid=None, smid=None, timeout=None):
        self.error(reason, cmid, smid, timeout)
        self.expect_close(1000, "Bye", timeout)

    def send_chat(self, to, body="hello", cmid=None, **more):
        cmid = fresh_id() if cmid is None else cmid
        self.send_json(type="SINGLE_CHAT", clientMsgId=cmid, to=str(to), body=body, **more)
        return cmid

    def chat(self, to, body="hello", cmid=None, **more):
        """Sends and returns the ACK(saved)."""
        cmid = self.send_chat(to, body, cmid, **more)
        return self.expect("ACK", ackType="saved", clientMsgId=cmid, from_=str(self.uid))

    def ack(self, message, kind="delivered", **more):
        self.send_json(type="ACK", ackType=kind, serverMsgId=message["serverMsgId"], to=message["from"], **more)


def bad_token_variants(uid, secret):
    """(name, token) of tokens that must be refused (4.2)."""
    good = tokens.sign(uid, secret)
    head, payload, signature = good.split(".")
    claims = tokens.claims(uid)
    yield "garbage", "garbage"
    yield "two parts", f"{head}.{payload}"
    yield "four parts", f"{good}.x"
    yield "empty signature", f"{head}.{payload}."
    yield "empty header", f".{payload}.{signature}"
    yield "leading blank", " " + good
    yield "trailing blank", good + " "
    yield "bearer prefix", "Bearer " + good
    yield "wrong signature", tokens.sign(uid, secret[::-1])
    yield "flipped signature", good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB")
    yield "other payload", f"{head}.{tokens.b64(json.dumps(tokens.claims(uid + 1)).encode())}.{signature}"
    yield "alg none", f"{tokens.b64(b'{}')}.{payload}."
    yield "alg none, unsigned", f"{tokens.b64(json.dumps({'alg': 'none'}).encode())}.{payload}."
    yield "alg none, signed", tokens.encode({"alg": "none"}, claims, secret)
    yield "alg lower case", tokens.encode({"alg": "hs256"}, claims, secret)
    yield "alg HS384 with a short key", tokens.encode({"alg": "HS384"}, claims, secret, "HS384")
    yield "alg HS512 with a short key", tokens.encode({"alg": "HS512"}, claims, secret, "HS512")
    yield "alg RS256", tokens.encode({"alg": "RS256"}, claims, secret)
    yield "alg missing", tokens.encode({"typ": "JWT"}, claims, secret)
    yield "crit header", tokens.encode({"alg": "HS256", "crit": ["exp"]}, claims, secret)
    yield "duplicate header key", tokens.encode('{"alg":"HS256","alg":"HS256"}', claims, secret)
    yield "duplicate claim", tokens.encode(
        {"alg": "HS256"}, json.dumps(claims)[:-1] + f',"uid":{uid}}}', secret)
    yield "header no JSON", tokens.encode("nope", claims, secret)
    yield "payload no JSON", tokens.encode({"alg": "HS256"}, "nope", secret)
    yield "payload an array", tokens.encode({"alg": "HS256"}, "[1]", secret)
    yield "expired", tokens.sign(uid, secret, ttl=-10)
    yield "expired, ISO date", tokens.sign(uid, secret, exp="2020-01-01T00:00:00Z")
    yield "expired, text", tokens.sign(uid, secret, exp="1500000000")
    yield "exp of no date", tokens.sign(uid, secret, exp="tomorrow")
    yield "nbf in the future", tokens.sign(uid, secret, nbf=tokens.claims(uid)["exp"])
    yield "iss missing", tokens.sign(uid, secret, iss=None)
    yield "iss foreign", tokens.sign(uid, secret, iss="mini-i")
    yield "typ missing", tokens.sign(uid, secret, typ=None)
    yield "typ refresh", tokens.sign(uid, secret, typ="refresh")
    yield "uid missing", tokens.sign(None, secret)
    yield "uid a string", tokens.sign(str(uid), secret)
    yield "uid a boolean", tokens.sign(True, secret)
    yield "sv a string", tokens.sign(uid, secret, sv="0")
    yield "oversized", tokens.sign(uid, secret, pad="x" * 8000)
