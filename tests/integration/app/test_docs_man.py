# SPDX-License-Identifier: Apache-2.0
"""Man pages and completion say what the programs say."""
import pathlib
import subprocess
import sys

import pytest

from support.server import MINIM, MINIMD, ROOT, sanitizer_environment

COMPLETE = """
source "$1" || exit 1
words=("${@:3}")
COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1)) COMPREPLY=()
"$2" "${words[0]}" "${words[-1]}" "${words[-2]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def environment():
    env = sanitizer_environment()
    env["PATH"] = f"{pathlib.Path(MINIM).parent}:{pathlib.Path(MINIMD).parent}:{env['PATH']}"
    return env


def complete(program, *words, cwd=None):
    """What completion offers for the last word, in order of the alphabet."""
    script = ROOT / f"packaging/completion/{program}.bash"
    done = subprocess.run(["bash", "-c", COMPLETE, "bash", script, f"_{program}", program, *words],
                          capture_output=True, text=True, timeout=60, check=True, env=environment(), cwd=cwd)
    assert done.stderr == ""
    return sorted(set(done.stdout.split()))


def test_man_pages_are_fresh():
    build = pathlib.Path(MINIM).parent
    if build != pathlib.Path(MINIMD).parent:
        pytest.skip("minim and minimd are not in one folder")
    done = subprocess.run([sys.executable, ROOT / "script/man", "--check", build], capture_output=True, text=True,
                          timeout=60, env=environment())
    assert done.returncode == 0, done.stderr + "run script/man"


@pytest.mark.parametrize("words, offered", [
    (["ver"], ["verify", "version"]),
    (["bench", "a"], ["ack"]),
    (["bench", "c"], ["compare", "connect"]),
    (["bench", "--s"], ["--scenario"]),
    (["bench", "single-e2e", "--bod"], ["--body"]),
    (["bench", "mixed", "--prof"], ["--profile"]),
    (["bench", "ack", "--log"], ["--login"]),
    (["bench", "mixed", "--model", "p"], ["poisson"]),
    (["bench", "ping", "--bod"], []),
    (["bench", "single-e2e", "--model", "b"], ["burst"]),
    (["bench", "single-e2e", "--pairs", ""], ["even", "zipf"]),
    (["bench", "single-e2e", "--clients", ""], []),
    (["bench", "plot", "x.json", "--sv"], ["--svg"]),
    (["smoke", "--scenario", "of"], ["offline"]),
    (["verify", "--exa"], ["--examples"]),
])
def test_completion_of_minim(words, offered):
    assert complete("minim", *words) == offered


def test_completion_of_files(tmp_path):
    (tmp_path / "result.json").write_text("{}")
    (tmp_path / "results").mkdir()
    assert complete("minim", "bench", "compare", "res", cwd=tmp_path) == ["result.json", "results"]
    assert complete("minim", "bench", "ping", "--json", "res", cwd=tmp_path) == ["result.json", "results"]
    assert complete("minim", "verify", "--data-dir", "res", cwd=tmp_path) == ["results"]
    assert complete("minim", "bench", "--scenario", "res", cwd=tmp_path) == ["result.json", "results"]


@pytest.mark.parametrize("program, words, files", [
    ("minim", ["b"], False),  # in a directory with bench/ it is a command all the same
    ("minim", ["bench", "p"], False),
    ("minim", ["bench", "ping", "--spawn", "--", "--server.p"], False),
    ("minim", ["bench", "ping", "--js"], False),
    ("minim", ["bench", "ping", "--json", "r"], True),
    ("minim", ["verify", "--data-dir", "r"], True),
    ("minimd", ["--server.p"], False),
    ("minimd", ["--config", "=", "r"], True),
])
def test_only_files_are_completed_as_files(program, words, files, tmp_path):
    (tmp_path / "bench").mkdir()
    (tmp_path / "results").mkdir()
    script = ROOT / f"packaging/completion/{program}.bash"
    say = 'compopt() { printf "%s\\n" "$*"; }\n'
    done = subprocess.run(["bash", "-c", say + COMPLETE + 'complete -p "${words[0]}"', "bash", script, f"_{program}",
                           program, *words],
                          capture_output=True, text=True, timeout=60, check=True, env=environment(), cwd=tmp_path)
    assert ("filenames" in done.stdout) is files, done.stdout
    assert f"complete -F _{program} {program}" in done.stdout


@pytest.mark.parametrize("words, offered", [
    (["--chec"], ["--check-config"]),
    (["--server.po"], ["--server.port="]),
    (["--minim.log.format", "=", ""], ["json", "text"]),
    (["--minim.log.format", "=", "j"], ["json"]),
    (["--im.ratelimit.enabled", "="], ["false", "true"]),
    (["--server.port", "=", ""], []),
    (["--generate-docs", "=", "m"], ["markdown"]),
])
def test_completion_of_minimd(words, offered):
    assert complete("minimd", *words) == offered


def test_completion_of_the_daemons_options_behind_minim():
    assert complete("minim", "bench", "ping", "--spawn", "--", "--server.po") == ["--server.port="]
