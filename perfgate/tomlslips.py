"""What a TOML parser objects to becomes a fault in the words of whoever wrote the file.

It knows the commonest slips; of all others it tells what the parser says, and where.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from perfgate.faults import Fault
from perfgate.tail import shortened

if TYPE_CHECKING:
    import tomllib

FOUND_WIDTH = 60
ONCE = "leave one of them out"
ONCE_EACH = f"{ONCE}; of several tables of one name each stands under [[name]]"
ONE_LINE = "one key = value stands on a line"
KEYS = 'a key has letters from a to z, digits, - and _, or stands in "quotes"'
USUAL = f"strings are quoted, tables are in [brackets], {ONE_LINE}"
NO_VALUE = "write one, or leave the line out"
NUMBERS = "a number has no unit and no zeros ahead; 25 % is 0.25"
BRACES = "a table in {braces} stands on one line, with commas between, and none after the last"
LISTS = "a list stands in [brackets], with commas between its values"
NAMES = 'a name stands alone on its line, in "quotes" if it has more than letters, digits, - and _'
DATES = "a date is written like 2018-07-13"
BACKSLASH = "write \\\\ for a backslash, or put 'single quotes' around the text"
# What the parser says, what the user reads, and what is to be done.
WORDS = {
    "Unclosed array": ("a comma or the closing ] is missing", LISTS),
    "Unclosed inline table": ("a comma or the closing } is missing", BRACES),
    "Invalid initial character for a key part": (
        "a key is missing, or begins as none can",
        f"{KEYS}; {BRACES}",
    ),
    "Expected ']' at the end of a table declaration": ("the closing ] is missing", NAMES),
    "Expected ']]' at the end of an array declaration": ("the closing ]] is missing", NAMES),
    "Unescaped '\\' in a string": ("a backslash and what follows it mean nothing", BACKSLASH),
    "Invalid hex value": ("a backslash and what follows it mean nothing", BACKSLASH),
    "Invalid date or datetime": ("this is no day of the calendar", DATES),
    "Invalid statement": ("this is no key = value", f"comments begin with #; {KEYS}"),
}
# How the parser begins to say that something is defined more than once.
TWICE = ("Cannot ", "Duplicate inline table key")
# What comes of a string that is not closed; in one of several lines the quotes are three.
QUOTES = {
    "Unterminated string": '"""',
    "Expected \"'''\"": "'''",
    'Expected "\'"': "'",
}
# What it says where a list goes on to the end of the file.
LIST_ENDS = ("Unclosed array", "Invalid value")
LINE_ENDS = ("Illegal character '\\n'", "Found invalid character '\\n'")
# Strings, also such as are not closed, comments, brackets and ends of lines.
PARTS = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"""|\Z)|'
    r"'''.*?(?:'''|\Z)|"
    r'"(?:\\.|[^"\\\n])*"|'
    r"'[^'\n]*'|#[^\n]*|[\[\]{}]|\n",
    re.DOTALL,
)
STANDS_FOR = {
    **dict.fromkeys(("yes", "on", "true"), "it is written true, in small letters"),
    **dict.fromkeys(("no", "off", "false"), "it is written false, in small letters"),
    **dict.fromkeys(("none", "null", "nil"), "there is no such value: leave the line out"),
}


@dataclass(frozen=True, slots=True)
class _Stop:
    """Where a parser stopped in a text, and what it said."""

    text: str
    at: int
    says: str

    @property
    def lines(self) -> list[str]:
        """Return the lines of the text."""
        return self.text.split("\n")

    @property
    def line(self) -> int:
        """Return the line, from 1; of the end of the text it is the last one."""
        return _line(self.text, min(self.at, len(self.text) - 1))

    @property
    def begins(self) -> int:
        """Return the line in which what was being read begins: those above are whole."""
        start = depth = 0
        for part in PARTS.finditer(self.text, 0, self.at):
            depth += (part[0] in {"[", "{"}) - (part[0] in {"]", "}"})
            if part[0] == "\n" and depth <= 0:
                start = part.end()
        return min(_line(self.text, start), self.line)

    @property
    def rest(self) -> str:
        """Return what stands there up to the end of the line."""
        return self.text[self.at :].partition("\n")[0].strip()

    @property
    def before(self) -> str:
        """Return the last character before it that is no space, "" where there is none."""
        return self.text[: self.at].rstrip()[-1:]

    @property
    def at_end(self) -> bool:
        """Tell whether nothing is left to read."""
        return not self.text[self.at :].strip()

    @property
    def written(self) -> str:
        """Return what stands in the line."""
        return self.lines[self.line - 1].strip()


def syntax_fault(text: str, error: tomllib.TOMLDecodeError) -> Fault:
    """Return what keeps ``text`` from being TOML, in the line where it is to be mended."""
    fault = _slip(_stop(text.replace("\r\n", "\n"), error))
    if text.startswith("\ufeff"):
        fault = replace(fault, hint="the file begins with a byte order mark: save it without one")
    return replace(fault, found=shortened(fault.found, FOUND_WIDTH))


def _stop(text: str, error: tomllib.TOMLDecodeError) -> _Stop:
    """Return where reading stopped: where it is told in no line, at the end."""
    says, _, place = str(error).rpartition(" (at ")
    told = re.match(r"line (\d+), column (\d+)", place)
    if told is None:
        return _Stop(text, len(text), says or place)
    above = text.split("\n")[: int(told[1]) - 1]
    return _Stop(text, sum(len(line) + 1 for line in above) + int(told[2]) - 1, says)


def _slip(stop: _Stop) -> Fault:
    """Return the line to look at, what is wrong, what was found, and what to do."""
    if stop.says in QUOTES or stop.says in LINE_ENDS:
        return _open_string(stop)
    if stop.says.startswith(TWICE):
        return _twice(stop)
    if stop.says in LIST_ENDS and stop.at_end and stop.before != "=":
        problem = f"the list that begins in line {stop.begins} is not closed"
        return Fault(stop.begins, "", problem, hint="close it with ]")
    fault = _within_line(stop)
    if stop.begins == stop.line:
        return fault
    return replace(fault, problem=f"{fault.problem}, in what begins in line {stop.begins}")


def _open_string(stop: _Stop) -> Fault:
    """Tell where the string begins: where its quotes stand last, or else in the very line."""
    quote = QUOTES.get(stop.says)
    at = -1 if quote is None else stop.text.rfind(quote)
    opened = 0 if at < 0 else _line(stop.text, at)
    # Quotes above what was being read are of another string.
    is_long = opened >= stop.begins and quote != "'"
    line = opened if opened >= stop.begins else stop.line
    hint = f"close it with {quote}" if is_long else "close it in the same line"
    problem = f"the string that begins in line {line} is not closed"
    return Fault(line, "", problem, stop.lines[line - 1].strip(), hint)


def _twice(stop: _Stop) -> Fault:
    """Tell what is there twice, and where it was first, if that is written in the same way."""
    begins = stop.begins
    name = _name(stop.lines[begins - 1])
    is_table = name.startswith("[")
    if stop.rest.partition("#")[0] and not is_table:
        # It is within a table in braces, and what is meant only the parser says.
        return Fault(stop.line, "", _as_said(stop), stop.written, ONCE)
    above = [_name(line) for line in stop.lines[: begins - 1]]
    heads = [count for count, own in enumerate(above) if own.startswith("[")]
    own_table = 0 if is_table or not heads else heads[-1]
    firsts = [count for count in range(own_table, len(above)) if above[count] == name]
    problem = (
        f"{name} is there twice, first in line {firsts[-1] + 1}"
        if firsts
        else f"{name} is there already, written in another way"
    )
    return Fault(begins, "", problem, "", ONCE_EACH if is_table else ONCE)


def _within_line(stop: _Stop) -> Fault:
    """Tell what is wrong in a line."""
    match stop.says:
        case "Invalid value":
            return _no_value(stop)
        case "Expected '=' after a key in a key/value pair":
            hint = "write = instead of :" if stop.rest.startswith(":") else f"{ONE_LINE}; {KEYS}"
            return Fault(stop.line, "", "a key has no = after it", stop.written, hint)
        case "Expected newline or end of document after a statement":
            problem = "nothing but a comment may follow a value"
            return Fault(stop.line, "", problem, stop.rest, _no_more(stop))
        case says if says in WORDS:
            problem, hint = WORDS[says]
            return Fault(stop.line, "", problem, stop.written, hint)
    return Fault(stop.line, "", _as_said(stop), stop.written, USUAL)


def _as_said(stop: _Stop) -> str:
    return f"is not TOML: {stop.says[:1].lower()}{stop.says[1:]}"


def _no_value(stop: _Stop) -> Fault:
    """Tell what stands in the place of a value, which may be nothing."""
    word = stop.rest.partition("#")[0].strip()
    if not word:
        return Fault(stop.line, "", "a value is missing", stop.written, NO_VALUE)
    hint = STANDS_FOR.get(word.lower(), 'text stands in "quotes", a number begins with a digit')
    return Fault(stop.line, "", "this is no value", word, hint)


def _no_more(stop: _Stop) -> str:
    """Return what to do where something follows a value."""
    if stop.rest.startswith((",", ";")):
        return f"leave out the {stop.rest[0]}"
    if stop.before in {'"', "'"}:
        return 'a quote within "text" is written \\"'
    if stop.before.isdigit():
        return DATES if stop.rest.startswith("-") else NUMBERS
    return USUAL


def _name(line: str) -> str:
    """Return the key or the [table] that a line begins with."""
    found = re.match(r"\s*(\[+[^\]]*\]+|[^=#]+?)\s*(?:=|#|$)", line)
    return found[1] if found else ""


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
