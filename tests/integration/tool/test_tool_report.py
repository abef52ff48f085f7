# SPDX-License-Identifier: Apache-2.0
"""What minim makes of results: pages, pictures, comparisons, scenario files, the floor, the recorded set."""
import json
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from support.server import MINIM, ROOT, sanitizer_environment

SHIM = pathlib.Path(MINIM).parent / "tests" / "libsync_count.so"
SVG = "{http://www.w3.org/2000/svg}"
HTML = "{http://www.w3.org/1999/xhtml}"
EVIL = "</title><script>alert(1)</script>\"'&\x01"


def minim(*args, timeout=120):
    return subprocess.run([MINIM, *map(str, args)], capture_output=True, text=True, timeout=timeout,
                          env=sanitizer_environment())


def latency(values):
    """A latency object of these nanoseconds, which must ascend."""
    return {"count": len(values), "min_ns": values[0], "mean_ns": sum(values) / len(values),
            "p50_ns": values[len(values) // 2], "p90_ns": values[-1], "p95_ns": values[-1],
            "p99_ns": values[-1], "p999_ns": values[-1], "max_ns": values[-1],
            "buckets": [[value, 1] for value in values]}


def result(rate=1000.0, p99=5e6, mode="single-e2e", **more):
    """A result such as a run of ten seconds gives; the rate wanders by 10% of it within them."""
    rows = [{"at_s": 1.3 + i, "phase": "warmup" if i < 2 else "steady", "connected": 20,
             "sent_per_s": rate, "saved_per_s": rate, "delivered_per_s": rate * (0.95 + 0.1 * (i % 2)),
             "pongs_per_s": 0, "errors": 0, "p50_ns": p99 / 10, "p90_ns": p99 / 2,
             "p99_ns": p99 * (1 + 0.01 * (i % 3)), "max_ns": p99 * 2, "tool_cpu": 0.1,
             "server": {"rss_bytes": 50_000_000 + i, "cpu_s": i, "cpu": 0.5, "threads": 9, "fds": 40}}
            for i in range(10)]
    document = {
        "schema_version": 1, "tool": "minim bench", "version": "0.1.0", "mode": mode,
        "started_unix_ms": 1_790_000_000_000,
        "parameters": {"clients": 20, "ws": ["ws://127.0.0.1:1/ws"], "model": "spread"},
        "machine": {"cores": 2, "memory_bytes": 2**34, "cpu": "a processor", "kernel": "Linux"},
        "phases": [{"name": "connect", "begin_s": 0}, {"name": "warmup", "begin_s": 0.1},
                   {"name": "steady", "begin_s": 2.1}, {"name": "drain", "begin_s": 10.1}],
        "figures": {"delivered_per_s": rate, "p50": p99 / 10, "p99": p99, "lost": 0, "connect_s": 0.1},
        "ledger": {"attempted": 10, "skipped": 0, "failed": 0, "sent": 10, "saved": 10, "refused": 0,
                   "unknown": 0, "delivered_live": 10, "delivered_resend": 0, "lost": 0, "balanced": True},
        "latency": {"response": latency([100_000, 200_000, 5_000_000]), "saved": latency([90_000, 4_000_000]),
                    "connect": latency([1_000_000])},
        "generator": {"saturated": False}, "series": rows,
        "gates": [{"gate": "p99<9ms", "held": True, "got": "5.000 ms"}, {"gate": "lost=0", "held": True, "got": "0"}],
    }
    document.update(more)
    return document


@pytest.fixture
def write(tmp_path):
    def make(name, document):
        path = tmp_path / f"{name}.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    return make


def page_of(path):
    """Parsed as XML, which is stricter than any browser."""
    text = path.read_text()
    assert "<script" not in text
    assert "http://" not in text.replace("http://www.w3.org/", "").replace("http://127.0.0.1", "")
    return ElementTree.fromstring(text)


def charts_of(page):
    """aria-label of every chart that has a line."""
    return [svg.get("aria-label") for svg in page.iter() if svg.tag.endswith("svg") and svg.get("role") == "img"
            and any((path.get("class") or "").startswith("line") and path.get("d") for path in svg.iter())]


# ---- pages ----

def test_a_page_has_the_charts_and_the_figures(write, tmp_path):
    page = tmp_path / "page.html"
    done = minim("bench", "plot", write("one", result(scenario="steady", title="a title")), "--html", page)
    assert done.returncode == 0, done.stderr
    root = page_of(page)
    assert charts_of(root) == ["Latency over time", "Latency distribution", "Latency by percentile",
                               "Rates over time", "Memory of the server over time", "CPU over time"]
    text = "".join(root.itertext())
    for wanted in ("steady", "a title", "1,000", "5 ms", "All gates held", "end to end", "a processor",
                   "from the intended send", "attempted 10"):
        assert wanted in text
    heads = [head.text for head in root.iter(f"{HTML}h2")]
    assert {"Parameters", "Machine", "Gates", "Latencies"} <= set(heads)


def test_nothing_in_a_result_leaves_its_text(write, tmp_path):
    page = tmp_path / "page.html"
    document = result(scenario=EVIL, title=EVIL, failures={EVIL: 3}, version=EVIL)
    document["parameters"][EVIL] = EVIL
    document["machine"]["cpu"] = EVIL
    document["gates"] = [{"gate": EVIL, "held": False, "got": EVIL}]
    document["ledger"]["refused_by_reason"] = {EVIL: 1}
    assert minim("bench", "plot", write("evil", document), "--html", page).returncode == 0
    text = "".join(page_of(page).itertext())
    assert "</title><script>alert(1)" in text  # shown, not run
    assert "1 of 1 gates missed" in text


@pytest.mark.parametrize("change, words", [
    ({"interrupted": True}, "ended early"),
    ({"generator": {"saturated": True}}, "generator was saturated"),
    ({"ledger": {"balanced": False}}, "does not balance"),
    ({"parameters": {"clients": 19500, "clients_asked": 50000}}, "50,000 clients were asked for"),
])
def test_a_page_says_what_must_be_known(write, tmp_path, change, words):
    page = tmp_path / "page.html"
    assert minim("bench", "plot", write("one", result(**change)), "--html", page).returncode == 0
    assert words in "".join(page_of(page).itertext())


@pytest.mark.parametrize("member", ["series", "latency", "phases", "figures", "ledger", "gates", "parameters",
                                    "machine", "generator"])
@pytest.mark.parametrize("value", [{}, [], 7, "text", None, [None, 5, {"at_s": "x"}], {"response": 5}])
def test_a_result_with_holes_still_gives_a_page(write, tmp_path, member, value):
    page = tmp_path / "page.html"
    document = result()
    document[member] = value
    done = minim("bench", "plot", write("holes", document), "--html", page)
    if member == "figures" and not isinstance(value, dict):
        assert done.returncode == 2
    else:
        assert done.returncode == 0, done.stderr
        page_of(page)


def test_pictures_are_files_of_their_own(write, tmp_path):
    folder = tmp_path / "pictures"
    assert minim("bench", "plot", write("one", result(scenario="named")), "--svg", folder).returncode == 0
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"named-{kind}.svg" for kind in ("cpu", "distribution", "memory", "percentiles", "rates", "tail")]
    for path in folder.iterdir():
        root = ElementTree.fromstring(path.read_text())
        assert root.tag == f"{SVG}svg" and root.get("viewBox")
        assert "prefers-color-scheme" in root.find(f"{SVG}style").text


