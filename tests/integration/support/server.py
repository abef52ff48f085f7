# SPDX-License-Identifier: Apache-2.0
"""minimd as a child process: started on ports of its own choice, stopped, killed, watched."""
import os
import pathlib
import re
import select
import signal
import subprocess

from . import tokens
from .http import Api
from .wait import Deadline, until

ROOT = pathlib.Path(__file__).resolve().parents[3]
# Absolute: the daemon is started in a directory of the test's own.
MINIMD = os.path.abspath(os.environ.get("MINIMD", ROOT / "build/asan/minimd"))
MINIM = os.path.abspath(os.environ.get("MINIM", ROOT / "build/asan/minim"))
SECRET = "integration-tests-secret-of-forty-chars!"
READY = re.compile(r"^minimd ready http=\[?(\S+?)\]?:(\d+) ws=\[?(\S+?)\]?:(\d+)\n$")
REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
           "WARNING: ThreadSanitizer", "FATAL: ThreadSanitizer", "mn_bug")
DEFAULTS = {
    "server.address": "127.0.0.1",
    "server.port": 0,
    "im.gateway.ws.host": "127.0.0.1",
    "im.gateway.ws.port": 0,
    "minim.shutdown.spread-ms": 50,  # every daemon here is stopped; seconds each would add up
    # A test that is about something else must not end because it was slow on a busy machine.
    "im.gateway.ws.handshake-timeout-ms": 600000,
    "im.gateway.ws.auth-timeout-ms": 600000,
    "im.gateway.ws.reader-idle-ms": 3600000,
    "im.gateway.ws.writer-idle-ms": 3000000,
    "im.gateway.ws.ping-idle-ms": 0,
    "im.gateway.ws.expiry-grace-ms": 600000,
    "im.cron.resend.fixed-delay-ms": 3600000,
}


def sanitizer_environment():
    """So that a test run by hand finds what script/test finds."""
    env = dict(os.environ)
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:exitcode=86")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    env.setdefault("LSAN_OPTIONS", f"suppressions={ROOT}/script/sanitizer/lsan.supp:print_suppressions=0")
    env.setdefault("TSAN_OPTIONS", f"suppressions={ROOT}/script/sanitizer/tsan.supp:exitcode=66")
    for name in [n for n in env if n.startswith(("IM_", "MINIM_"))]:  # options of minimd
        del env[name]
    return env


class Server:
    """`options` are minimd's; a dot or dash in a name is written as in the documentation."""

    def __init__(self, directory, options=None, env=None, args=(), prefix=(), secret=SECRET):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data = self.directory / "data"
        self.log = self.directory / "stderr.log"
        self.secret = secret
        self.options = {**DEFAULTS, "minim.data-dir": self.data, **(options or {})}
        self.args = list(args)
        self.prefix = list(prefix)
        self.env = sanitizer_environment()
        if secret is not None:
            self.env["IM_AUTH_JWT_SECRET"] = secret
        self.env.update(env or {})
        self.process = None
        self.http = self.ws = None

    # -- life

    def command(self):
        text = {True: "true", False: "false"}
        return [*self.prefix, MINIMD,
                *(f"--{name}={text.get(value, value) if isinstance(value, bool) else value}"
                  for name, value in self.options.items() if value is not None),
                *self.args]

    def spawn(self):
        """Starts the process without waiting for it to be ready."""
        assert self.process is None
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env=self.env, cwd=self.directory)
        return self

    def start(self):
        self.spawn()
        line = self.read_line(Deadline()).decode()
        match = READY.match(line)
        assert match, f"not ready: {line!r}\n{self.log_text()[-4000:]}"
        self.http = (match[1], int(match[2]))
        self.ws = (match[3], int(match[4]))
        return self

    def read_line(self, deadline):
        line = b""
        fd = self.process.stdout.fileno()
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([fd], [], [], deadline.left())
            assert ready, f"no ready line\n{self.log_text()[-4000:]}"
            data = os.read(fd, 1)
            if not data:
                break
            line += data
        return line

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=None):
        try:
            code = self.process.wait(Deadline(timeout).left())
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None
            raise AssertionError(f"minimd did not end\n{self.log_text()[-4000:]}") from None
        rest = self.process.stdout.read()
        self.process.stdout.close()
        self.process = None
        assert rest == b"", f"more than one line on standard output: {rest!r}"
        return code

    def stop(self):
        """SIGTERM, exit code 0, and nothing that a sanitizer minded."""
        if self.process is None:
            return
        self.signal(signal.SIGTERM)
        code = self.wait()
        self.check_reports()
        assert code == 0, f"exit code {code}\n{self.log_text()[-4000:]}"

    def kill(self):
        """SIGKILL: no chance to flush anything."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process = None
        self.check_reports()

    def restart(self):
        self.stop()
        return self.start()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        elif self.process is not None:
            self.process.kill()
            self.wait()

    # -- what it says

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def check_reports(self):
        text = self.log_text()
        for report in REPORTS:
            if report in text:
                at = text.index(report)
                raise AssertionError(f"{report}\n{text[max(0, at - 200):at + 6000]}")

    def wait_log(self, pattern, timeout=None):
        return until(lambda: re.search(pattern, self.log_text()), f"{pattern!r} in the log", timeout)

    def pid(self):
        return self.process.pid

    # -- clients

    def token(self, uid, **how):
        return tokens.sign(uid, self.secret, **how)

    def api(self, token=None):
        return Api(self.http, token)

    def api_of(self, uid):
        return Api(self.http, self.token(uid))

    def metrics(self):
        """Prometheus text as {name or name{labels}: value}."""
        reply = self.api().get("/metrics")
        assert reply.status == 200
        values = {}
        for line in reply.text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        return values

    def metric(self, name):
        """Sum over the labels of `name`, or the one value when `name` has labels."""
        return sum(value for key, value in self.metrics().items()
                   if key == name or key.startswith(name + "{"))
