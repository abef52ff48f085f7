# SPDX-License-Identifier: Apache-2.0
"""docs/performance.md from recorded results; script/bench calls it."""
import datetime
import json
import re

GATE = re.compile(r"^([a-z0-9_]+)(<=|>=|!=|==|<|>|=)(.+)$")
TIMES = {"min", "mean", "p50", "p90", "p95", "p99", "p999", "max", "saved_p50", "saved_p99", "receipt_p50",
         "receipt_p99", "read_receipt_p50", "read_receipt_p99", "cursor_lag_p50", "cursor_lag_p99", "cursor_lag_max",
         "history_p50", "history_p99", "conversations_p50", "conversations_p99", "group_conversations_p50",
         "group_conversations_p99", "http_login_p50", "http_login_p99",
         "first_p50", "first_p99", "median_p50", "median_p99", "last_p50", "last_p99", "last_max"}
WORDS = {"delivered_per_s": "delivered a second", "pongs_per_s": "answered a second", "p999": "p99.9",
         "connect_s": "all connected", "recovery_s": "all back", "rss_per_conn_bytes": "server memory a connection",
         "server_rss_bytes": "server memory", "server_cpu_us_per_msg": "server CPU a message",
         "server_cpu_us_per_delivery": "server CPU a copy", "server_bytes_per_member": "server memory a member",
         "first_p50": "first member, p50", "first_p99": "first member, p99", "median_p50": "median member, p50",
         "median_p99": "median member, p99", "last_p50": "last member, p50", "last_p99": "last member, p99",
         "last_max": "last member, max", "reordered_sender": "reordered within a sender",
         "dup": "doubled", "connect_failures": "connects failed", "connections_lost": "connections lost",
         "receipt_p50": "ACK delivered to receipt, p50", "receipt_p99": "ACK delivered to receipt, p99",
         "read_receipt_p50": "ACK read to receipt, p50", "read_receipt_p99": "ACK read to receipt, p99",
         "cursor_lag_p50": "ACK read to cursor over HTTP, p50", "cursor_lag_p99": "ACK read to cursor over HTTP, p99",
         "cursor_lag_max": "ACK read to cursor over HTTP, max",
         "history_p50": "history page, p50", "history_p99": "history page, p99",
         "group_conversations_p50": "conversations of groups, p50",
         "group_conversations_p99": "conversations of groups, p99", "conversations_p50": "conversations, p50", "conversations_p99": "conversations, p99",
         "http_login_p50": "login under load, p50", "http_login_p99": "login under load, p99",
         "http_per_s": "HTTP answers a second", "http_errors": "HTTP requests failed", "http_skipped": "HTTP requests skipped"}
# Shown for each scenario, as far as it has them.
SHOWN = ["saved_per_s", "delivered_per_s", "pongs_per_s", "connect_s", "recovery_s", "p50", "p90", "p99", "p999", "max",
         "first_p50", "first_p99", "median_p50", "median_p99", "last_p50", "last_p99", "last_max",
         "receipt_p50", "receipt_p99", "read_receipt_p50", "read_receipt_p99", "cursor_lag_p50", "cursor_lag_p99",
         "cursor_lag_max", "http_per_s", "history_p50", "history_p99", "conversations_p50", "conversations_p99", "group_conversations_p50",
         "group_conversations_p99", "http_login_p50", "http_login_p99", "server_cpu_us_per_msg", "server_cpu_us_per_delivery", "server_rss_bytes",
         "rss_per_conn_bytes", "server_bytes_per_member"]
ONLY = {"saved_per_s": {"group"}, "connect_s": {"connect"}, "rss_per_conn_bytes": {"connect", "ping"}}
PICTURES = {"ack": ["percentiles", "distribution"], "mixed": ["percentiles", "distribution", "rates"],
            "single-e2e": ["percentiles", "distribution", "tail", "rates"], "ping": ["percentiles", "distribution"],
            "group": ["percentiles", "distribution", "rates"], "connect": ["distribution", "memory"], "reconnect": ["connections", "distribution"]}
SLOW_RATIO = 1.2
# Processes for each core that ran before: more than the scenario before it leaves, and the figures are not of this load alone.
BUSY_LOAD = 2
# CPU of a message in a group that has grown, against a small one.
GROWN_RATIO = 1.5
# Windows of the growth run, in millions of stored messages.
GROWTH = [("up to 0.5 million", 0, 0.5), ("around 1 million", 0.75, 1.25), ("around 5 million", 4.75, 5.25),
          ("the last 0.5 million before 10", 9.5, 10)]


def word(field):
    return WORDS.get(field, field.replace("_", " "))