def test_a_name_of_a_result_is_no_path(write, tmp_path):
    folder = tmp_path / "pictures"
    document = result(scenario="../../up/and/away")
    assert minim("bench", "plot", write("one", document), "--svg", folder).returncode == 0
    assert all(path.parent == folder for path in tmp_path.rglob("*.svg"))
    assert len(list(folder.iterdir())) == 6


# ---- files that are no results ----

BAD = [("empty", "", "line"), ("text", "hello", "line"), ("list", "[]", "no result"),
       ("other", '{"tool": "another"}', "no result"),
       ("newer", json.dumps({"schema_version": 2, "tool": "minim bench"}), "schema_version"),
       ("partial", json.dumps({"schema_version": 1, "tool": "minim bench", "mode": "ping"}), "no complete result"),
       ("deep", "[" * 100000, "line")]


@pytest.mark.parametrize("name, text, words", BAD, ids=[bad[0] for bad in BAD])
def test_what_is_no_result_exits_with_2(write, tmp_path, name, text, words):
    path, good = write(name, text), write("good", result())
    for args in (["plot", path, "--html", tmp_path / "x.html"], ["compare", good, path], ["compare", path, good]):
        done = minim("bench", *args)
        assert done.returncode == 2
        assert words in done.stderr and str(path) in done.stderr
        assert done.stdout == ""
    assert not (tmp_path / "x.html").exists()


