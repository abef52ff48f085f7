# SPDX-License-Identifier: Apache-2.0
"""minim verify over the directory of a daemon that does not run."""
import json
import subprocess

from .server import MINIM, sanitizer_environment
from .wait import TIMEOUT


def verified(server):
    """Fails unless all is well; what was looked at."""
    done = subprocess.run([MINIM, "verify", "--data-dir", server.data, "--json", "-"], capture_output=True, text=True,
                          timeout=TIMEOUT, env=sanitizer_environment())
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["looked_at"]
