# SPDX-License-Identifier: Apache-2.0
"""Where minim's results go: a wrong place is told before the work, a lost result is no success."""
import json
import subprocess

import pytest

from support.bench import SECRET, minim
from support.server import MINIM, sanitizer_environment

NOBODY = ["--ws", "ws://127.0.0.1:1/ws"]  # a run that began would fail there with 1


def commands(tmp_path):
    """Every command with its options for results."""
    ledger = tmp_path / "run.ledger"
    ledger.write_text("minim-ledger 1\n")
    http = ["--http", "http://127.0.0.1:1", "--ledger", str(ledger)]
    return [
        (["bench", "ping", *NOBODY], ["--json", "--html"]),
        (["bench", "floor", "--duration", "1h"], ["--json"]),
        (["smoke", *NOBODY], ["--json", "--junit"]),
        (["verify", *http], ["--json"]),
        (["bench", "compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")], ["--html"]),
        (["bench", "plot", str(tmp_path / "a.json")], ["--html", "--svg"]),
    ]


def test_a_wrong_path_is_told_before_the_work(tmp_path):
    for command, options in commands(tmp_path):
        for option in options:
            done = minim(*command, option, str(tmp_path / "no/such/dir/x"))
            assert done.returncode == 2, (command, option, done)
            assert option in done.stderr and "No such file or directory" in done.stderr
            assert done.stdout == ""
            if option != "--svg":
                done = minim(*command, option, str(tmp_path))
                assert done.returncode == 2 and "Is a directory" in done.stderr


@pytest.mark.parametrize("command, one, other", [
    (["bench", "ping", *NOBODY], "--json", "--html"),
    (["smoke", *NOBODY], "--json", "--junit"),
])
def test_two_results_need_two_places(tmp_path, command, one, other):
    path = tmp_path / "x"
    link = tmp_path / "link"
    link.symlink_to(path)
    for a, b in [(path, path), (path, tmp_path / "." / "x"), (path, link), ("-", "-")]:
        done = minim(*command, one, str(a), other, str(b))
        assert done.returncode == 2 and f"goes where {one} goes" in done.stderr, (a, b, done)
        assert not path.exists()


def test_what_a_command_reads_is_not_overwritten(tmp_path):
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text("{}")
    ledger = tmp_path / "run.ledger"
    ledger.write_text("minim-ledger 1\n")
    a = str(tmp_path / "a.json")
    for command in (["bench", "plot", a, "--html", a],
                    ["bench", "compare", a, str(tmp_path / "b.json"), "--html", a],
                    ["verify", "--data-dir", str(tmp_path), "--ledger", str(ledger), "--json", str(ledger)],
                    ["bench", "single-e2e", *NOBODY, "--ledger", str(ledger), "--json", str(ledger)]):
        done = minim(*command)
        assert done.returncode == 2 and "would destroy" in done.stderr, (command, done)
    assert (tmp_path / "a.json").read_text() == "{}"
    assert ledger.read_text() == "minim-ledger 1\n"


def test_an_old_result_stays_until_there_is_a_new_one(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("old")
    done = minim("bench", "ping", "--ws", "nonsense", "--json", str(path))
    assert done.returncode == 2 and path.read_text() == "old"
    done = minim("bench", "ping", "--ws", "nonsense", "--json", str(tmp_path / "y.json"))
    assert done.returncode == 2 and not (tmp_path / "y.json").exists()
    path.write_text("x" * 100000)
    done = minim("smoke", "--scenario", "basic", "--timeout", "1s", *NOBODY, "--json", str(path))
    assert done.returncode == 1
    assert json.loads(path.read_text())["ok"] is False  # nothing of the longer one behind it


@pytest.mark.parametrize("args", [
    ["version"], ["--version"], ["--help"], ["help"], ["bench", "--help"], ["smoke", "--help"],
    ["bench", "ping", "--help"], ["bench", "compare", "--help"], ["bench", "plot", "--help"],
    ["bench", "floor", "--help"], ["verify", "--help"],
    ["smoke", "--scenario", "basic", *NOBODY], ["smoke", "--scenario", "basic", *NOBODY, "--json", "-"],
])
def test_a_full_standard_output_is_no_success(args):
    env = {**sanitizer_environment(), "IM_AUTH_JWT_SECRET": SECRET}
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([MINIM, *args], stdout=full, stderr=subprocess.PIPE, text=True,
                              timeout=60, env=env, check=False)
    assert done.returncode == 1
    assert "standard output: No space left on device" in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_standard_descriptors(tmp_path, closed):
    """A result file must not become descriptor 1 or 2, where other output would end up in it."""
    path = tmp_path / "x.json"
    env = {**sanitizer_environment(), "IM_AUTH_JWT_SECRET": SECRET, "MINIM": MINIM}
    command = f'"$MINIM" smoke --scenario basic --ws ws://127.0.0.1:1/ws --json "{path}" {closed}'
    done = subprocess.run(["sh", "-c", command], timeout=60, env=env, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert json.loads(path.read_text())["ok"] is False


@pytest.mark.parametrize("words", [["help"], ["help", "bench"], ["help", "bench", "ping"], ["help", "smoke"]])
def test_help_is_a_command(words):
    done = minim(*words)
    assert done.returncode == 0 and "usage: minim" in done.stdout and not done.stderr
    assert done.stdout == minim(*words[1:], "--help").stdout
