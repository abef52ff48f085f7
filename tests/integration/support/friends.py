# SPDX-License-Identifier: Apache-2.0
"""Friendships as they lie in the store, for tests that are not about how they come to be."""
import sqlite3

from .wait import TIMEOUT


def befriend(server, a, b):
    """The two are friends from now on."""
    db = sqlite3.connect(server.data / "minim.db", timeout=TIMEOUT)
    with db:
        db.execute("INSERT OR IGNORE INTO t_friend_relation(id, user1_id, user2_id, created_at, updated_at)"
                   " SELECT coalesce(max(id), 0) + 1, ?, ?, 0, 0 FROM t_friend_relation",
                   (min(a, b), max(a, b)))
    db.close()