def digits(value):
    """Three significant digits, thousands separated."""
    size = abs(value)
    if value == int(value) or size >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 9.995 else f"{value:.2f}" if size >= 0.9995 else f"{value:.3g}"


def shown(field, value):
    if value is None:
        return "-"
    if field in TIMES:
        return f"{digits(value / 1e6)} ms"
    if field.endswith("_s") and not field.endswith("_per_s"):
        return f"{digits(value)} s"
    if field.endswith("_bytes"):
        return f"{digits(value / 1048576)} MiB" if value >= 1048576 else f"{digits(value)} B"
    if field in ("server_cpu_us_per_msg", "server_cpu_us_per_delivery"):
        return f"{digits(value)} \u00b5s"
    return digits(value)


def with_spread(result, field):
    """The figure, with least and greatest when there were several runs."""
    text = shown(field, result["figures"].get(field))
    values = [v for v in result.get("runs", {}).get(field, []) if v is not None]
    if len(values) > 1 and min(values) != max(values):
        text += f" ({shown(field, min(values))} to {shown(field, max(values))})"
    return text


def ratio(value, floor):
    return digits(value / floor) if value is not None and floor else ""


def target(op, value):
    number = re.match(r"^([0-9.]+)(.*)$", value)
    sign = {"<=": "\u2264 ", ">=": "\u2265 ", "=": "", "==": "", "!=": "not "}.get(op, f"{op} ")
    return f"{sign}{digits(float(number[1]))} {number[2]}".strip() if number else f"{sign}{value}"


class Set:
    """Everything that is recorded in a folder."""

    def __init__(self, folder, names):
        self.results = {name: self.load(folder / f"{name}.json") for name in names}
        self.results = {name: result for name, result in self.results.items() if result}
        self.floors = {name: self.load(folder / f"{name}.floor.json") for name in self.results}
        self.floor = self.load(folder / "floor.json")
        self.ceilings = {name: self.load(folder / f"{name}.ceiling.json") for name in self.results}

    @staticmethod
    def load(path):
        return json.loads(path.read_text()) if path.is_file() else None

    def floor_figure(self, name, field):
        return ((self.floors.get(name) or {}).get("figures") or {}).get(field)


def date(result):
    stamp = datetime.datetime.fromtimestamp(result["started_unix_ms"] / 1000, datetime.timezone.utc)
    return f"{stamp:%Y-%m-%d}"


def head(results):
    first = next(iter(results.values()))
    machine = first["machine"]
    dates = sorted({date(result) for result in results.values()})
    versions = sorted({result["version"] for result in results.values()})
    runs = max((len(next(iter(r["runs"].values()))) for r in results.values() if r.get("runs")), default=1)
    yield "# Performance"
    yield ""
    yield ("What `minimd` does on one small machine, how near that is to what the machine allows, and how to "
           "measure it again. This page is written by `script/bench` from the results in `bench/results`; "
           "`docs/bench.md` explains the tool and its words.")
    yield ""
    yield f"- Machine: {machine['cores']} cores ({machine['cpu']}), {machine['memory_bytes'] / 2**30:.1f} GiB, {machine['kernel']}."
    yield (f"- Disk: a 4 KiB write with fdatasync takes {machine['sync_p50_ns'] / 1e6:.2f} ms (p50), "
           f"{machine['sync_p99_ns'] / 1e6:.2f} ms (p99).")
    yield f"- Measured on {' and '.join(dates)}, minim {', '.join(versions)}, release build."
    if runs > 1:
        yield f"- Each scenario ran {runs} times, in turn; the run in the middle is shown, with the least and greatest of all runs in parentheses."
    yield "- **The load generator runs on the same cores as the server**: every figure is of both together."
    yield ("- Every acknowledged message was committed to disk (fdatasync) before its `ACK`; the whole set runs against an "
           "embedded store on a temporary directory, rate limits off.")
    yield ""


def target_rows(data):
    for name, result in data.results.items():
        gates = [(GATE.match(gate["gate"]), gate["held"]) for gate in result["gates"]]
        zeros = [match[1] for match, held in gates if match and held and match[2] == "=" and match[3] == "0"]
        for match, held in gates:
            if not match or match[1] in zeros:
                continue
            field, op, value = match.groups()
            found, floor = result["figures"].get(field), data.floor_figure(name, field)
            yield (name, word(field), target(op, value), with_spread(result, field),
                   shown(field, floor) if floor is not None else "", ratio(found, floor),
                   "yes" if held else "**no**")
        if zeros:
            yield (name, ", ".join(word(field) for field in zeros), "0", "0", "", "", "yes")
    slow = slow_ratio(data)
    if slow is not None:
        yield ("slow-30", "p99 of those who read, against slow-0", f"\u2264 {SLOW_RATIO}", digits(slow), "", "",
               "yes" if slow <= SLOW_RATIO else "**no**")
    grown = grown_ratio(data)
    if grown is not None:
        yield ("group-grown", "server CPU a message, against group-small", f"\u2264 {GROWN_RATIO}", digits(grown), "", "",
               "yes" if grown <= GROWN_RATIO else "**no**")