@pytest.mark.parametrize("args, words", [
    (["plot"], "expected one result"),
    (["plot", "a.json"], "--html FILE, --svg DIR, or both, are missing"),
    (["plot", "none.json", "--html", "x"], "none.json: No such file"),
    (["compare"], "usage: minim bench compare"),
    (["compare", "a.json"], "two results are needed"),
    (["compare", "a.json", "vs"], "a side without a result"),
    (["compare", "vs", "a.json"], "a side without a result"),
    (["compare", *"abcdefg"], "more than six sides"),
    (["compare", "a.json", "b.json", "--json", "x"], "--json: this command has no such option"),
    (["compare", "/", "/"], "is no result"),
    (["floor", "word"], "word: unexpected argument"),
    (["floor", "--clients", "3"], "must be even"),
    (["floor", "--scenario", "none.conf"], "none.conf: No such file"),
])
def test_bad_arguments(args, words):
    done = minim("bench", *args)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""


# ---- compare ----

def row(done, field):
    """Words of the row of a field, by position: A, B, ratio, verdict, noise."""
    line = next(line for line in done.stdout.splitlines() if line.startswith(f"{field} "))
    return [word for word in line.replace("  ", "\t").split("\t") if word.strip()]


def test_ratios_and_verdicts(write):
    done = minim("bench", "compare", write("a", result(1000, 5e6)), write("b", result(2000, 5.01e6)))
    assert done.returncode == 0, done.stderr
    rate, p99 = row(done, "delivered_per_s"), row(done, "p99")
    assert [word.strip() for word in rate[1:5]] == ["1,000", "2,000", "2.000", "better"]
    assert [word.strip() for word in p99[3:5]] == ["1.002", "within noise"]
    assert "(seconds)" in rate[-1]
    connect = row(done, "connect_s")
    assert connect[4].strip() == "equal"


def test_one_run_each_without_seconds_has_unknown_noise(write):
    slower = result()
    slower["figures"]["connect_s"] = 0.2
    done = minim("bench", "compare", write("a", result()), write("b", slower))
    assert [word.strip() for word in row(done, "connect_s")[3:]] == ["2.000", "noise unknown", "unknown"]


def test_several_runs_are_medians_with_their_spread(write):
    files = [write(f"r{rate}", result(rate)) for rate in (1000, 1100, 900, 1010, 1020, 1030)]
    done = minim("bench", "compare", *files[:3], "vs", *files[3:])
    rate = [word.strip() for word in row(done, "delivered_per_s")]
    assert rate[1:5] == ["1,000", "1,020", "1.020", "within noise"]
    assert rate[5] == "20 % (runs)"


def test_a_lost_message_is_never_noise(write):
    loser = result()
    loser["figures"]["lost"] = 1
    files = [write("a", result()), write("b", result()), write("c", loser)]
    done = minim("bench", "compare", *files[:2], "vs", files[0], files[2])
    assert [word.strip() for word in row(done, "lost")[1:]] == ["0", "1", "-", "worse", "exact"]


