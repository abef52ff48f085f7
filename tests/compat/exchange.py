# SPDX-License-Identifier: Apache-2.0
"""Reader of *.exchange files; their form is in README.md."""
import dataclasses
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parent
TITLE = re.compile(r"== (?P<title>[^\[]+?)(?:\s*\[(?P<rules>[^\]]*)\])?")
RULE = re.compile(r"[WH]-\d+(?:\.\d+)*")


@dataclasses.dataclass
class Step:
    line: int
    text: str


@dataclasses.dataclass
class Exchange:
    path: pathlib.Path
    line: int
    title: str
    rules: list[str]
    options: dict  # of the server; exchanges with the same ones share it
    steps: list[Step]

    @property
    def name(self):
        return f"{self.path.parent.name}/{self.path.stem}: {self.title}"

    def where(self, line):
        return f"{self.path.parent.name}/{self.path.name}:{line}"


def read_options(text, where):
    options = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"{where}: name=value expected, not {word}")
        options[name] = value.replace("@here", str(FOLDER))
    return options


def logical_lines(text):
    """(number, text): a line that begins with a blank goes on with the one before."""
    number, held = 0, None
    for at, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line[0] in " \t" and held is not None:
            apart = re.match(r"=>|with |until ", line.strip()) or held[-1] == line.strip()[0] == '"'
            held += (" " if apart else "") + line.strip()
        else:
            if held is not None:
                yield number, held
            number, held = at, line.rstrip()
    if held is not None:
        yield number, held


def read(path):
    exchanges, options = [], {}
    for number, line in logical_lines(path.read_text("utf-8")):
        where = f"{path.name}:{number}"
        if line.startswith("@server"):
            options = read_options(line.removeprefix("@server"), where)
        elif line.startswith("=="):
            found = TITLE.fullmatch(line)
            if not found:
                raise ValueError(f"{where}: a title is == TITLE [RULE...]")
            rules = (found["rules"] or "").split()
            wrong = [rule for rule in rules if not RULE.fullmatch(rule)]
            if wrong:
                raise ValueError(f"{where}: no numbers of rules: {wrong}")
            exchanges.append(Exchange(path, number, found["title"], rules, options, []))
        elif exchanges:
            exchanges[-1].steps.append(Step(number, line))
        else:
            raise ValueError(f"{where}: a title comes first")
    return exchanges


def read_all():
    """Those that share a server stand behind each other; those without options first."""
    exchanges = [exchange for path in sorted(FOLDER.glob("*/*.exchange")) for exchange in read(path)]
    return sorted(exchanges, key=lambda exchange: sorted(exchange.options.items()))
