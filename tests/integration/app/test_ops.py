# SPDX-License-Identifier: Apache-2.0
"""/healthz, /readyz, /metrics: what an operator's tools ask."""
import re

import pytest

from support.wait import until

SAMPLE = re.compile(r'^[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?([0-9.]+(e[+-]?\d+)?|\+Inf|NaN)$')


def test_healthz(server):
    reply = server.api().get("/healthz")
    assert reply.status == 200 and reply.json["status"] == "ok"


def test_readyz(server):
    reply = server.api().get("/readyz")
    assert reply.status == 200 and reply.json["status"] == "ready"


def test_probes_need_no_token_and_ignore_a_bad_one(server):
    for path in ("/healthz", "/readyz", "/metrics"):
        assert server.api().get(path).status == 200


def test_metrics_are_prometheus_text(server):
    reply = server.api().get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    typed, seen = {}, set()
    for line in reply.text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert name not in typed, f"{name} twice"
            typed[name] = kind
        elif not line.startswith("#"):
            assert SAMPLE.match(line), line
            seen.add(re.sub(r"_(bucket|sum|count)$", "", line.split("{")[0].split(" ")[0]))
    assert {name for name in seen if name.startswith("minim_")} <= set(typed)
    assert reply.text.endswith("\n")


@pytest.mark.parametrize("name", [
    "minim_connections", "minim_ws_connections", "minim_sessions", "minim_accepted_total", "minim_frames_in_total",
    "minim_frames_out_total", "minim_closes_total", "minim_kicks_total", "minim_pushes_dropped_total",
    "minim_queued_bytes", "minim_writer_queue", "minim_commit_operations_bucket", "minim_commit_seconds_bucket",
    "minim_messages_committed_total", "process_resident_memory_bytes", "process_cpu_seconds_total",
    "process_open_fds",
])
def test_metric_exists(server, name):
    assert any(key.split("{")[0] == name for key in server.metrics()), name


def test_messages_are_counted(launch, connect, uid):
    server = launch()
    sender, receiver = connect(uid(), server), connect(uid(), server)
    sender.chat(receiver.uid, "x", "one")
    sender.chat(receiver.uid, "x", "one")
    receiver.ack(receiver.expect("SINGLE_CHAT"))
    sender.expect("ACK", ackType="delivered")
    values = server.metrics()
    assert values["minim_messages_committed_total"] == 1
    assert values["minim_messages_duplicate_total"] == 1
    assert values['minim_frames_in_total{type="SINGLE_CHAT"}'] == 2
    assert values['minim_frames_out_total{type="SINGLE_CHAT"}'] == 1
    assert values['minim_frames_in_total{type="AUTH"}'] == values['minim_frames_out_total{type="AUTH_OK"}'] == 2
    assert values['minim_frames_in_total{type="other"}'] == 0 and 'minim_frames_in_total{type="AUTH_OK"}' not in values
    assert values["minim_sessions"] == 2 and values["minim_ws_connections"] == 2
    assert values["minim_cursor_moves_total"] >= 1 and values["minim_commits_total"] >= 1
    assert values['minim_commit_operations_bucket{le="+Inf"}'] == values["minim_commit_operations_count"]


def test_gauges_return_to_zero(launch, connect, uid):
    server = launch()
    clients = [connect(uid(), server) for _ in range(10)]
    assert server.metric("minim_sessions") == 10
    for client in clients:
        client.close()
    until(lambda: server.metric("minim_sessions") == 0 and server.metric("minim_ws_connections") == 0, "zero")
    assert server.metric("minim_queued_bytes") < 8192  # the request that asks
    assert server.metric("minim_connections") == 1  # the one that asks


def test_metrics_can_be_switched_off(launch):
    server = launch({"minim.metrics.enabled": "false"})
    server.api().get("/metrics").fail(404, 40400, "not_found")
    assert server.api().get("/healthz").status == 200