def test_other_modes_are_not_compared(write):
    done = minim("bench", "compare", write("a", result()), write("b", result(mode="ping")))
    assert done.returncode == 2
    assert "a.json is of mode single-e2e" in done.stderr and "b.json of mode ping" in done.stderr


def test_what_was_not_the_same_is_said(write):
    other = result()
    other["parameters"]["clients"] = 40
    other["machine"]["cores"] = 8
    done = minim("bench", "compare", write("a", result()), write("b", other))
    assert "clients: A 20 B 40" in done.stdout
    assert "cores: A 2 B 8" in done.stdout


def test_a_page_of_a_comparison(write, tmp_path):
    page = tmp_path / "page.html"
    done = minim("bench", "compare", write("first", result(1000)), write("second", result(2000)),
                 write("third", result(500, scenario=EVIL)), "--html", page)
    assert done.returncode == 0, done.stderr
    root = page_of(page)
    charts = charts_of(root)
    assert "Latency over time" in charts and "Latency by percentile" in charts and "Rates over time" in charts
    text = "".join(root.itertext())
    for wanted in ("better", "worse", "2.000", "0.500", "A first", "B second"):
        assert wanted in text


# ---- scenario files ----

def test_every_scenario_of_the_repository_is_valid():
    files = sorted((ROOT / "bench/scenarios").glob("*.conf"))
    listed = subprocess.run([sys.executable, ROOT / "script/bench", "--list"], capture_output=True, text=True,
                            check=True, timeout=60).stdout.split()
    assert sorted(listed) == [path.stem for path in files]
    for path in files:
        done = minim("bench", "--scenario", path, "--help")
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text, words", [
    ("", "the first line must be mode"),
    ("clients = 5\n", ":1: the first line must be mode"),
    ("mode = flying\n", 'no such mode "flying"'),
    ("mode = ping\nclients five\n", ":2: expected name = value"),
    ("mode = ping\nnothing = 5\n", ":2: nothing: unknown option"),
    ("mode = ping\nclients = five\n", ':2: clients: bad value "five"'),
    ("mode = ping\nbody = 5\n", ":2: body: this mode has no such option"),
    ("mode = ping\nspawn = true\ngate = speed>5\n", 'no such field "speed"'),
    ("mode = ping\nspawn = true\nws = ws://h/ws\n", "exclude each other"),
])
def test_bad_scenarios_exit_with_2(tmp_path, text, words):
    path = tmp_path / "bad.conf"
    path.write_text(text)
    for how in (["--scenario", path], [f"--scenario={path}"]):
        done = minim("bench", *how)
        assert done.returncode == 2
        assert words in done.stderr


def test_a_scenario_runs_and_can_be_overridden(tmp_path):
    conf, path, page = tmp_path / "small.conf", tmp_path / "r.json", tmp_path / "r.html"
    conf.write_text("# a comment\nmode = single-e2e\ntitle = a small one\nclients = 20\nrate = 100\n"
                    "duration = 1s # short\nwarmup = 0.2s\nquiet = 0.3s\ngate = lost=0\n")
    done = minim("bench", "--scenario", conf, "--spawn", "--clients", "10", "--json", path, "--html", page)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(path.read_text())
    assert document["scenario"] == "small" and document["title"] == "a small one"
    assert document["parameters"]["clients"] == 10 and document["parameters"]["rate_per_s"] == 100
    assert document["gates"][0]["held"] is True
    text = "".join(page_of(page).itertext())
    assert "a small one" in text and "The gate held" in text


def test_a_run_can_end_by_count(tmp_path):
    path = tmp_path / "r.json"
    done = minim("bench", "single-e2e", "--spawn", "--clients", "10", "--warmup", "0.1s", "--quiet", "0.3s",
                 "--messages", "50", "--duration", "100s", "--json", path)
    assert done.returncode == 0, done.stderr
    document = json.loads(path.read_text())
    assert document["figures"]["saved"] >= 50
    assert document["steady_s"] < 60


