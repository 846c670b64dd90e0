"""A selftest becomes text: the outcome first, then each harm, what the gate said, and what to do.

Pure: nothing is judged or printed here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from perfgate.report.lines import wrapped
from perfgate.selftest.doses import told, usual_of
from perfgate.selftest.harm import Kind
from perfgate.selftest.outcome import Answer, advice, advice_untried, told_all
from perfgate.tail import escaped
from perfgate.verdict.finding import number, sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from perfgate.selftest.doses import Usual
    from perfgate.selftest.outcome import Selftest, Trial

FORMAT = "perfgate.selftest/1"
KIND, WANTED, VERDICT, SECONDS = 12, 16, 16, 6
INDENT = " " * (2 + KIND)


def render(selftest: Selftest) -> str:
    """Return the text for people, of fixed width."""
    usual = _usual(selftest)
    lines = [wrapped(f"{selftest.outcome}: {escaped(told_all(selftest))}.", "  ", first="")]
    lines += ["", f"  {'in front':<{KIND}}{'should':<{WANTED}}{'verdict':<{VERDICT}}{'time':>6}"]
    for trial in selftest.trials:
        lines += _trial(trial, usual)
    if untried := advice_untried(selftest):
        lines += ["", wrapped(untried, "  ")]
    if usual:
        lines += ["", wrapped(_footing(usual), "  ")]
    return "\n".join(lines) + "\n"


def render_json(selftest: Selftest) -> str:
    """Return the same for programs."""
    usual = _usual(selftest)
    document = {
        "format": FORMAT,
        "service": selftest.service,
        "outcome": selftest.outcome,
        "exit_code": int(selftest.exit_code),
        "reason": sentence(told_all(selftest)),
        "untried": selftest.untried,
        "usual": usual and {"cost_ms": 1000 * usual.cost_s, "answer_ms": 1000 * usual.answer_s},
        "trials": [_document(trial, usual) for trial in selftest.trials],
    }
    return json.dumps(document, indent=2) + "\n"


FORMATS: dict[str, Callable[[Selftest], str]] = {"terminal": render, "json": render_json}


def _usual(selftest: Selftest) -> Usual | None:
    """Return what requests took with nothing in front; None where that is not known."""
    known = [own.case for own in selftest.trials if own.harm.kind is Kind.NOTHING]
    return usual_of(known[0]) if known and known[0] else None


def _trial(trial: Trial, usual: Usual | None) -> list[str]:
    kind = trial.harm.kind
    should = "ship" if kind is Kind.NOTHING else "fail"
    word = "-" if trial.verdict is None else str(trial.verdict.outcome)
    mark = "" if trial.answer is Answer.RIGHT else f"   {trial.answer}"
    row = f"  {kind:<{KIND}}{should:<{WANTED}}{word:<{VERDICT}}{trial.seconds:4.0f} s{mark}"
    dose = [] if kind is Kind.NOTHING else [sentence(f"{told(trial.harm, usual)}{_met(trial)}")]
    texts = [*dose, escaped(trial.reason)]
    hint = advice(trial)
    return [
        "",
        row,
        *(wrapped(text, INDENT) for text in texts),
        *([wrapped(f"-> {escaped(hint)}", f"{INDENT}   ", first=INDENT)] if hint else []),
    ]


def _met(trial: Trial) -> str:
    """Return how many requests met a harm that is not done to all of them."""
    tally = trial.tally
    return f": {tally.harmed} of {tally.requests}" if trial.harm.one_in and tally.requests else ""


def _footing(usual: Usual) -> str:
    """Return what the trials are, and what the sizes of harms are taken from."""
    return (
        "Each is a check of the service beside itself, with the same proxy before both, which does "
        f"the harm to one of them. Unharmed, the proxy's own included, a request takes "
        f"{number(1000 * usual.cost_s)} ms of CPU, and {number(1000 * usual.answer_s)} ms (median)."
    )


def _document(trial: Trial, usual: Usual | None) -> dict[str, object]:
    harm, verdict = trial.harm, trial.verdict
    return {
        "in_front": harm.kind,
        "told": told(harm, usual),
        "wait_ms": 1000 * harm.wait_s,
        "burn_ms": 1000 * harm.burn_s,
        "error_ratio": 1 / harm.one_in if harm.one_in else 0.0,
        "requests": trial.tally.requests,
        "harmed": trial.tally.harmed,
        "verdict": None if verdict is None else verdict.outcome,
        "check": None if verdict is None or not verdict.findings else verdict.findings[0].check,
        "reason": trial.reason,
        "answer": trial.answer,
        "hint": advice(trial),
        "seconds": round(trial.seconds, 1),
    }