def grown_ratio(data):
    pair = [data.results.get(name) for name in ("group-small", "group-grown")]
    if not all(pair) or not all(result["figures"].get("server_cpu_us_per_msg") for result in pair):
        return None
    return pair[1]["figures"]["server_cpu_us_per_msg"] / pair[0]["figures"]["server_cpu_us_per_msg"]


def table(heads, rows, left=1):
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "|".join("---" if i < left else "---:" for i in range(len(heads))) + "|"
    for row in rows:
        yield "| " + " | ".join(str(cell) for cell in row) + " |"
    yield ""


def slow_ratio(data):
    pair = [data.results.get(name) for name in ("slow-0", "slow-30")]
    if not all(pair) or not all(result["figures"].get("p99") for result in pair):
        return None
    return pair[1]["figures"]["p99"] / pair[0]["figures"]["p99"]


def targets(data):
    yield "## Targets"
    yield ""
    yield ("*Floor* is what a bare process reaches that does nothing but read, commit and answer, with the same clients, rate "
           "and message size on the same machine (`minim bench floor --scenario ...`): no protocol, no lookup, no index. "
           "*Ratio* is the figure divided by the floor; the nearer to 1, the less the server adds to what cannot be avoided.")
    yield ""
    yield from table(["scenario", "figure", "target", "found", "floor", "ratio", "held"], target_rows(data), 2)


def floor_section(data):
    if not data.floor:
        return
    yield "## The floor of this machine"
    yield ""
    yield ("What costs whatever the server is written in. Messages of 200 bytes appended to a file that is allocated and written "
           "before, and fdatasync after each batch:")
    yield ""
    yield from table(["messages a commit", "commits a second", "messages a second", "p50", "p99"],
                     ((s["batch"], digits(s["commits_per_s"]), digits(round(s["messages_per_s"])),
                       shown("p50", s["latency"]["p50_ns"]), shown("p99", s["latency"]["p99_ns"]))
                      for s in data.floor["sync"]))
    yield "One loopback connection, 200 bytes there and back, between two processes:"
    yield ""
    yield from table(["frames travelling together", "messages a second", "p50", "p99"],
                     ((s["together"], digits(round(s["messages_per_s"])), shown("p50", s["latency"]["p50_ns"]),
                       shown("p99", s["latency"]["p99_ns"])) for s in data.floor["loopback"]))


def command(name, result):
    p = result["parameters"]
    text = f"minim bench --scenario bench/scenarios/{name}.conf --spawn"
    asked = p.get("clients_asked", p["clients"])
    return text, asked


def scenario_notes(name, result, data):
    p = result["parameters"]
    if p.get("clients_asked", 0) > p["clients"]:
        yield (f"**{p['clients_asked']:,} clients were asked for; the descriptor limit of this machine allowed "
               f"{p['clients']:,}.** The figure for one connection does not depend on it; that the server holds "
               f"{p['clients_asked']:,} of them was not shown here.")
        yield ""
    if result["generator"].get("saturated"):
        yield "The load generator was saturated: this is a limit of the generator, not of the server."
        yield ""
    machine = result["machine"]
    if machine.get("load", 0) > BUSY_LOAD * machine["cores"]:
        yield (f"**Other work kept the machine busy meanwhile (load {machine['load']:.0f} on {machine['cores']} cores)**: times are "
               "mostly waiting for a core, and rates what was left; CPU a message or copy tells more.")
        yield ""
    ceiling = data.ceilings.get(name)
    if ceiling:
        figures = ceiling["figures"]
        yield (f"The generator itself takes in {digits(round(figures['delivered_per_s']))} copies a second from a bare process that "
               f"stores nothing and passes messages on, on the same cores ({digits(round(figures['frames_per_cpu_s']))} frames a "
               "second of its CPU).")
        yield ""
    if name == "slow-30":
        yield from slow_notes(result, data)


def peak(result, key):
    return max((row["server"][key] for row in result["series"] if "server" in row), default=None)


