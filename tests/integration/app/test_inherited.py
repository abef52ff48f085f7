# SPDX-License-Identifier: Apache-2.0
"""What a process inherits: closed or full descriptors, signals, limits, a time zone, a service manager."""
import fcntl
import os
import pathlib
import re
import select
import signal
import socket
import subprocess

import pytest

from support.http import Api
from support.server import DEFAULTS, MINIM, MINIMD, READY, ROOT, SECRET, sanitizer_environment
from support.wait import Deadline, until

CLOSED = [[fd for fd in (0, 1, 2) if mask & 1 << fd] for mask in range(1, 8)]


def options(tmp_path, **more):
    merged = {**DEFAULTS, "minim.data-dir": tmp_path / "data", **more}
    return [MINIMD, *(f"--{name}={value}" for name, value in merged.items())]


def environment(**more):
    return {**sanitizer_environment(), "IM_AUTH_JWT_SECRET": SECRET, **more}


@pytest.fixture
def children():
    started = []
    yield started
    for child in started:
        if child.poll() is None:
            child.kill()
            child.wait()
        for stream in (child.stdout, child.stderr):
            if stream:
                stream.close()


def small_pipe():
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    return reader, writer


def fill(fd):
    """Until nothing more fits, without a flag that the other owners of the pipe would share."""
    while select.select([], [fd], [], 0)[1]:
        os.write(fd, b"x" * 4096)


def answers(address):
    try:
        return Api(address).get("/healthz").status == 200
    except OSError:
        return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ---- closed descriptors


