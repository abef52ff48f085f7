# SPDX-License-Identifier: Apache-2.0
"""docs/contract/ and the README say what is: their examples run, their tables are complete."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from support.im import Client
from support.server import ROOT, sanitizer_environment
from support.wait import Deadline, until

CONTRACT = ROOT / "docs/contract"
SECRET = "0123456789abcdef" * 4
RUNS = {"python": ["/usr/bin/python3", "token.py"], "javascript": ["node", "token.js"], "go": ["go", "run", "token.go"]}


def blocks(path, language=""):
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.M | re.S)


@pytest.mark.parametrize("language", [name for name, command in RUNS.items() if shutil.which(command[0])])
def test_tokens_signed_as_shown_are_taken(launch, tmp_path, opened, language):
    command = RUNS[language]
    (code,) = blocks(CONTRACT / "tokens.md", language)
    (tmp_path / command[-1]).write_text(code)
    env = {**os.environ, "IM_AUTH_JWT_SECRET": SECRET, "HOME": str(tmp_path), "GO111MODULE": "off", "GOFLAGS": ""}
    made = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stderr
    server = launch(secret=SECRET)
    client = Client(server)
    opened.append(client)
    client.send_json(type="AUTH", token=made.stdout.strip())
    assert client.recv()["from"] == "10001"
    assert server.api(made.stdout.strip()).get("/single-chat/conversation/list").ok()["records"] == []


def test_every_frame_shown_is_json():
    frames = [line for block in blocks(CONTRACT / "websocket.md") for line in re.findall(r"[→←] (\{.*?\})(?=\s{2,}|$)", block, re.M)]
    assert len(frames) > 30
    for frame in frames:
        assert list(json.loads(frame))[0] == "type", frame


def test_every_reason_is_explained():
    source = (ROOT / "src/proto/reason.h").read_text()
    text = (CONTRACT / "websocket.md").read_text().split("## W-14")[1].split("## W-15")[0]
    for reason in re.findall(r'X\(\w+,\s*"(\w+)"\)', source):
        assert f"`{reason}`" in text, reason


def test_every_endpoint_is_there():
    source = (ROOT / "src/api/route.c").read_text()
    text = (CONTRACT / "http.md").read_text()
    paths = re.findall(r'^\s*(?:ROW|READ)\("(/[^"]*)"', source, re.M)
    assert len(paths) > 15
    for path in paths:
        assert f" {path}" in text.replace("`", " ").replace("?", " "), path


# ---- the README


def read_me(title):
    section = (ROOT / "README.md").read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"(?:^    .*\n)+", section, re.M)


class Terminal:
    """A shell that is typed into, and what it shows."""

    def __init__(self, directory):
        self.path = directory / f"terminal{len(list(directory.iterdir()))}"
        with open(self.path, "wb") as out:
            self.shell = subprocess.Popen(["bash", "--norc"], stdin=subprocess.PIPE, stdout=out, stderr=out, text=True,
                                          env={**sanitizer_environment(), "TERM": "dumb", "PYTHONUNBUFFERED": "1"})

    def type(self, text):
        self.shell.stdin.write(text)
        self.shell.stdin.flush()

    def shows(self, pattern):
        return until(lambda: re.search(pattern, self.path.read_text(errors="replace")), f"{pattern!r} in a terminal", 60)

    def close(self):
        self.shell.stdin.close()
        try:
            self.shell.wait(Deadline().left())
        except subprocess.TimeoutExpired:
            self.shell.kill()
            self.shell.wait()


def test_the_readmes_first_message_arrives(launch, tmp_path):
    """Every command as it stands there, but for the port."""
    server = launch()
    port = str(server.http[1])
    _install, bobs, alices, message, *_ = [
        block.replace("8080", port).replace("python3 -m", "/usr/bin/python3 -m") for block in read_me("Try it")]
    directory = tmp_path / "terminals"
    directory.mkdir()
    bob, alice = Terminal(directory), Terminal(directory)
    try:
        bob.type(bobs)
        number = bob.shows(r"(?m)^(\d{15,})$")[1]
        bob.shows(r'"AUTH_OK"')
        alice.type(alices)
        alice.shows(r'"AUTH_OK"')
        alice.type(re.sub(r"BOBS_ID", number, message).strip() + "\n")
        alice.shows(r'"ackType":"saved"')
        bob.shows(r'"type":"SINGLE_CHAT".*"body":"hello"')
    finally:
        bob.close()
        alice.close()
