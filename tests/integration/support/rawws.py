# SPDX-License-Identifier: Apache-2.0
"""A WebSocket client over a plain socket: every byte is the test's choice.

Blocking, with a deadline on every wait.  It knows the RFC well enough to
read what a correct server sends, and sends whatever it is told to.
"""
import base64
import collections
import hashlib
import json
import os
import socket
import struct

from .wait import TIMEOUT, Deadline

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Frame = collections.namedtuple("Frame", "fin rsv opcode payload")
Response = collections.namedtuple("Response", "status reason headers body")


class Eof(Exception):
    """The server has closed the TCP connection."""


class RawSocket:
    def __init__(self, address, rcvbuf=None, source=None):
        self.sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        if source:
            self.sock.bind((source, 0))
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def fill(self, deadline):
        """Reads once; Eof at the end of the stream, AssertionError at the deadline."""
        left = deadline.left()
        assert left > 0, "nothing more came"
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(262144)
        except socket.timeout:
            raise AssertionError("nothing more came") from None
        except ConnectionError:
            data = b""
        if not data:
            raise Eof
        self.buffer += data

    def take(self, n, deadline):
        while len(self.buffer) < n:
            self.fill(deadline)
        data = bytes(self.buffer[:n])
        del self.buffer[:n]
        return data

    def take_line(self, deadline):
        while b"\n" not in self.buffer:
            self.fill(deadline)
        return self.take(self.buffer.index(b"\n") + 1, deadline)

    def expect_eof(self, timeout=None):
        """Nothing more comes but the end of the stream."""
        deadline = Deadline(timeout)
        try:
            while not self.buffer:
                self.fill(deadline)
        except Eof:
            return
        raise AssertionError(f"expected the end, got {bytes(self.buffer[:200])!r}")

    def drain(self, timeout=None):
        """Everything up to the end of the stream."""
        deadline = Deadline(timeout)
        try:
            while True:
                self.fill(deadline)
        except Eof:
            data = bytes(self.buffer)
            self.buffer.clear()
            return data

    def read_response(self, timeout=None, head=False):
        """One HTTP response; without a length the body runs to the end of the stream."""
        deadline = Deadline(timeout)
        status_line = self.take_line(deadline).decode("latin-1").rstrip("\r\n")
        version, status, *reason = status_line.split(" ", 2)
        assert version == "HTTP/1.1", status_line
        headers = {}
        while True:
            line = self.take_line(deadline).decode("latin-1").rstrip("\r\n")
            if not line:
                break
            name, value = line.split(":", 1)
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        body = b""
        if int(status) == 101 or head:
            pass
        elif "content-length" in headers:
            body = self.take(int(headers["content-length"][0]), deadline)
        else:
            body = self.drain(deadline.left())
        return Response(int(status), reason[0] if reason else "", headers, body)


def mask(payload, key):
    whole = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")).to_bytes(len(payload), "big")


def frame(opcode, payload=b"", fin=True, masked=True, rsv=0, length=None, width=None, key=None):
    """Bytes of one frame.  `length` lies about the payload, `width` (7, 16, 64) forces an encoding."""
    payload = payload.encode() if isinstance(payload, str) else payload
    n = len(payload) if length is None else length
    first = (0x80 if fin else 0) | (rsv << 4) | opcode
    if width is None:
        width = 7 if n < 126 else 16 if n < 65536 else 64
    bit = 0x80 if masked else 0
    if width == 7:
        head = struct.pack("!BB", first, bit | n)
    elif width == 16:
        head = struct.pack("!BBH", first, bit | 126, n)
    else:
        head = struct.pack("!BBQ", first, bit | 127, n)
    if not masked:
        return head + payload
    key = os.urandom(4) if key is None else key
    return head + key + mask(payload, key)


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


def upgrade_request(path="/ws", host="127.0.0.1", key="dGhlIHNhbXBsZSBub25jZQ==", method="GET",
                    http="HTTP/1.1", drop=(), **more):
    """Text of an upgrade request; `drop` leaves headers out, `more` sets or adds (x_y is X-Y)."""
    headers = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade",
               "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"}
    names = {name.lower(): name for name in headers}
    for name, value in more.items():
        name = name.replace("_", "-")
        headers[names.get(name.lower(), name)] = value
    for name in drop:
        headers.pop(names.get(name.lower(), name))
    lines = [f"{method} {path} {http}"] + [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class WebSocket(RawSocket):
    """An upgraded connection."""

    def __init__(self, address, path="/ws", rcvbuf=None, source=None, **headers):
        super().__init__(address, rcvbuf, source)
        key = base64.b64encode(os.urandom(16)).decode()
        self.send(upgrade_request(path, f"{address[0]}:{address[1]}", key, **headers))
        self.response = self.read_response()
        assert self.response.status == 101, self.response
        assert self.response.headers["sec-websocket-accept"] == [accept_of(key)]

    # -- out

    def send_frame(self, opcode, payload=b"", **how):
        self.send(frame(opcode, payload, **how))

    def send_text(self, text, **how):
        self.send_frame(TEXT, text, **how)

    def send_json(self, **envelope):
        self.send_text(json.dumps(envelope, ensure_ascii=False, separators=(",", ":")))

    # -- in

    def recv_frame(self, timeout=None):
        deadline = Deadline(timeout)
        first, second = self.take(2, deadline)
        assert not second & 0x80, "a server's frame must not be masked"
        n = second & 0x7F
        if n == 126:
            (n,) = struct.unpack("!H", self.take(2, deadline))
            assert n >= 126, "length is not minimal"
        elif n == 127:
            (n,) = struct.unpack("!Q", self.take(8, deadline))
            assert n >= 65536, "length is not minimal"
        return Frame(bool(first & 0x80), (first >> 4) & 7, first & 15, self.take(n, deadline))

    def recv_message(self, timeout=None):
        """Next text or close frame; answers pings, drops pongs."""
        deadline = Deadline(timeout)
        while True:
            got = self.recv_frame(deadline.left())
            assert got.fin and got.rsv == 0, f"fragmented or extended: {got}"
            if got.opcode == PING:
                self.send_frame(PONG, got.payload)
            elif got.opcode != PONG:
                return got

    def recv_text(self, timeout=None):
        got = self.recv_message(timeout)
        assert got.opcode == TEXT, f"expected text, got {got}"
        return got.payload.decode()

    def recv_json(self, timeout=None):
        return json.loads(self.recv_text(timeout))

    def expect_close(self, code=1000, reason="Bye", timeout=None, eof=True):
        """The next frame is this close frame, and then the connection ends."""
        got = self.recv_message(timeout)
        assert got.opcode == CLOSE, f"expected close {code}, got {got}"
        if code is None:
            assert got.payload == b""
        else:
            assert len(got.payload) >= 2, got
            assert struct.unpack("!H", got.payload[:2])[0] == code, got
            if reason is not None:
                assert got.payload[2:].decode() == reason
        if eof:
            self.expect_eof(timeout)

    def expect_alive(self):
        """The server still reads and answers, and has sent nothing else before but PINGs."""
        nonce = os.urandom(8)
        self.send_frame(PING, nonce)
        got = self.recv_frame()
        while got.opcode == PING:
            self.send_frame(PONG, got.payload)
            got = self.recv_frame()
        assert got == Frame(True, 0, PONG, nonce), f"expected the pong, got {got}"


def close_payload(code, reason=""):
    return struct.pack("!H", code) + reason.encode()
