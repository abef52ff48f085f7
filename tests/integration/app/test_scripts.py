# SPDX-License-Identifier: Apache-2.0
"""The scripts: each explains itself, and a build that cannot be gone on with is told or made anew."""
import os
import shutil
import subprocess

import pytest

from support.server import ROOT

SCRIPTS = sorted(path.name for path in (ROOT / "script").iterdir() if path.is_file() and os.access(path, os.X_OK))


@pytest.mark.parametrize("name", SCRIPTS)
def test_help(name, tmp_path):
    done = subprocess.run([ROOT / "script" / name, "--help"], cwd=tmp_path, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) > 20 and done.stderr == ""


def lib(text, *arguments):
    return subprocess.run(["bash", "-c", f'. "{ROOT}/script/lib.sh"; {text}', "lib", *map(str, arguments)],
                          capture_output=True, text=True, timeout=60)


def test_a_tree_that_has_moved_is_noticed(tmp_path):
    cache = tmp_path / "CMakeCache.txt"
    assert lib('was_moved "$1"', tmp_path).returncode == 1
    cache.write_text(f"CMAKE_HOME_DIRECTORY:INTERNAL={ROOT}\n")
    assert lib('was_moved "$1"', tmp_path).returncode == 1
    cache.write_text("CMAKE_HOME_DIRECTORY:INTERNAL=/somewhere/my chat\n")
    assert lib('was_moved "$1"', tmp_path).returncode == 0


@pytest.mark.skipif(os.geteuid() == 0 and not os.path.exists("/usr/bin/setpriv"), reason="root may write everywhere")
def test_a_build_of_another_user_is_told(tmp_path):
    tmp_path.chmod(0o755)
    mine = tmp_path / "build"
    mine.mkdir()
    mine.chmod(0o555)
    # A copy: the other user need not reach the tree, which may lie in somebody's home.
    copy = tmp_path / "script" / "lib.sh"
    copy.parent.mkdir()
    shutil.copy(ROOT / "script/lib.sh", copy)
    command = ["bash", "-c", f'. "{copy}"; root="$1"; check_owner', "lib", str(tmp_path)]
    if os.geteuid() == 0:
        for parent in tmp_path.parents:
            if not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done
    assert str(mine) in done.stderr and "belongs to" in done.stderr


def test_a_relative_path_of_the_programs(tmp_path):
    """As CONTRIBUTING.md has it: MINIMD=build/asan/minimd."""
    code = "import sys; sys.path.insert(0, 'tests/integration'); from support.server import MINIMD; print(MINIMD)"
    done = subprocess.run(["/usr/bin/python3", "-c", code], cwd=ROOT, env={**os.environ, "MINIMD": "build/asan/minimd"},
                          capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == str(ROOT / "build/asan/minimd"), done.stderr
