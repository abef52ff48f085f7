# SPDX-License-Identifier: Apache-2.0
"""Nothing of the contract is without an exchange, but what elsewhere.txt names with a reason."""
import re

import pytest

from exchange import FOLDER, RULE, read_all

ROOT = FOLDER.parents[1]
CONTRACT = ROOT / "docs/contract"
EXCHANGES = read_all()
DEFINED = re.compile(rf"^(?:#+ ({RULE.pattern})\b|\| ({RULE.pattern}) \|)|\*\*({RULE.pattern})\b", re.M)


def rules():
    """The numbered rules that have no numbers below them."""
    found = {next(filter(None, groups)) for path in CONTRACT.glob("*.md") for groups in DEFINED.findall(path.read_text("utf-8"))}
    return {rule for rule in found if not any(other.startswith(rule + ".") for other in found)}


def elsewhere():
    """{what: why} of elsewhere.txt."""
    lines = [line for line in (FOLDER / "elsewhere.txt").read_text("utf-8").splitlines() if line and line[0] != "#"]
    return dict(line.split(None, 1) for line in lines)


def steps(pattern):
    return [found for exchange in EXCHANGES for step in exchange.steps for found in re.findall(pattern, step.text)]


def sent_or_came(direction):
    return set(steps(rf'^[\w., ]+ {direction} \{{"type":"(\w+)"'))


def words_of(path, pattern):
    return set(re.findall(pattern, (ROOT / path).read_text("utf-8"), re.M))


def test_titles_are_unique():
    names = [exchange.name for exchange in EXCHANGES]
    assert sorted(names) == sorted(set(names))


def test_cited_rules_exist():
    defined = rules() | {rule.rpartition(".")[0] for rule in rules()}
    for exchange in EXCHANGES:
        for rule in exchange.rules:
            assert rule in defined, f"{exchange.name}: {rule} is no rule"


def test_every_rule_has_an_exchange():
    named = {rule for exchange in EXCHANGES for rule in exchange.rules}
    excused = {what for what in elsewhere() if RULE.fullmatch(what)}
    lacking = sorted(rules() - named - excused)
    assert not lacking, f"{len(lacking)} rules are in no exchange: {' '.join(lacking)}"
    assert not excused - rules(), f"no rules: {excused - rules()}"
    assert not excused & named, f"excused and yet in an exchange: {excused & named}"


@pytest.mark.parametrize("arrow, direction", [("→", ">"), ("←", "<")])
def test_every_frame_is_in_an_exchange(arrow, direction):
    shown = words_of("docs/contract/websocket.md", arrow + r' \{"type":"(\w+)"')
    assert len(shown) > 10
    lacking = shown - sent_or_came(direction) - set(elsewhere())
    assert not lacking, lacking


def test_every_reason_is_in_an_exchange():
    reasons = words_of("src/proto/reason.h", r'X\(\w+,\s*"(\w+)"\)')
    came = set(steps(r'"reason":"(\w+)"'))
    lacking = reasons - came - set(elsewhere())
    assert not lacking, lacking
    assert not came & set(elsewhere()), f"excused and yet in an exchange: {came & set(elsewhere())}"


def test_every_refusal_of_http_is_in_an_exchange():
    words = words_of("docs/contract/http.md", r"`([a-z]+(?:_[a-zA-Z]+)+)`")
    written = set(steps(r"[a-zA-Z_]+"))
    lacking = words - written - set(elsewhere())
    assert not lacking, lacking


def test_every_endpoint_is_in_an_exchange():
    endpoints = words_of("docs/api.md", r"^\| `((?:GET|POST) /\S*)` \|")
    called = {f"{method} {path}" for method, path in steps(r"^\w+ (GET|POST) ([^?\s]+)")}
    lacking = endpoints - called - set(elsewhere())
    assert not lacking, lacking


def is_there(test):
    """path::text of the file."""
    path, text = test.split("::")
    return text in (ROOT / path).read_text("utf-8")


@pytest.mark.parametrize("what, why", list(elsewhere().items()), ids=list(elsewhere()))
def test_what_is_elsewhere_is_there(what, why):
    test, reason = re.split(r" {4}|: ", why, maxsplit=1)
    assert len(reason) > 5
    assert test == "no test" or is_there(test), test


def test_what_the_checklist_names_is_there():
    section = (ROOT / "docs/testing.md").read_text("utf-8").split("## What clients of mini-im rely on")[1].split("\n## ")[0]
    named = re.findall(r"`((?:ws|http)/[\w-]+: [^`]+|tests/[^`]+::[^`]+)`", section)
    assert len(named) > 30
    for name in named:
        found = is_there(name) if "::" in name else any(exchange.name.startswith(name) for exchange in EXCHANGES)
        assert found, name
