# SPDX-License-Identifier: Apache-2.0
"""W-2.2 to W-2.4: what is accepted, how it is printed, what is echoed."""
import pytest


def text_of(peer, body='"b"', **raw):
    """A SINGLE_CHAT whose fields are given as JSON text."""
    fields = {"type": '"SINGLE_CHAT"', "clientMsgId": '"m"', "to": f'"{peer}"', "body": body, **raw}
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items() if value is not None) + "}"


BAD = [
    "null", "[]", "[1]", '"text"', "1", "true", "", " ", "{", "}", '{"type":}', '{"type" "PING"}',
    "\ufeff{\"type\":\"PING\"}",
    "{'type':'PING'}", "{type:\"PING\"}", '{"type":"PING",}', '{,"type":"PING"}',
    '/* c */{"type":"PING"}', '{"type":"PING" // c\n}',
    '{"type":"PING","x":NaN}', '{"type":"PING","x":Infinity}', '{"type":"PING","x":01}', '{"type":"PING","x":+1}',
    '{"type":"PING","x":1.}', '{"type":"PING","x":.5}', '{"type":"PING","x":1e}', '{"type":"PING","x":-}',
    '{"type":"PING","x":"\t"}', '{"type":"PING","x":"a\nb"}', '{"type":"PING","x":"\\x41"}', '{"type":"PING","x":"\\u12"}',
    '{"type":"PING","x":"\\u12G4"}', '{"type":"PING","x":"unterminated}', '{"type":"PING","x":tru}',
    '{"type":"PING","x":[1,]}', '{"type":"PING","x":[1 2]}', '{"type":"PING","x":{"a"}}', '{"type":"PING","x":nul}',
    '{"type":"PING","x":' + "[" * 1001 + "]" * 1001 + "}",
    '{"type":[]}', '{"type":{}}', '{"type":"PING","clientMsgId":[]}', '{"type":"PING","body":{}}',
    '{"type":"PING","to":""x}', '{"type":"PING","to":"abc"}', '{"type":"PING","to":"1.9"}', '{"type":"PING","to":"0x10"}',
    '{"type":"PING","to":"9223372036854775808"}', '{"type":"PING","to":9223372036854775808}',
    '{"type":"PING","to":-9223372036854775809}', '{"type":"PING","to":1e19}', '{"type":"PING","to":true}',
    '{"type":"PING","to":[]}', '{"type":"PING","to":{}}', '{"type":"PING","msgSeq":"x"}', '{"type":"PING","ts":false}',
    '{"type":"PING","iceSdpMLineIndex":2147483648}', '{"type":"PING","iceSdpMLineIndex":"2147483648"}',
    '{"type":"PING","iceSdpMLineIndex":-2147483649}', '{"type":"PING","iceSdpMLineIndex":true}',
    '{"type":"PING","important":"yes"}', '{"type":"PING","important":1.5}', '{"type":"PING","important":[]}',
    '{"type":"PING","mentions":""}', '{"type":"PING","mentions":"1"}', '{"type":"PING","mentions":{}}',
    '{"type":"PING","mentions":[[]]}', '{"type":"PING","mentions":[{}]}', '{"type":"PING","mentions":1}',
    '{"type":"PING","to":"- 1"}', '{"type":"PING","to":"--1"}', '{"type":"PING","to":"1 2"}',
]
GOOD = [
    '{"type":"PING"}', ' \t\r\n{"type":"PING"} \n', '{ "type" : "PING" }', '{"type":"PING"} xyz', '{"type":"PING"}{"type":"AUTH"}',
    '{"type":"PING"}]', '{"x":1,"type":"PING"}', '{"type":"AUTH_OK","type":"PING"}', '{"Type":"AUTH","type":"PING"}',
    '{"\\u0074ype":"PING"}', '{"type":"P\\u0049NG"}',
    '{"type":"PING","x":{"a":[1,{"b":null}],"c":-1.5e+10}}', '{"type":"PING","x":"\\ud800"}', '{"type":"PING","x":"\\u0000"}',
    '{"type":"PING","x":0}', '{"type":"PING","x":-0}', '{"type":"PING","x":123456789012345678901234567890}',
    '{"type":"PING","x":' + "[" * 990 + "]" * 990 + "}",
    '{"type":"PING","body":null,"to":null,"mentions":null,"important":null,"ts":null}',
    '{"type":"PING","to":""}', '{"type":"PING","to":"  "}', '{"type":"PING","to":"null"}', '{"type":"PING","to":" 12 "}',
    '{"type":"PING","to":"+12"}', '{"type":"PING","to":"-12"}', '{"type":"PING","to":1.9}', '{"type":"PING","to":1e3}',
    '{"type":"PING","to":9223372036854775807}', '{"type":"PING","to":-9223372036854775808}', '{"type":"PING","to":"007"}',
    '{"type":"PING","clientMsgId":1}', '{"type":"PING","clientMsgId":true}', '{"type":"PING","body":1.5}',
    '{"type":"PING","important":"true"}', '{"type":"PING","important":"false"}', '{"type":"PING","important":0}',
    '{"type":"PING","important":7}', '{"type":"PING","important":""}', '{"type":"PING","important":true}',
    '{"type":"PING","mentions":[]}', '{"type":"PING","mentions":["1",2,true,null,1.5]}',
    '{"type":"PING","iceSdpMLineIndex":"0"}', '{"type":"PING","iceSdpMLineIndex":2147483647}',
    '{"type":"PING","unknown":"x","":1,"a":{}}',
]


