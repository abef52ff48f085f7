# SPDX-License-Identifier: Apache-2.0
"""Deadlines.  A test waits for a condition, and fails with its name when it does not come."""
import os
import threading
import time

# Sanitized builds on a busy machine are slow; only a failing test waits this long.
TIMEOUT = float(os.environ.get("MINIM_TEST_TIMEOUT", "60"))


class Deadline:
    def __init__(self, seconds=None):
        self.end = time.monotonic() + (TIMEOUT if seconds is None else seconds)

    def left(self):
        return max(0.0, self.end - time.monotonic())

    def passed(self):
        return time.monotonic() >= self.end


def until(condition, what, timeout=None):
    """Polls until condition() is true, and returns its value."""
    deadline = Deadline(timeout)
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        assert not deadline.passed(), f"waited in vain for {what}"
        pause.wait(0.01)