def slow_notes(result, data):
    counters, ledger = result["counters_total"], result["ledger"]
    other = data.results.get("slow-0")
    ratio_text = slow_ratio(data)
    if ratio_text is not None:
        yield f"The p99 of the receivers that read is {digits(ratio_text)} times that of `slow-0` (target: at most {SLOW_RATIO})."
    memory = shown("server_rss_bytes", peak(result, "rss_bytes"))
    than = f", against {shown('server_rss_bytes', peak(other, 'rss_bytes'))} in `slow-0`" if other else ""
    yield f"Greatest memory of the server: {memory}{than}."
    yield (f"The server closed {counters.get('deaf_closed', 0):,} deaf connections; after they had come back "
           f"{ledger['delivered_resend']:,} messages were delivered by resend, and {ledger['lost']:,} were missing.")
    yield ""


def scenario_section(name, result, data, pictures):
    text, _ = command(name, result)
    figures, mode = result["figures"], result["mode"]
    yield f"### {name}"
    yield ""
    yield f"{result.get('title', mode)}."
    yield ""
    yield "```"
    yield text
    yield "```"
    yield ""
    yield from scenario_notes(name, result, data)
    rows = []
    for field in SHOWN:
        if figures.get(field) is None or mode not in ONLY.get(field, {mode}):
            continue
        floor = data.floor_figure(name, field)
        rows.append((word(field), with_spread(result, field), shown(field, floor) if floor is not None else "",
                     ratio(figures[field], floor)))
    yield from table(["figure", "found", "floor", "ratio"], rows)
    if name == "growth":
        yield from growth_table(result)
    wanted = PICTURES.get(mode, []) + (["memory", "cpu"] if name in ("slow-30", "growth") else [])
    for picture in wanted:
        path = pictures / f"{name}-{picture}.svg"
        if path.is_file():
            yield f"![{name}: {picture}](performance/{path.name})"
    yield ""


def growth_rows(result):
    """CPU of the server and rate within windows of stored messages, from the seconds of the series."""
    seconds, stored, last = [], 0.0, 0.0
    for row in result["series"]:
        span, last = row["at_s"] - last, row["at_s"]
        count = row["saved_per_s"] * span
        if "server" in row and row["phase"] in ("warmup", "steady"):
            seconds.append((stored, count, row["server"].get("cpu", 0) * span, span, row["p99_ns"]))
        stored += count
    for label, low, high in GROWTH:
        inside = [s for s in seconds if low * 1e6 <= s[0] < high * 1e6 and s[1] > 0]
        messages = sum(s[1] for s in inside)
        if messages:
            yield (label, f"{sum(s[2] for s in inside) / messages * 1e6:.1f} \u00b5s",
                   digits(round(messages / sum(s[3] for s in inside))),
                   shown("p99", sorted(s[4] for s in inside)[len(inside) // 2]))


def growth_table(result):
    yield from table(["stored messages", "server CPU a message", "messages a second", "p99 (median second)"],
                     growth_rows(result))


def repeat_section(data):
    yield "## Closer looks"
    yield ""
    yield "- [lone-message.md](../bench/results/lone-message.md): where the time of a message goes when nothing else is going on."
    yield "- [full-load.md](../bench/results/full-load.md): what it costs when everything is busy, and why it is not half of the floor."
    yield "- [store.md](../bench/results/store.md): what an append costs as the store grows."
    yield "- [groups.md](../bench/results/groups.md): what a copy of a message to a group costs."
    yield "- [micro.md](../bench/results/micro.md): nanoseconds of what every frame goes through."
    yield ""
    yield "## Measuring again"
    yield ""
    yield "```"
    yield "script/bench                 # the whole set, and this page; the machine should do nothing else"
    yield "script/bench --runs 3 --long # as recorded sets should be made"
    yield "minim bench compare old/closed-200.json bench/results/closed-200.json --html compare.html"
    yield "minim bench plot bench/results/closed-200.json --html closed-200.html"
    yield "```"
    yield ""
    yield ("The results keep every second and every histogram: `compare` says which differences are more than noise. The "
           "ledger of each run was balanced, and every message accounted for."
           if all(r.get("ledger", {}).get("balanced", True) for r in data.results.values()) else
           "**The ledger of at least one run did not balance.**")


def page(folder, pictures, names):
    data = Set(folder, names)
    lines = []
    if not data.results:
        return "# Performance\n\nNothing is recorded yet: `script/bench` measures and writes this page.\n"
    lines += head(data.results)
    lines += targets(data)
    lines += floor_section(data)
    lines += ["## Scenarios", ""]
    for name, result in data.results.items():
        lines += scenario_section(name, result, data, pictures)
    lines += repeat_section(data)
    return "\n".join(lines).rstrip() + "\n"
