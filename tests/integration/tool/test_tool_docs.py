# SPDX-License-Identifier: Apache-2.0
"""What docs/bench.md and docs/verify.md show can be pasted: files parse, commands have only options that exist."""
import re
import shlex

import pytest

from support.bench import minim
from support.server import ROOT

BLOCK = re.compile(r"^```\n(.*?)^```$", re.M | re.S)
NOBODY = ["--ws", "ws://127.0.0.1:1/ws", "--http", "http://127.0.0.1:1", "--timeout", "100ms", "--clients", "2",
          "--duration", "100ms", "--warmup", "0s"]


def blocks(page):
    return BLOCK.findall((ROOT / "docs" / page).read_text())


def block_with(page, line):
    found = [block for block in blocks(page) if line in block]
    assert len(found) == 1, f"{page}: {len(found)} blocks with {line!r}"
    return found[0]


def test_the_scenario_file(tmp_path):
    path = tmp_path / "shown.conf"
    path.write_text(block_with("bench.md", "mode = single-e2e"))
    done = minim("bench", "--scenario", str(path), *NOBODY)
    assert done.returncode == 1 and "no client could be authenticated" in done.stderr
    assert re.search(r"gate p99<5ms +MISSED", done.stdout)


def test_the_profile(tmp_path):
    path = tmp_path / "shown.profile"
    path.write_text(block_with("bench.md", "conversations = 7"))
    done = minim("bench", "mixed", "--profile", str(path), *NOBODY)
    assert done.returncode == 1 and "no client could be authenticated" in done.stderr


def commands():
    for page in ("bench.md", "verify.md"):
        for block in blocks(page):
            for line in block.splitlines():
                if line.startswith("minim "):
                    yield re.split(r" {3,}", line)[0]  # what stands behind a gap explains it


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_the_commands(line, tmp_path):
    """As shown, with an unknown option behind, which is all that may be wrong with it."""
    words = shlex.split(line)[1:]
    at = words.index("--") if "--" in words else len(words)
    words = [str(ROOT / word) if word.startswith("bench/scenarios/") else word for word in words]
    done = minim(*words[:at], "--no-such-option", *words[at:])
    assert done.returncode == 2
    assert done.stderr.split(": ", 1)[1].startswith("--no-such-option: unknown option"), done.stderr
