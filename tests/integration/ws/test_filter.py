# SPDX-License-Identifier: Apache-2.0
"""W-12, H-6.2: the text filter and its file."""
import signal

import pytest

from support.wait import until

WORDS = """# a comment
  badword
zz
ass
Straße
дурак
café
敏感词
敏感

badword
"""


@pytest.fixture(scope="module")
def filtered(launch_module, tmp_path_factory):
    path = tmp_path_factory.mktemp("filter") / "words.txt"
    path.write_text(WORDS, encoding="utf-8")
    server = launch_module({"minim.filter.file": path})
    server.words = path
    return server


@pytest.mark.parametrize("body, result", [
    ("this is a badword here", "this is a *** here"),
    ("badword", "***"),
    ("badword badword", "*** ***"),
    ("badword,badword.", "***,***."),
    ("Badword BADWORD", "*** ***"),  # W-12: case is no way around it
    # words of Latin script only at boundaries (decision): no innocent word is hit
    ("class passes assist", "class passes assist"),
    ("an ass.", "an ***."),
    ("notbadword badwords", "notbadword badwords"),
    ("pizza zz", "pizza ***"),
    ("Straße STRASSE", "*** ***"),
    ("ДУРАК дурак Дурак", "*** *** ***"),
    ("дураки", "дураки"),
    ("CAFÉ cafe\u0301 cafe", "*** *** cafe"),
    ("Straßen", "Straßen"),
    # other scripts anywhere, the longest first
    ("这是敏感词吗", "这是***吗"),
    ("很敏感的", "很***的"),
    ("敏感敏感词", "******"),
    ("# a comment", "# a comment"),
    ("nothing to see", "nothing to see"),
    ("***", "***"),
])
def test_masking(filtered, connect, uid, body, result):
    sender, receiver = connect(uid(), filtered), connect(uid(), filtered)
    assert sender.chat(receiver.uid, body)["body"] == result
    assert receiver.expect("SINGLE_CHAT")["body"] == result
    history = filtered.api_of(receiver.uid).get("/single-chat/message/cursor", peerUserId=sender.uid).ok()
    assert history[0]["content"] == result


def test_length_is_judged_before_the_filter(filtered, connect, uid):
    sender, receiver = connect(uid(), filtered), connect(uid(), filtered)
    body = "zz " * 1365  # 4095 units; longer when masked
    assert sender.chat(receiver.uid, body)["body"] == "*** " * 1365


def test_filtered_messages_are_counted(filtered, connect, uid):
    before = filtered.metric("minim_messages_filtered_total")
    sender = connect(uid(), filtered)
    sender.chat(uid(), "badword")
    sender.chat(uid(), "harmless")
    assert filtered.metric("minim_messages_filtered_total") == before + 1


def test_reload_reads_the_list_again(filtered, connect, uid):
    sender = connect(uid(), filtered)
    assert sender.chat(uid(), "newword")["body"] == "newword"
    filtered.words.write_text(WORDS + "newword\n", encoding="utf-8")
    filtered.signal(signal.SIGHUP)
    until(lambda: sender.chat(uid(), "newword")["body"] == "***", "the new list")