@pytest.mark.parametrize("closed", CLOSED, ids=lambda fds: "-".join(map(str, fds)))
def test_closed_descriptors(tmp_path, children, closed):
    port = free_port()
    redirect = " ".join(f"{fd}>&-" for fd in closed)
    command = options(tmp_path, **{"server.port": port})
    child = subprocess.Popen(["sh", "-c", f'exec "$@" {redirect}', "sh", *command], env=environment(),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    children.append(child)
    until(lambda: answers(("127.0.0.1", port)), "an answer", 60)
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    assert (1 in closed) == (out == b"") and (2 in closed) == (err == b""), (out, err)
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"minimd ready" not in content and b"event=" not in content, path


@pytest.mark.parametrize("closed", CLOSED, ids=lambda fds: "-".join(map(str, fds)))
def test_the_tool_with_closed_descriptors(tmp_path, closed):
    redirect = " ".join(f"{fd}>&-" for fd in closed)
    done = subprocess.run(["sh", "-c", f'exec "$@" {redirect}', "sh", MINIM, "verify", "--data-dir", tmp_path],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60, env=environment())
    assert done.returncode in (1, 2), done
    assert list(tmp_path.iterdir()) == []


# ---- descriptors that nobody reads


def test_a_full_standard_error_costs_lines_only(tmp_path, children):
    reader, writer = small_pipe()
    child = subprocess.Popen(options(tmp_path), env=environment(), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=writer)
    children.append(child)
    match = READY.match(child.stdout.readline().decode())
    api = Api((match[1], int(match[2])))
    fill(writer)

    def lost():
        child.send_signal(signal.SIGHUP)  # each logs a line
        text = api.get("/metrics").text
        return int(text.split("\nminim_log_lines_lost_total ")[1].split()[0])

    until(lambda: lost() > 0, "a line to be lost", 120)
    assert api.get("/healthz").status == 200
    os.set_blocking(reader, False)
    read = bytearray()

    def told():
        try:
            read.extend(os.read(reader, 65536))
        except BlockingIOError:
            pass
        return b"event=log_lines_lost lines=" in read

    until(told, "the lost lines to be told", 60)
    fill(writer)
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 0
    os.close(reader)
    os.close(writer)


def test_a_full_standard_output(tmp_path, children):
    """The ready line waits for its reader; the server does not."""
    reader, writer = small_pipe()
    fill(writer)
    port = free_port()
    child = subprocess.Popen(options(tmp_path, **{"server.port": port}), env=environment(),
                             stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE)
    children.append(child)
    until(lambda: answers(("127.0.0.1", port)), "an answer", 60)
    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 0
    assert b"event=ready_line_unread" in err
    os.close(reader)
    os.close(writer)


def test_a_start_that_fails_with_a_full_standard_error(tmp_path):
    reader, writer = small_pipe()
    fill(writer)
    done = subprocess.run(options(tmp_path, **{"minim.data-dir": "/proc/minim"}), env=environment(),
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writer, timeout=60)
    assert done.returncode == 1
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("argument", ["--help", "--version", "--print-config", "--check-config"])
def test_output_that_is_lost_is_a_failure(argument):
    with open("/dev/full", "w") as full:
        done = subprocess.run([MINIMD, argument], stdout=full, stderr=subprocess.PIPE, timeout=60,
                              stdin=subprocess.DEVNULL, env=environment())
    assert done.returncode == 1
    assert done.stderr == b"minimd: cannot write to standard output: No space left on device\n"


def test_a_ready_line_that_is_lost_is_told(tmp_path, children):
    with open("/dev/full", "w") as full:
        child = subprocess.Popen(options(tmp_path), stdout=full, stderr=subprocess.PIPE, text=True,
                                 stdin=subprocess.DEVNULL, env=environment())
    children.append(child)
    for line in child.stderr:
        if "event=ready_line_lost" in line:
            assert "No space left on device" in line
            break
    else:
        raise AssertionError("nothing was said")
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 0


# ---- signals


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_it_is_ready(tmp_path, children, number):
    """Sent when the process begins to read its options, from a pipe that makes it wait there."""
    child = subprocess.Popen([*options(tmp_path), "--config=/dev/stdin"], env=environment(),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    children.append(child)
    until(lambda: blocked(child.pid, number), f"{number!r} to be expected")
    child.send_signal(number)
    child.stdin.close()
    child.stdin = None
    assert READY.match(child.stdout.readline().decode())
    if number == signal.SIGHUP:
        child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 0


def blocked(pid, number):
    with open(f"/proc/{pid}/status") as status:
        mask = next(line.split()[1] for line in status if line.startswith("SigBlk:"))
    return int(mask, 16) >> (number - 1) & 1


def test_a_storm_of_hangups(launch):
    server = launch()
    for _ in range(300):
        server.signal(signal.SIGHUP)
    server.wait_log("event=reloaded")
    assert server.api().get("/healthz").status == 200


# ---- the service manager


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_service_manager_is_told(launch, tmp_path, abstract):
    name = f"@minim-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name.replace("@", "\0"))
        manager.settimeout(60)
        server = launch(env={"NOTIFY_SOCKET": name})
        assert b"READY=1" in manager.recv(4096).split(b"\n")
        server.signal(signal.SIGHUP)
        reloading = manager.recv(4096).split(b"\n")
        assert b"RELOADING=1" in reloading and any(line.startswith(b"MONOTONIC_USEC=") for line in reloading)
        assert b"READY=1" in manager.recv(4096).split(b"\n")
        server.stop()
        assert b"STOPPING=1" in manager.recv(4096).split(b"\n")


@pytest.mark.parametrize("name", ["/nonexistent/notify", "@nobody", "relative", "/" + "x" * 200])
def test_a_service_manager_that_is_not_there(launch, name):
    launch(env={"NOTIFY_SOCKET": name}).stop()


# ---- limits


def limited(tmp_path, limit, prefix="", **more):
    done = subprocess.run(["sh", "-c", f'{limit}; exec "$@"', "sh", *options(tmp_path, **more)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env=environment())
    assert done.returncode == 1, (limit, done.returncode, done.stderr[-2000:])
    assert "minimd: " in done.stderr
    return done.stderr


def test_too_few_descriptors_are_named(tmp_path):
    assert "Too many open files" in limited(tmp_path, "ulimit -n 12")


@pytest.mark.parametrize("wanted, limit", [("false", "1"), ("true", "unlimited")])
def test_secrets_stay_out_of_cores(launch, wanted, limit):
    """1 byte: the kernel writes no core then, and gives none to the program of core_pattern either."""
    asan = sanitizer_environment()["ASAN_OPTIONS"] + ":disable_coredump=0"
    server = launch({"minim.core-dumps": wanted}, env={"ASAN_OPTIONS": asan}, prefix=["prlimit", "--core=unlimited"])
    limits = pathlib.Path(f"/proc/{server.pid()}/limits").read_text()
    assert re.search(r"Max core file size +(\w+)", limits).group(1) == limit


# ---- the time zone


@pytest.mark.parametrize("zone, known", [
    ("Mars/Phobos", False), ("Europe", False), ("zone.tab", False), ("/etc/hostname", False),
    ("UTC", True), ("CET-1CEST,M3.5.0,M10.5.0/3", True), (":UTC", True), ("", True),
])
def test_a_zone_that_is_none(launch, zone, known):
    server = launch(env={"TZ": zone})
    server.stop()
    line = f"event=time_zone_unknown TZ={zone} in_force=UTC"
    assert (line in server.log_text()) != known


def test_check_config_names_an_unknown_zone():
    done = subprocess.run([MINIMD, "--check-config"], env=environment(TZ="Mars/Phobos"), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert done.returncode == 0
    assert "TZ" in done.stderr and "Mars/Phobos" in done.stderr and "UTC" in done.stderr


# ---- before anything is made


@pytest.mark.parametrize("how", [
    {"server.address": "203.0.113.7"}, {"im.gateway.ws.host": "no-such-host.invalid"},
])
def test_nothing_is_made_when_an_address_cannot_be_had(tmp_path, how):
    done = subprocess.run(options(tmp_path, **how), env=environment(), stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 1 and next(iter(how.values())) in done.stderr
    assert not (tmp_path / "data").exists()


def test_nothing_is_made_when_a_port_is_taken(tmp_path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        done = subprocess.run(options(tmp_path, **{"server.port": holder.getsockname()[1]}), env=environment(),
                              stdin=subprocess.DEVNULL, text=True, capture_output=True, timeout=60)
    assert done.returncode == 1 and "Address already in use" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_data_directory_that_others_may_write(launch, tmp_path):
    data = tmp_path / "shared"
    data.mkdir()
    data.chmod(0o777)
    (data / "jwt-secret").write_text("x" * 40)
    (data / "jwt-secret").chmod(0o644)
    server = launch({"minim.data-dir": data}, secret=None)
    server.stop()
    assert "event=data_exposed" in server.log_text()
    assert "name=. mode=0777" in server.log_text() and "name=jwt-secret mode=0644" in server.log_text()


def test_what_is_kept_is_nobody_elses(launch):
    server = launch()
    server.stop()
    assert "data_exposed" not in server.log_text()
    for path in server.data.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_ready_line_of_ipv6(tmp_path, children):
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
    child = subprocess.Popen(options(tmp_path, **{"server.address": "::1", "im.gateway.ws.host": "::1"}),
                             env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
    children.append(child)
    line = child.stdout.readline().decode()
    match = READY.match(line)
    assert match and line.count("=[::1]:") == 2, line
    with socket.create_connection(("::1", int(match[2])), timeout=Deadline().left()):
        pass


def test_a_pipe_as_options_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for argument in (f"--config={tmp_path}/fifo", f"--minim.filter.file={tmp_path}/fifo"):
        done = subprocess.run([MINIMD, argument, "--check-config"], env=environment(), text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        assert done.returncode == 2 and "regular file" in done.stderr
    done = subprocess.run([MINIMD, "--config=/dev/stdin", "--print-config"], env=environment(), text=True,
                          input="server.port = 1234\n", capture_output=True, timeout=60)
    assert done.returncode == 0 and "server.port = 1234" in done.stdout


def test_every_mistake_has_our_name(tmp_path):
    done = subprocess.run([MINIMD, "--a=1", "--b=2", "--verbose"], env=environment(MINIM_CONFIG="/no/such"),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 4 and all(line.startswith("minimd: ") for line in lines), lines
    assert "MINIM_CONFIG" in lines[0] and "unknown option" in lines[-1]


RELEASE = ROOT / "build/release/minimd"

if RELEASE.exists():  # the sanitizers' own memory is far above any such limit

    @pytest.mark.parametrize("kib", [60000, 120000, 200000])
    def test_too_little_memory_is_a_message(tmp_path, kib):
        command = [str(RELEASE), *options(tmp_path)[1:]]
        done = subprocess.run(["sh", "-c", f'ulimit -v {kib}; exec "$@"', "sh", *command], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, env=environment())
        assert done.returncode == 1, (done.returncode, done.stderr)
        assert "minim" in done.stderr and "memory" in done.stderr.lower()