def test_fit_takes_what_the_descriptors_allow(tmp_path):
    path = tmp_path / "r.json"
    command = (f"ulimit -n 1100; exec {MINIM} bench connect --spawn --clients 5000 --fit --duration 0.2s "
               f"--json {path}")
    unprivileged = ["setpriv", "--inh-caps=-all", "--bounding-set=-sys_resource", "sh", "-c", command]
    done = subprocess.run(unprivileged, capture_output=True, text=True, timeout=120, env=sanitizer_environment())
    if "setpriv" in done.stderr:
        pytest.skip("setpriv cannot drop the capability here")
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(path.read_text())
    assert document["parameters"]["clients"] == 600
    assert document["parameters"]["clients_asked"] == 5000
    assert document["figures"]["connected"] == 600


# ---- floor ----

def test_the_floor_is_measured(tmp_path):
    path = tmp_path / "floor.json"
    done = minim("bench", "floor", "--duration", "0.1s", "--clients", "20", "--json", path)
    assert done.returncode == 0, done.stderr
    document = json.loads(path.read_text())
    assert [sync["batch"] for sync in document["sync"]] == [1, 10, 100, 1000]
    assert [loop["together"] for loop in document["loopback"]] == [1, 16]
    for part in document["sync"] + document["loopback"]:
        assert part["messages_per_s"] > 0 and part["latency"]["p50_ns"] > 0
    assert document["figures"]["delivered_per_s"] > 0
    assert 0 < document["figures"]["p50"] <= document["figures"]["p99"]
    for words in ("messages a commit", "frames together", "commit on a thread, answer, deliver"):
        assert words in done.stdout


def test_the_floor_syncs_every_commit(tmp_path):
    """The yardstick of all figures: a commit that is not on disk is no floor."""
    path, trace = tmp_path / "floor.json", tmp_path / "syncs"
    env = sanitizer_environment()
    env.update(LD_PRELOAD=str(SHIM), SYNC_COUNT_TRACE=str(trace), ASAN_OPTIONS=env["ASAN_OPTIONS"] + ":verify_asan_link_order=0")
    done = subprocess.run([MINIM, "bench", "floor", "--duration", "0.1s", "--clients", "4", "--json", path],
                          capture_output=True, text=True, timeout=60, env=env, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(path.read_text())
    commits = sum(sync["latency"]["count"] for sync in document["sync"])
    assert commits > 0
    assert len(trace.read_text().splitlines()) > commits  # and those behind the connections


@pytest.mark.parametrize("text, fields, words", [
    ("mode = single-e2e\nclients = 20\nrate = 200\n", ["delivered_per_s", "p99"], "read, commit, answer, deliver"),
    ("mode = ping\nclients = 20\ninterval = 100ms\n", ["pongs_per_s", "p99"], "read, answer"),
    ("mode = connect\nclients = 50\n", ["connect_s"], "all connected"),
    ("mode = reconnect\nclients = 50\n", ["recovery_s"], "all connected"),
])
def test_the_floor_of_a_scenario(tmp_path, text, fields, words):
    conf, path = tmp_path / "some.conf", tmp_path / "floor.json"
    conf.write_text(text)
    done = minim("bench", "floor", "--scenario", conf, "--duration", "0.3s", "--json", path)
    assert done.returncode == 0, done.stderr
    document = json.loads(path.read_text())
    assert document["scenario"] == "some" and "sync" not in document
    assert all(document["figures"][field] > 0 for field in fields)
    assert words in done.stdout


# ---- JUnit ----

def test_smoke_speaks_junit(tmp_path):
    path = tmp_path / "junit.xml"
    done = minim("smoke", "--spawn", "--scenario", "basic,protocol", "--junit", path)
    assert done.returncode == 0, done.stdout + done.stderr
    suite = ElementTree.fromstring(path.read_text())
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "0", "0")
    assert [case.get("name") for case in suite] == ["basic", "protocol"]
    assert all("ok      " in case.find("system-out").text and case.find("failure") is None for case in suite)


