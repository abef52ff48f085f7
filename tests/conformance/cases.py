#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reader of *.cases files (README.md) for tests that speak to a running server.

    from cases import load
    for case in load("ws/close.cases"):
        case.name, case.role, case.limit, case.input, case.events

An event is (kind, code, payload, reason): kind is text, binary, ping, pong,
close, fail or wait; code is an int for close and fail, None for a close
without one (`detail` "none").
"""
import dataclasses
import re
import struct
import subprocess
import sys

OPCODES = {"cont": 0, "text": 1, "binary": 2, "close": 8, "ping": 9, "pong": 10}
USUAL_MASK = bytes.fromhex("37fa213d")
TOKEN = re.compile(
    r"""(?P<blank>[ \t\n]+|\#[^\n]*)
      | "(?P<string>(?:[^"\\\n]|\\.)*)"(?:\*(?P<times>[0-9]+))?
      | (?P<word>[0-9A-Za-z\-.=>@]+)
      | (?P<mark>[;:])""", re.VERBOSE)
ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"0": b"\0", b'"': b'"', b"\\": b"\\"}


@dataclasses.dataclass
class Event:
    kind: str
    code: int | None = None
    payload: bytes = b""
    reason: str | None = None  # of fail; None allows any
    detail: str = ""  # "none": a close without a code


@dataclasses.dataclass
class Case:
    name: str
    line: int
    role: str
    limit: int
    input: bytes
    events: list[Event]

    @property
    def waits(self):
        return bool(self.events) and self.events[-1].kind == "wait"


def unescape(text):
    return ESCAPE.sub(
        lambda m: bytes([int(m[1], 16)]) if m[1] else PLAIN[m[2]], text.encode())


def tokens(text, path):
    """(line, kind, value); kind is `word`, `bytes` or `name` (a word in column 0)."""
    at, line = 0, 1
    while at < len(text):
        m = TOKEN.match(text, at)
        if not m:
            raise ValueError(f"{path}:{line}: cannot read {text[at:at + 20]!r}")
        if m["string"] is not None:
            yield line, "bytes", unescape(m["string"]) * int(m["times"] or 1)
        elif m["word"] or m["mark"]:
            first = at == 0 or text[at - 1] == "\n"
            yield line, "name" if first else "word", m["word"] or m["mark"]
        line += m[0].count("\n")
        at = m.end()


class Reader:
    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            self.tokens = list(tokens(f.read(), path))
        self.path, self.at = path, 0
        self.role, self.limit = "server", 65536

    def peek(self):
        if self.at < len(self.tokens) and self.tokens[self.at][1] != "name":
            return self.tokens[self.at][1:]
        return None, None

    def take(self):
        line, _, value = self.tokens[self.at]
        self.at += 1
        return line, value

    def take_if(self, word):
        if self.peek() == ("word", word):
            self.at += 1
            return True
        return False

    def fail(self, what):
        line = self.tokens[min(self.at, len(self.tokens) - 1)][0]
        raise ValueError(f"{self.path}:{line}: {what}")

    def payload(self):
        out = b""
        while True:
            kind, value = self.peek()
            if kind == "bytes":
                out += value
            elif kind == "word" and value.startswith("0x"):
                out += bytes.fromhex(value[2:])
            elif kind == "word" and value.startswith("code="):
                out += struct.pack(">H", int(value[5:]))
            else:
                return out
            self.at += 1

    def frame(self):
        word = self.take()[1]
        if word == "hex":
            out = b""
            while self.peek()[1] not in (";", "=>"):
                out += bytes.fromhex(self.take()[1])
            return out
        first = 0x80 | (OPCODES[word] if word in OPCODES else int(word.removeprefix("op")))
        masked, mask, form, claim = self.role == "server", USUAL_MASK, None, None
        while True:
            kind, flag = self.peek()
            if kind != "word":
                break
            if flag == "more":
                first &= 0x7F
            elif flag.startswith("rsv"):
                first |= 0x80 >> int(flag[3:])
            elif flag in ("masked", "unmasked"):
                masked = flag == "masked"
            elif flag in ("len16", "len64"):
                form = flag
            elif flag.startswith("mask="):
                mask = bytes.fromhex(flag[5:])
            elif flag.startswith("claim="):
                claim = int(flag[6:])
            else:
                break
            self.at += 1
        payload = self.payload()
        n = len(payload) if claim is None else claim
        bit = 0x80 if masked else 0
        if form == "len64" or form is None and n > 65535:
            head = struct.pack(">BBQ", first, bit | 127, n)
        elif form == "len16" or n > 125:
            head = struct.pack(">BBH", first, bit | 126, n)
        else:
            head = struct.pack(">BB", first, bit | n)
        if masked:
            head += mask
            repeated = mask * (len(payload) // 4 + 1)
            payload = bytes(a ^ b for a, b in zip(payload, repeated))
        return head + payload

    def event(self):
        kind = self.take()[1]
        if kind == "close":
            word = self.take()[1]
            if word == "none":
                return Event(kind, detail=word)
            return Event(kind, int(word), struct.pack(">H", int(word)) + self.payload())
        if kind == "fail":
            code = int(self.take()[1])
            return Event(kind, code, reason=self.payload().decode() or None)
        if kind == "nothing":
            return None
        if kind not in ("text", "binary", "ping", "pong", "wait"):
            self.fail(f"unknown event {kind}")
        return Event(kind, payload=self.payload())

    def case(self):
        line, name = self.take()
        if name.startswith("@"):
            value = self.take()[1]
            if name == "@limit":
                self.limit = int(value)
            elif name == "@role" and value in ("server", "client"):
                self.role = value
            else:
                self.fail(f"unknown directive {name}")
            return None
        if not self.take_if(":"):
            self.fail(f"colon expected behind {name}")
        frames, events = [], []
        if self.peek()[1] != "=>":
            frames.append(self.frame())
            while self.take_if(";"):
                frames.append(self.frame())
        if not self.take_if("=>"):
            self.fail("=> expected")
        events.append(self.event())
        while self.take_if(";"):
            events.append(self.event())
        if self.peek()[0]:
            self.fail("end of the case expected")
        return Case(name, line, self.role, self.limit, b"".join(frames), [e for e in events if e])


def load(path):
    """All cases of a file, in order."""
    reader = Reader(path)
    cases = []
    while reader.at < len(reader.tokens):
        case = reader.case()
        if case:
            cases.append(case)
    return cases


def digest(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def main():
    paths = sys.argv[1:]
    want = None
    if paths[:1] == ["--compare"]:
        program, paths = paths[1], paths[2:]
        want = subprocess.run([program, "--digest", *paths], check=True, capture_output=True,
                              text=True).stdout.splitlines()
    cases = [case for path in paths for case in load(path)]
    names = [case.name for case in cases]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        sys.exit(f"names used twice: {sorted(doubled)}")
    got = [f"{c.name} {len(c.input)} {digest(c.input):016x} {len(c.events)}" for c in cases]
    if want is None:
        print("\n".join(got))
    elif got != want:
        sys.exit("\n".join(f"{g}  and not  {w}" for g, w in zip(got, want) if g != w)
                 or f"{len(got)} cases and not {len(want)}")


if __name__ == "__main__":
    main()
