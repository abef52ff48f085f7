# SPDX-License-Identifier: Apache-2.0
"""Answers of HTTP, as README.md writes them."""
import re

from match import Mismatch, match, match_text, parse

WITH = re.compile(r'((?: with "[^"]*")*)$')


def split_with(text):
    """(text, headers) of `text with "Name: value" ...`."""
    tail = WITH.search(text)[1]
    headers = [header.split(": ", 1) for header in re.findall(r'"([^"]*)"', tail)]
    return text[:len(text) - len(tail)].strip(), headers


def read_answer(text):
    """(status, pattern of the envelope or None, pattern of another body or None)."""
    kind, _, rest = text.partition(" ")
    if kind == "OK":
        return 200, '{"ok":true,"code":0,"message":"ok",' + (f'"data":{rest},' if rest else "") + '"ts":@ms}', None
    if kind in ("F", "X"):
        status, code, message = (f"200 {rest}" if kind == "F" else rest).split(" ", 2)
        message = message if message[0] in '"@' else f'"{message}"'
        return int(status), f'{{"ok":false,"code":{code},"message":{message},"ts":@ms}}', None
    return int(kind), None, rest


def check_headers(headers, expected, expand):
    """`Name: value`; `Name: -` is absent; `@seconds` is a whole number from 1."""
    for name, value in expected:
        got = [v for n, v in headers if n == name.lower()]
        if value == "-":
            fits = not got
        elif value == "@seconds":
            fits = len(got) == 1 and re.fullmatch("[1-9][0-9]*", got[0])
        else:
            fits = ", ".join(got) == expand(value)
        if not fits:
            raise Mismatch(f"{name} is {got}, not {expand(value)!r}")


def check_answer(status, headers, text, answer, expand, known):
    """`headers` are pairs, their names in lower case; `expand` is that of the exchange."""
    answer, expected = split_with(answer)
    status_expected, envelope, body = read_answer(answer)
    if status != status_expected:
        raise Mismatch(f"status {status}, not {status_expected}")
    if envelope and not any(name.lower() == "content-type" for name, _ in expected):
        expected = [*expected, ("Content-Type", "application/json")]
    check_headers(headers, expected, expand)
    if envelope:
        match_text(expand(envelope), text, known)
    elif body:
        match(parse(expand(body)), text, "the body", known)
