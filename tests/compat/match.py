# SPDX-License-Identifier: Apache-2.0
"""What came, against what is written: exact fields, exact types, exact order of fields."""
import json
import re
import time

MARK = "\ufdd0"  # a character that is none begins a string that stands for a matcher
MATCHER = re.compile(r"@([a-z]+)(?:\(([^()]*)\))?")
CLOCKS_APART_MS = 600_000
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
PATTERNS = {
    "id": r"[1-9][0-9]{0,18}",
    "date": r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{0,2}[1-9])?",
    "code": f"[{ALPHABET}]{{8}}",
    "jwt": r"[\w-]+\.[\w-]+\.[\w-]+",
    "refresh": r"[\w-]{43}",
    "text": r"(?s:.+)",
}


class Mismatch(AssertionError):
    pass


def require(true, path, what):
    if not true:
        raise Mismatch(f"at {path or 'the top'}: {what}")


def parse(text):
    """JSON in which a value may be a matcher, such as @id or @date(when)."""
    out, at = [], 0
    for string in re.finditer(r'"(?:[^"\\]|\\.)*"', text):
        out += [MATCHER.sub(mark, text[at:string.start()]), string[0]]
        at = string.end()
    out.append(MATCHER.sub(mark, text[at:]))
    return json.loads("".join(out))


def mark(found):
    return json.dumps(f"{MARK}{found[1]} {found[2] or ''}".strip())


def is_matcher(value):
    return isinstance(value, str) and value.startswith(MARK)


def match_one(matcher, got, path, known):
    kind, _, name = matcher[1:].partition(" ")
    if kind == "ms":
        require(type(got) is int and abs(got - time.time() * 1000) < CLOCKS_APART_MS, path, f"{got!r} is not the time in ms")
    elif kind == "int":
        require(type(got) is int, path, f"{got!r} is no whole number")
    elif kind in PATTERNS:
        require(type(got) is str and re.fullmatch(PATTERNS[kind], got), path, f"{got!r} is no {kind}")
    else:
        require(kind == "any", path, f"there is no matcher @{kind}")
    if name:
        value = known.setdefault(name, str(got))
        require(value == str(got), path, f"{got!r} is not ${name}, which is {value}")


def match_object(expected, got, path, known):
    require(type(got) is dict, path, f"{got!r} is no object")
    optional = {name[:-1] for name in expected if name.endswith("?")}
    names = [name.removesuffix("?") for name in expected]
    missing = [name for name in names if name not in got and name not in optional]
    more = [name for name in got if name not in names]
    require(not missing and not more, path, f"lacks {missing}, has unexpected {more}")
    order = [name for name in names if name in got]
    require(list(got) == order, path, f"the fields stand as {list(got)}, not as {order}")
    for name, value in expected.items():
        name = name.removesuffix("?")
        if name in got:
            match(value, got[name], f"{path}.{name}", known)


def match(expected, got, path, known):
    """Raises Mismatch; what matchers with a name have found is in `known` afterwards."""
    if is_matcher(expected):
        match_one(expected, got, path, known)
    elif isinstance(expected, dict):
        match_object(expected, got, path, known)
    elif isinstance(expected, list):
        require(type(got) is list, path, f"{got!r} is no array")
        require(len(got) == len(expected), path, f"{len(got)} elements, not {len(expected)}: {got!r}")
        for at, value in enumerate(expected):
            match(value, got[at], f"{path}[{at}]", known)
    else:
        require(type(got) is type(expected) and got == expected, path, f"{got!r} is not {expected!r}")


def match_text(pattern, text, known):
    """The same for JSON as it came, which must be compact (W-2.3)."""
    try:
        got = json.loads(text)
    except ValueError:
        raise Mismatch(f"no JSON: {text!r}") from None
    require(json.dumps(got, ensure_ascii=False, separators=(",", ":")) == text, "", "not printed as W-2.3 says")
    trial = dict(known)  # what does not fit leaves nothing behind
    match(parse(pattern), got, "", trial)
    known.update(trial)