def name_of(text):
    return text if len(text) < 60 else text[:60] + "..."


@pytest.mark.parametrize("text", BAD, ids=name_of)
def test_bad_json(connect, uid, text):
    client = connect(uid())
    client.send_text(text)
    client.error("bad_json")
    client.expect_alive()


@pytest.mark.parametrize("text", GOOD, ids=name_of)
def test_accepted(connect, uid, text):
    client = connect(uid())
    client.send_text(text)
    client.expect("PONG")


@pytest.mark.parametrize("value", ['"%d"', "%d", '" %d "', '"+%d"', '"00%d"', "%d.9"])
def test_recipient_in_every_accepted_form(pair, value):
    sender, receiver = pair
    sender.send_text(text_of(0, to=value % receiver.uid))
    sender.expect("ACK", ackType="saved")
    receiver.expect("SINGLE_CHAT", to=str(receiver.uid))


@pytest.mark.parametrize("value, sent", [("12", "12"), ("true", "true"), ("1.50", "1.50"), ('"x"', "x")])
def test_client_id_in_every_accepted_form(pair, value, sent):
    sender, receiver = pair
    sender.send_text(text_of(receiver.uid, clientMsgId=value))
    sender.expect("ACK", clientMsgId=sent)
    receiver.expect("SINGLE_CHAT", clientMsgId=sent)


def test_last_duplicate_wins(pair):
    sender, receiver = pair
    sender.send_text('{"type":"SINGLE_CHAT","clientMsgId":"m","to":"1","body":"a","to":"%d","body":"b"}' % receiver.uid)
    sender.expect("ACK", body="b")
    receiver.expect("SINGLE_CHAT", body="b")


def test_duplicate_null_wins_too(pair):
    sender, receiver = pair
    sender.send_text('{"type":"SINGLE_CHAT","clientMsgId":"m","to":"%d","body":"a","body":null}' % receiver.uid)
    sender.error("missing_body", "m")


BODIES = [
    ('"a\\"b"', 'a"b'), ('"a\\\\b"', "a\\b"), ('"a\\/b"', "a/b"), ('"\\b\\f\\n\\r\\t"', "\b\f\n\r\t\x00"[:5]),
    ('"\\u0001\\u001f"', "\x01\x1f"), ('"\\u007f"', "\x7f"), ('"\\u2028\\u2029"', "\u2028\u2029"),
    ('"\\u00e9\\u4e2d"', "é中"), ('"\\ud83d\\ude00"', "😀"), ('"😀中é"', "😀中é"), ('"<>&\'"', "<>&'"),
]