def test_a_failed_scenario_is_a_failure_in_junit(tmp_path):
    path = tmp_path / "junit.xml"
    done = minim("smoke", "--ws", "ws://127.0.0.1:1/ws", "--jwt-secret", "x" * 40, "--scenario", "basic,session",
                 "--junit", path)
    assert done.returncode == 1
    suite = ElementTree.fromstring(path.read_text())
    assert (suite.get("failures"), suite.get("skipped")) == ("1", "1")
    failure = suite.find("testcase/failure")
    assert "connects" in failure.get("message") and "expected 101" in failure.text


# ---- the recorded set ----

sys.path.insert(0, str(ROOT / "bench"))
import performance  # noqa: E402


def test_growth_is_told_by_windows_of_stored_messages():
    """40,000 a second; a message costs 10 us at first, 12 us after a million, 20 us at the end."""
    rows = []
    for second in range(1, 251):
        stored = (second - 1) * 40_000
        cost = 10e-6 if stored < 500_000 else 12e-6 if stored < 5_000_000 else 20e-6
        rows.append({"at_s": second, "phase": "steady", "saved_per_s": 40_000, "p99_ns": 5e6,
                     "server": {"cpu": 40_000 * cost}})
    found = {label: cost for label, cost, _, _ in performance.growth_rows({"series": rows})}
    assert found["up to 0.5 million"] == "10.0 \u00b5s"
    assert found["around 1 million"] == "12.0 \u00b5s"
    assert found["the last 0.5 million before 10"] == "20.0 \u00b5s"


@pytest.mark.parametrize("op, value, text", [("<", "5ms", "< 5 ms"), (">=", "30000", "\u2265 30,000"),
                                             ("=", "10000", "10,000"), ("<=", "2KiB", "\u2264 2 KiB")])
def test_targets_are_written_for_people(op, value, text):
    assert performance.target(op, value) == text


def test_the_recorded_set_can_be_made(tmp_path):
    out = tmp_path / "out"
    build = pathlib.Path(MINIM).parent
    done = subprocess.run([sys.executable, ROOT / "script/bench", "--quick", "--build", build, "--out", out,
                           "--runs", "2", "slow-0", "slow-30", "connect-10000"],
                          capture_output=True, text=True, timeout=300, env=sanitizer_environment())
    assert done.returncode == 0, done.stdout + done.stderr
    page = (out / "performance.md").read_text()
    for words in ("| slow-30 | lost | 0 | 0 |", "p99 of those who read, against slow-0", "### connect-10000",
                  "--scenario bench/scenarios/slow-0.conf", "ran 2 times", "| 1000 |"):
        assert words in page
    for line in page.splitlines():
        if line.startswith("!["):
            ElementTree.fromstring((out / line.split("(")[1].rstrip(")")).read_text())
    for name in ("floor", "slow-30", "slow-30.floor", "connect-10000"):
        path = out / "results" / f"{name}.json"
        assert path.stat().st_size < 100_000
        json.loads(path.read_text())
    again = minim("bench", "compare", out / "results/slow-0.json", out / "results/slow-30.json")
    assert again.returncode == 0, again.stderr


def test_no_label_is_cut_and_no_name_claims_a_unit(tmp_path):
    """A recorded run: its tail reaches to the right edge."""
    path = ROOT / "bench/results/closed-200.json"
    assert minim("bench", "plot", path, "--svg", tmp_path / "svg", "--html", tmp_path / "x.html").returncode == 0
    ends = 0
    for picture in (tmp_path / "svg").iterdir():
        root = ElementTree.parse(picture).getroot()
        for text in root.iter(SVG + "text"):
            if "mid" in text.get("class", "").split():
                assert float(text.get("x")) + len(text.text) * 3 <= float(root.get("width")), (picture, text.text)
            ends += text.get("class") == "tick end" and float(text.get("x")) == float(root.get("width"))
    assert ends > 0
    page = (tmp_path / "x.html").read_text()
    assert ">sync_p50<" in page and ">memory<" in page
    assert "sync_p50_ns" not in page and "memory_bytes" not in page
    assert "min-width:440px" not in page
