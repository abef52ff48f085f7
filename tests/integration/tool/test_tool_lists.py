# SPDX-License-Identifier: Apache-2.0
"""minim bench lists: every page is held against what the store was filled with."""
import json

from support.bench import minim


def test_lists_of_a_filled_store(tmp_path):
    path = tmp_path / "result.json"
    done = minim("bench", "lists", "--chats", "25", "--groups", "12", "--stored", "40", "--page", "10",
                 "--duration", "500ms", "--json", str(path), "--gate", "http_errors=0", "--gate", "history_p99<3600s",
                 "--gate", "conversations_p99<3600s", "--gate", "group_conversations_p99<3600s")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []
    result = json.loads(path.read_text())
    assert result["mode"] == "lists" and result["lists"]["ok"] > 0
    counts = [result["latency"][f"http_{name}"]["count"] for name in ("conversations", "group_conversations", "history")]
    assert sum(counts) == result["lists"]["ok"] and max(counts) - min(counts) <= 1
    assert "25 chats and 12 groups of one user, a group with 40 messages" in done.stdout


def test_a_history_without_a_page():
    done = minim("bench", "lists", "--stored", "5", "--page", "10")
    assert done.returncode == 2 and "--stored is less than --page" in done.stderr
