# SPDX-License-Identifier: Apache-2.0
"""docs/architecture.md: where options come from, and what a mistake says before anything is opened."""
import json
import pathlib
import signal
import subprocess

import pytest

from support.server import DEFAULTS, MINIMD, SECRET, sanitizer_environment
from support.wait import until


def run(*args, env=None, cwd=None):
    return subprocess.run([MINIMD, *map(str, args)], env={**sanitizer_environment(), **(env or {})}, cwd=cwd,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def refused(tmp_path, *args, env=None, says=()):
    """Exit code 2, a message that names what is wrong, and nothing opened."""
    done = run(*args, f"--minim.data-dir={tmp_path}/data", env=env, cwd=tmp_path)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert done.stdout == ""
    for text in says:
        assert str(text) in done.stderr, done.stderr
    assert not (tmp_path / "data").exists(), "the data directory was made before the options were checked"
    return done.stderr


@pytest.mark.parametrize("argument, says", [
    ("--server.port=99999", ["server.port", "99999", "65535"]),
    ("--server.port=-1", ["server.port", "-1"]),
    ("--server.port=80x", ["server.port", "80x"]),
    ("--server.port=", ["server.port"]),
    ("--server.port=1.5", ["server.port"]),
    ("--server.port=0x50", ["server.port"]),
    ("--im.gateway.ws.path=ws", ["im.gateway.ws.path", "ws"]),
    ("--im.ratelimit.enabled=maybe", ["im.ratelimit.enabled", "maybe", "true"]),
    ("--minim.log.level=loud", ["minim.log.level", "loud", "info"]),
    ("--minim.log.format=xml", ["minim.log.format", "xml", "json"]),
    ("--im.gateway.ws.resend.window=x", ["im.gateway.ws.resend.window"]),
    ("--no.such.option=1", ["no.such.option"]),
    ("--server.prot=1", ["server.prot"]),
    ("stray", ["stray"]),
    ("-x", ["-x"]),
    ("--config=/no/such/file.conf", ["/no/such/file.conf"]),
    ("--im.auth.jwt-secret=short", ["im.auth.jwt-secret", "32"]),
    ("--minim.http.cors-origins=ht tp://x", ["minim.http.cors-origins"]),
], ids=lambda v: v if isinstance(v, str) else "")
def test_bad_command_line(tmp_path, argument, says):
    refused(tmp_path, argument, says=says)


def test_secret_is_not_repeated_in_the_message(tmp_path):
    message = refused(tmp_path, "--im.auth.jwt-secret=tooshortbutsecret", says=["im.auth.jwt-secret"])
    assert "tooshortbutsecret" not in message


def test_every_mistake_is_named_at_once(tmp_path):
    refused(tmp_path, "--server.port=x", "--minim.log.level=y", says=["server.port", "minim.log.level"])


def test_file_with_a_mistake_says_where(tmp_path):
    path = tmp_path / "minim.conf"
    path.write_text("# comment\n\nserver.port = 0\nserver.address = 127.0.0.1\nno-such = 1\n")
    refused(tmp_path, f"--config={path}", says=[path.name + ":5", "no-such"])


@pytest.mark.parametrize("line", ["server.port", "= 5", "server.port 5", "server.port = 5 6"])
def test_file_with_bad_syntax(tmp_path, line):
    path = tmp_path / "minim.conf"
    path.write_text(line + "\n")
    refused(tmp_path, f"--config={path}", says=["minim.conf:1"])


def test_bad_environment(tmp_path):
    refused(tmp_path, env={"IM_AUTH_JWT_SECRET": "short"}, says=["IM_AUTH_JWT_SECRET"])


def test_check_config_opens_nothing(tmp_path):
    done = run("--check-config", f"--minim.data-dir={tmp_path}/data", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "data").exists()
    refused(tmp_path, "--check-config", "--server.port=x", says=["server.port"])


def test_help_names_every_option():
    done = run("--help")
    assert done.returncode == 0 and done.stderr == ""
    for name in list(DEFAULTS) + ["minim.data-dir", "im.auth.jwt-secret", "minim.log.level", "--config", "--check-config"]:
        assert name in done.stdout


def test_version():
    done = run("--version")
    assert done.returncode == 0 and done.stdout.startswith("minimd ")


@pytest.mark.parametrize("kind", ["markdown", "sample"])
def test_generated_documents_mention_every_option(kind):
    names = {word.strip("-=,") for word in run("--help").stdout.split() if word.startswith("--") and "." in word}
    document = run(f"--generate-docs={kind}").stdout
    for name in names:
        assert name.split("=")[0] in document


def test_sample_file_is_accepted(tmp_path):
    path = tmp_path / "minim.conf"
    path.write_text(run("--generate-docs=sample").stdout)
    done = run("--check-config", f"--config={path}")
    assert done.returncode == 0, done.stderr


# ---- precedence


def launch_with_path(launch, tmp_path, file_path, argument=None):
    """The WebSocket path comes from the file, unless the command line names one."""
    path = tmp_path / "minim.conf"
    path.write_text(f"# sample\n\n  im.gateway.ws.path = {file_path}  \n")
    return launch({"im.gateway.ws.path": argument}, args=[f"--config={path}"])


def test_file_overrides_the_default(launch, tmp_path, websocket):
    server = launch_with_path(launch, tmp_path, "/from-file")
    websocket(server, path="/from-file")


def test_command_line_overrides_the_file(launch, tmp_path, websocket):
    server = launch_with_path(launch, tmp_path, "/from-file", "/from-line")
    websocket(server, path="/from-line")


def test_secret_of_the_environment(launch, connect, uid):
    server = launch(env={"IM_AUTH_JWT_SECRET": SECRET})
    connect(uid(), server)


def test_command_line_overrides_the_environment(launch, connect, uid):
    server = launch({"im.auth.jwt-secret": "k" * 40})
    server.secret = "k" * 40
    connect(uid(), server)


def test_a_secret_is_made_and_kept(launch):
    """No secret has a working default: the first start makes one, mode 0600."""
    server = launch(secret=None)
    login = server.api().login("first")
    files = [path for path in server.data.rglob("*") if path.is_file() and "secret" in path.name]
    assert len(files) == 1 and files[0].stat().st_mode & 0o777 == 0o600
    secret = files[0].read_text().strip()
    assert len(secret) >= 32 and secret not in server.log_text()
    server.restart()
    server.api(login["accessToken"]).get("/me/profile").ok()


def test_data_directory_is_private(launch):
    server = launch()
    assert server.data.stat().st_mode & 0o077 == 0


# ---- the ready line


def test_both_ports_are_told_and_serve(launch):
    server = launch()
    assert server.http[1] != server.ws[1] and server.http[0] == "127.0.0.1"


def test_fixed_port_in_use(launch, tmp_path):
    first = launch()
    done = run(f"--server.port={first.http[1]}", "--server.address=127.0.0.1", "--im.gateway.ws.port=0",
               f"--minim.data-dir={tmp_path}/other", env={"IM_AUTH_JWT_SECRET": SECRET})
    assert done.returncode not in (0, 2) and done.stdout == ""
    assert str(first.http[1]) in done.stderr


# ---- reload


def test_reload_takes_what_is_reloadable(launch, tmp_path, connect, uid):
    path = tmp_path / "minim.conf"
    path.write_text("im.gateway.ws.auth-timeout-ms = 60000\n")
    server = launch({"im.gateway.ws.auth-timeout-ms": None}, args=[f"--config={path}"])
    path.write_text("im.gateway.ws.auth-timeout-ms = 300\n")
    server.signal(signal.SIGHUP)
    server.wait_log("reload")

    def times_out():
        client = connect(at=server)
        try:
            client.error("auth_timeout", timeout=1)
        except AssertionError:
            return False
        return True
    until(times_out, "the new auth timeout")


def test_bad_reload_keeps_the_old_values(launch, tmp_path, connect, uid):
    path = tmp_path / "minim.conf"
    path.write_text("im.gateway.ws.auth-timeout-ms = 60000\n")
    server = launch({"im.gateway.ws.auth-timeout-ms": None}, args=[f"--config={path}"])
    path.write_text("im.gateway.ws.auth-timeout-ms = nonsense\n")
    server.signal(signal.SIGHUP)
    server.wait_log("nonsense")
    connect(uid(), server).expect_alive()


def test_reload_says_what_needs_a_restart(launch, tmp_path):
    path = tmp_path / "minim.conf"
    path.write_text("im.gateway.ws.path = /ws\n")
    server = launch(args=[f"--config={path}"])
    path.write_text("im.gateway.ws.path = /other\n")
    server.signal(signal.SIGHUP)
    server.wait_log("im.gateway.ws.path")


# ---- log format


def test_json_log(launch, connect, uid):
    server = launch({"minim.log.format": "json", "minim.log.level": "debug"})
    connect(uid(), server).chat(uid())
    server.stop()
    lines = pathlib.Path(server.log).read_text().splitlines()
    assert lines
    for line in lines:
        assert isinstance(json.loads(line), dict)


def test_text_log_has_one_line_an_event(launch, connect, uid):
    server = launch({"minim.log.level": "debug"})
    client = connect(uid(), server)
    body = "line one\nline two secret-body"
    client.chat(uid(), body)
    client.send_text("{bad\n")
    client.error("bad_json")
    token = server.token(client.uid)
    server.stop()
    text = server.log_text()
    assert "secret-body" not in text and token not in text and SECRET not in text
    for line in text.splitlines():
        assert "=" in line, line
