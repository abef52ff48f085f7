# SPDX-License-Identifier: Apache-2.0
"""W-1.3 and W-1.4: frames, fragments, violations and closes; decisions W-1.3.1, W-1.4.6, B30."""
import json
import socket
import struct

import pytest

from support.rawws import (BINARY, CLOSE, CONT, PING, PONG, TEXT, Frame, close_payload, frame)

PONG_FRAME = '{"type":"PING"}'


def auth_text(server, user):
    return json.dumps({"type": "AUTH", "token": server.token(user)})


def test_text_is_one_envelope(connect, uid):
    client = connect(uid())
    client.send_text('{"type":"PING"}')
    client.expect("PONG")


@pytest.mark.parametrize("cuts", [1, 2, 7, 40])
def test_fragments_are_reassembled(server, connect, uid, cuts):
    client = connect()
    text = auth_text(server, uid())
    size = -(-len(text) // (cuts + 1))
    parts = [text[i:i + size] for i in range(0, len(text), size)]
    for i, part in enumerate(parts):
        client.send_frame(TEXT if i == 0 else CONT, part, fin=i == len(parts) - 1)
    client.expect("AUTH_OK")


def test_empty_fragments(server, connect, uid):
    client = connect()
    client.send_frame(TEXT, "", fin=False)
    client.send_frame(CONT, auth_text(server, uid()), fin=False)
    client.send_frame(CONT, "", fin=True)
    client.expect("AUTH_OK")


def test_control_frames_between_fragments(server, connect, uid):
    client = connect()
    text = auth_text(server, uid())
    client.send_frame(TEXT, text[:20], fin=False)
    client.send_frame(PING, b"in between")
    assert client.recv_frame() == Frame(True, 0, PONG, b"in between")
    client.send_frame(PONG, b"unasked")
    client.send_frame(CONT, text[20:])
    client.expect("AUTH_OK")


def test_utf8_split_inside_a_character(connect, uid):
    sender, receiver = connect(uid()), connect(uid())
    text = json.dumps({"type": "SINGLE_CHAT", "clientMsgId": "u", "to": str(receiver.uid), "body": "grüße 😀"},
                      ensure_ascii=False).encode()
    at = text.index("😀".encode()) + 2
    sender.send_frame(TEXT, text[:at], fin=False)
    sender.send_frame(CONT, text[at:])
    sender.expect("ACK", ackType="saved", body="grüße 😀")
    receiver.expect("SINGLE_CHAT", body="grüße 😀")


def test_first_fragment_alone_is_not_executed(connect, uid):
    client = connect(uid())
    client.send_frame(TEXT, '{"type":"PING"}', fin=False)
    client.expect_alive()
    client.send_frame(CONT, " ", fin=True)
    client.expect("PONG")


def test_binary_is_dropped_silently(connect, uid):
    client = connect(uid())
    for _ in range(200):
        client.send_frame(BINARY, b"\x00\xff" * 10)
    client.send_frame(BINARY, b"")
    client.expect_alive()


def test_binary_fragments_are_dropped(connect, uid):
    client = connect(uid())
    client.send_frame(BINARY, b"\xff", fin=False)
    client.send_frame(CONT, b"\xff")
    client.expect_alive()


@pytest.mark.parametrize("payload", [b"", b"x", b"\xff\x00", b"p" * 125], ids=len)
def test_ping_gets_the_same_payload_before_auth(connect, payload):
    client = connect()
    client.send_frame(PING, payload)
    assert client.recv_frame() == Frame(True, 0, PONG, payload)


def test_every_ping_of_a_reader_is_answered(connect, uid):
    client = connect(uid())
    for i in range(300):
        client.send_frame(PING, struct.pack("!I", i))
    for i in range(300):
        assert client.recv_frame() == Frame(True, 0, PONG, struct.pack("!I", i))


def test_pong_is_dropped(connect):
    client = connect()
    client.send_frame(PONG, b"hello")
    client.expect_alive()


@pytest.mark.parametrize("payload", [
    b"", close_payload(1000), close_payload(1000, "bye"), close_payload(1001), close_payload(1003),
    close_payload(1007), close_payload(1011), close_payload(3000), close_payload(4999, "x" * 123),
    close_payload(1000, "tschüß"),
], ids=lambda p: p[:12].hex() or "empty")
def test_valid_close_is_echoed(connect, payload):
    client = connect()
    client.send_frame(CLOSE, payload)
    assert client.recv_frame() == Frame(True, 0, CLOSE, payload)
    client.expect_eof()


@pytest.mark.parametrize("code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535])
def test_invalid_close_code(connect, code):
    client = connect()
    client.send_frame(CLOSE, close_payload(code))
    got = client.recv_frame()
    assert got.opcode == CLOSE
    assert struct.unpack("!H", got.payload[:2])[0] == 1002  # RFC 6455 7.4.1; never the invalid code itself
    client.expect_eof()


def test_frames_after_a_close_frame_are_ignored(connect, uid):
    client, peer = connect(uid()), connect(uid())
    late = json.dumps({"type": "SINGLE_CHAT", "clientMsgId": "late", "to": str(peer.uid), "body": "late"})
    client.send(frame(CLOSE, close_payload(1000)) + frame(TEXT, late))
    assert client.recv_frame() == Frame(True, 0, CLOSE, close_payload(1000))
    client.expect_eof()
    connect(uid()).chat(peer.uid, "fence")
    peer.expect("SINGLE_CHAT", body="fence")


def test_empty_text_is_bad_json(connect, uid):
    client = connect(uid())
    client.send_text("")
    client.error("bad_json")
    client.expect_alive()


TOO_BIG = "Max frame length of 65536 has been exceeded."
VIOLATIONS = [
    ("payload-over-limit", frame(TEXT, b"x" * 65537), 1009, TOO_BIG),
    ("payload-over-limit-header-only", frame(TEXT, b"", length=65537, width=64), 1009, TOO_BIG),
    ("payload-2-to-the-63", frame(TEXT, b"", length=(1 << 63) - 1, width=64), 1009, TOO_BIG),
    ("payload-top-bit", frame(TEXT, b"", length=1 << 63, width=64), (1002, 1009), None),
    ("binary-over-limit", frame(BINARY, b"x" * 65537), 1009, TOO_BIG),
    ("message-over-limit-in-fragments",
     frame(TEXT, b"x" * 40000, fin=False) + frame(CONT, b"x" * 40000), 1009, None),
    ("unmasked", frame(TEXT, PONG_FRAME, masked=False), 1002, "received a frame that is not masked as expected"),
    ("unmasked-ping", frame(PING, b"", masked=False), 1002, "received a frame that is not masked as expected"),
    ("text-inside-fragmented", frame(TEXT, "a", fin=False) + frame(TEXT, "b"), 1002,
     "received non-continuation data frame while inside fragmented message"),
    ("binary-inside-fragmented", frame(TEXT, "a", fin=False) + frame(BINARY, "b"), 1002,
     "received non-continuation data frame while inside fragmented message"),
    ("continuation-of-nothing", frame(CONT, "a"), 1002,
     "received continuation data frame outside fragmented message"),
    ("continuation-after-the-end", frame(BINARY, "a") + frame(CONT, "a"), 1002,
     "received continuation data frame outside fragmented message"),
    *((f"reserved-opcode-{op}", frame(op, "a"), 1002, f"data frame using reserved opcode {op}") for op in range(3, 8)),
    *((f"reserved-opcode-{op}", frame(op, "a"), 1002, f"control frame using reserved opcode {op}")
      for op in range(11, 16)),
    *((f"fragmented-control-{op}", frame(op, b"", fin=False), 1002, "fragmented control frame")
      for op in (CLOSE, PING, PONG)),
    *((f"long-control-{op}", frame(op, b"x" * 126), 1002, "control frame with payload length > 125 octets")
      for op in (CLOSE, PING, PONG)),
    ("close-of-one-byte", frame(CLOSE, b"x"), 1002, "received close control frame with payload len 1"),
    ("length-not-minimal-16", frame(TEXT, "x" * 125, width=16), 1002,
     "invalid data frame length (not using minimal length encoding)"),
    ("length-not-minimal-64", frame(TEXT, "x" * 200, width=64), 1002,
     "invalid data frame length (not using minimal length encoding)"),
    *((f"reserved-bit-{bit}", frame(TEXT, PONG_FRAME, rsv=bit), 1002, None) for bit in (1, 2, 4)),
    ("text-not-utf8", frame(TEXT, b"\xff\xfe"), 1007, "bytes are not UTF-8"),
    ("text-overlong-utf8", frame(TEXT, b"\xc0\xaf"), 1007, "bytes are not UTF-8"),
    ("text-surrogate-utf8", frame(TEXT, b"\xed\xa0\x80"), 1007, "bytes are not UTF-8"),
    ("text-truncated-utf8", frame(TEXT, b"ab\xe2\x82"), 1007, "bytes are not UTF-8"),
    ("fragments-not-utf8", frame(TEXT, b"\xe2\x82", fin=False) + frame(CONT, b"x"), 1007, "bytes are not UTF-8"),
]


@pytest.mark.parametrize("data, code, reason", [v[1:] for v in VIOLATIONS], ids=[v[0] for v in VIOLATIONS])
def test_violation_gets_one_close_frame(connect, data, code, reason):
    client = connect()
    client.send(data)
    got = client.recv_frame()
    assert got.opcode == CLOSE and got.fin
    assert struct.unpack("!H", got.payload[:2])[0] in (code if isinstance(code, tuple) else (code,))
    if reason is not None:
        assert got.payload[2:].decode() == reason
    client.expect_eof()


def test_longest_message_is_accepted(connect, uid):
    client = connect(uid())
    text = '{"type":"PING","x":"%s"}'
    client.send_text(text % ("y" * (65536 - len(text) + 2)))
    client.expect("PONG")


def test_longest_message_in_fragments(connect, uid):
    client = connect(uid())
    text = ('{"type":"PING","x":"%s"}' % ("y" * 65513)).encode()
    assert len(text) <= 65536
    client.send_frame(TEXT, text[:30000], fin=False)
    client.send_frame(CONT, text[30000:60000], fin=False)
    client.send_frame(CONT, text[60000:])
    client.expect("PONG")


def test_frames_split_at_every_byte(server, connect, uid):
    client = connect()
    data = frame(TEXT, auth_text(server, uid())) + frame(PING, b"abc")
    for i in range(len(data)):
        client.send(data[i:i + 1])
    client.expect("AUTH_OK")
    assert client.recv_frame() == Frame(True, 0, PONG, b"abc")


def test_many_frames_in_one_packet(connect, uid):
    client = connect(uid())
    client.send(frame(TEXT, '{"type":"PING"}') * 100)
    for _ in range(100):
        client.expect("PONG")


def test_zero_mask_key(connect):
    client = connect()
    client.send_frame(PING, b"zero", key=b"\0\0\0\0")
    assert client.recv_frame() == Frame(True, 0, PONG, b"zero")


def test_application_close_is_1000_bye_behind_the_error(connect):
    client = connect()
    client.send_json(type="PING")
    client.error("unauthorized")
    client.expect_close(1000, "Bye")


def test_half_closed_connection_is_ended(connect, uid):
    client = connect(uid())
    client.sock.shutdown(socket.SHUT_WR)
    client.drain()