@pytest.mark.parametrize("raw_body, text", BODIES, ids=range(len(BODIES)))
def test_text_survives(pair, raw_body, text):
    if not text.strip():
        raw_body, text = raw_body[:-1] + 'x"', text + "x"
    sender, receiver = pair
    sender.send_text(text_of(receiver.uid, raw_body))
    sender.expect("ACK", body=text)
    receiver.expect("SINGLE_CHAT", body=text)


@pytest.mark.parametrize("raw_body", ['"x\\ud800y"', '"x\\udc00y"', '"x\\ud800\\ud800y"', '"x\\ud83dy"'])
def test_unpaired_surrogate_is_written_as_question_mark(pair, raw_body):
    sender, receiver = pair
    sender.send_text(text_of(receiver.uid, raw_body))
    got = sender.expect("ACK")["body"]
    assert got.startswith("x?") and got.endswith("y") and set(got) == set("x?y")
    receiver.expect("SINGLE_CHAT", body=got)


def test_output_is_compact_raw_utf8_with_few_escapes(pair):
    sender, receiver = pair
    sender.send_text(text_of(receiver.uid, '"/\\u007f\\u2028\\u00e9\\ud83d\\ude00\\u0001\\n\\"\\\\"'))
    text = sender.recv_text()
    assert '"body":"/\x7f\u2028é😀\\u0001\\n\\"\\\\"' in text
    assert ": " not in text and ", " not in text
    assert text.startswith('{"type":"ACK",')



def test_field_order(pair):
    sender, receiver = pair
    sender.send_chat(receiver.uid, msgType="TEXT")
    for envelope in (sender.recv(), receiver.recv()):
        known = ["type", "clientMsgId", "serverMsgId", "msgSeq", "from", "to", "groupId", "token", "ackType",
                 "msgType", "body", "mentions", "replyToServerMsgId", "important", "ts", "reason"]
        assert list(envelope) == [name for name in known if name in envelope]


def test_only_documented_fields_are_forwarded(server, pair):
    """W-2.4.2: what a client adds to a chat message does not reach the peer."""
    sender, receiver = pair
    cmid = sender.send_chat(receiver.uid, "hi", msgType="Picture", token=server.token(sender.uid), important=True,
                            mentions=["1"], replyToServerMsgId="5", groupId="9", callId="7", callKind="video", sdp="s",
                            iceCandidate="c", iceSdpMid="0", iceSdpMLineIndex=0, callReason="r", reason="r",
                            ackType="read", msgSeq=77, serverMsgId="99", ts=1, unknown="x", **{"from": "1"})
    saved = sender.expect("ACK", clientMsgId=cmid)
    assert saved["serverMsgId"] != "99" and saved["msgSeq"] == 1 and saved["ts"] > 1_600_000_000_000
    got = receiver.expect("SINGLE_CHAT", clientMsgId=cmid, msgType="Picture", from_=str(sender.uid),
                          to=str(receiver.uid), serverMsgId=saved["serverMsgId"], msgSeq=1)
    assert set(got) == {"type", "clientMsgId", "serverMsgId", "msgSeq", "from", "to", "msgType", "body", "ts"}
    assert got["ts"] > 1_600_000_000_000


def test_msg_type_is_absent_when_it_was(pair):
    sender, receiver = pair
    sender.chat(receiver.uid)
    assert "msgType" not in receiver.expect("SINGLE_CHAT")


def test_saved_ack_has_exactly_its_fields(pair):
    sender, receiver = pair
    first = sender.chat(receiver.uid, "x", "same")
    assert set(first) == {"type", "clientMsgId", "serverMsgId", "msgSeq", "from", "ackType", "body", "ts"}
    again = sender.chat(receiver.uid, "x", "same")
    assert set(again) == {"type", "clientMsgId", "serverMsgId", "msgSeq", "from", "ackType", "ts"}


def test_pong_has_nothing_but_ts(connect, uid):
    client = connect(uid())
    client.send_json(type="PING", clientMsgId="c")
    assert set(client.expect("PONG")) == {"type", "ts"}


def test_error_echoes_only_what_was_sent(connect, uid):
    client = connect(uid())
    client.send_json(type="SINGLE_CHAT", to="1", body="x")
    assert set(client.error("missing_msg_id")) == {"type", "ts", "reason"}
