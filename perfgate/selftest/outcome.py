"""What a gate said to each harm becomes whether it is awake, and what to do where it is not.

Pure: nothing is measured or shown here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from perfgate.exitcodes import ExitCode
from perfgate.selftest.harm import NO_TALLY, Kind, Tally
from perfgate.verdict.checks import demand, errors, incidents, mu_slo, queue, slo
from perfgate.verdict.finding import Outcome, listed, number

if TYPE_CHECKING:
    from perfgate.selftest.harm import Harm
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict

# These hold the candidate against a demand or a promise, whatever the base does.
ABSOLUTE = (demand.CHECK, mu_slo.CHECK, queue.CHECK, slo.CHECK)

CREDULOUS = (
    "The Locust file takes answers with status 500 for good ones: its tasks must fail where an "
    "answer is not what it should be."
)


class Answer(StrEnum):
    """Whether a gate said what it should."""

    RIGHT = "right"
    ASLEEP = "asleep"
    ALARM = "false alarm"
    OPEN = "undecided"


@dataclass(frozen=True, slots=True)
class Trial:
    """A check of the service as it is beside the service with a harm in front, and its verdict.

    ``case`` and ``verdict`` are None where ``trouble`` kept it from one. ``tally`` tells what came
    through to the candidate.
    """

    harm: Harm
    seconds: float
    tally: Tally = NO_TALLY
    case: Case | None = None
    verdict: Verdict | None = None
    trouble: str = ""

    @property
    def answer(self) -> Answer:
        """Return whether the gate said what it should."""
        if self.verdict is None or self.missed:
            return Answer.OPEN
        code, harmless = self.verdict.exit_code(), self.harm.kind is Kind.NOTHING
        if code is ExitCode.UNDECIDED:
            return Answer.OPEN
        if (code is ExitCode.PASS) is harmless:
            return Answer.RIGHT
        return Answer.ALARM if harmless else Answer.ASLEEP

    @property
    def missed(self) -> bool:
        """Tell whether there was to be harm, and no request met it."""
        return self.harm.kind is not Kind.NOTHING and not self.tally.harmed

    @property
    def reason(self) -> str:
        """Return what the gate said, or why it said nothing."""
        return self.trouble if self.verdict is None else self.verdict.reason


@dataclass(frozen=True, slots=True)
class Selftest:
    """All that was tried of a service's gate, in order; ``wanted`` is what was to be."""

    service: str
    wanted: tuple[Kind, ...]
    trials: tuple[Trial, ...]

    @property
    def untried(self) -> tuple[Kind, ...]:
        """Return what was not tried, as too little is known to size it."""
        return self.wanted[len(self.trials) :]

    @property
    def outcome(self) -> Outcome:
        """Return FAIL for a gate that gave a wrong answer, PASS where all are right."""
        answers = {trial.answer for trial in self.trials}
        if answers & {Answer.ASLEEP, Answer.ALARM}:
            return Outcome.FAIL
        whole = answers == {Answer.RIGHT} and not self.untried
        return Outcome.PASS if whole else Outcome.INCONCLUSIVE

    @property
    def exit_code(self) -> ExitCode:
        """Return the exit code of the outcome."""
        codes = {Outcome.PASS: ExitCode.PASS, Outcome.FAIL: ExitCode.FAIL}
        return codes.get(self.outcome, ExitCode.UNDECIDED)

    def kinds(self, answer: Answer) -> tuple[Kind, ...]:
        """Return to what the gate gave this answer."""
        return tuple(trial.harm.kind for trial in self.trials if trial.answer is answer)


def advice(trial: Trial) -> str:
    """Return in a sentence what to do about a wrong answer or none, "" where it is right."""
    match trial.answer:
        case Answer.RIGHT:
            return ""
        case Answer.OPEN:
            return _open(trial)
        case Answer.ALARM:
            return _alarm(trial)
        case Answer.ASLEEP:
            return _asleep(trial)


def advice_untried(selftest: Selftest) -> str:
    """Return in a sentence why some harms were not tried, "" where all were."""
    if not selftest.untried:
        return ""
    return (
        f"Not tried: {', '.join(selftest.untried)}. Their size is taken from the sessions with "
        "nothing in front, and there was none."
    )


def told_all(selftest: Selftest) -> str:
    """Return the outcome in words."""
    asleep, still = selftest.kinds(Answer.ASLEEP), selftest.kinds(Answer.OPEN)
    alarm = selftest.kinds(Answer.ALARM)
    gate = f"the gate of {selftest.service}"
    if asleep or alarm:
        wrong = [f"it let {listed(asleep)} ship"] if asleep else []
        wrong += ["it failed the service as it is"] if alarm else []
        return f"{gate} {'is asleep' if asleep else 'cries wolf'}: {' and '.join(wrong)}"
    if selftest.outcome is Outcome.PASS:
        harms = [kind for kind in selftest.wanted if kind is not Kind.NOTHING]
        return f"{gate} is awake: it let the service ship as it is, and failed {listed(harms)}"
    words = {Kind.NOTHING: "the service as it is"}
    left = [words.get(kind, kind) for kind in (*still, *selftest.untried)]
    return f"it is open whether {gate} is awake: nothing was decided about {listed(left)}"


def _open(trial: Trial) -> str:
    if trial.verdict is None:
        return "A quieter machine: `perfgate doctor` tells how this one is."
    if trial.missed:
        return "No request met the harm: the proxy that does it knows HTTP/1 only."
    if trial.verdict.findings[:1] and trial.verdict.findings[0].check == incidents.CHECK:
        return "The service must come through its load as it is: --output keeps its log."
    if _unseen(trial):
        return CREDULOUS
    hint = next((own.hint for own in trial.verdict.findings if own.hint), "")
    return hint or "A larger budget (--budget) or a quieter machine would decide."


def _unseen(trial: Trial) -> bool:
    """Tell whether errors came through, and none of them was taken for one."""
    if trial.harm.kind is not Kind.ERRORS or trial.case is None:
        return False
    return not any(own.failed for own in errors.tallies(trial.case, "candidate").values())


def _alarm(trial: Trial) -> str:
    found = trial.verdict.findings[0].check if trial.verdict else ""
    if found.partition(":")[0] in ABSOLUTE:
        return (
            "The proxy takes CPU time too, so less is served here than without it. Where "
            "`perfgate check` lets the service ship, there is too little room for both."
        )
    return (
        "Beside itself it was called worse: `perfgate doctor` tells how noisy it is here, and "
        "[margins] how much of that is tolerated."
    )


def _asleep(trial: Trial) -> str:
    if trial.case is None:
        return ""
    if _unseen(trial):
        return CREDULOUS
    if trial.harm.kind is Kind.ERRORS:
        return "[slo] lets it pass: error_ratio is how much of an operation may fail."
    margins = trial.case.terms.config.margins
    names = ("slowdown", "latency" if trial.harm.kind is Kind.LATENCY else "operation")
    wide = " and ".join(f"{name} = {number(getattr(margins, name))}" for name in names)
    return f"[margins] lets it pass: {wide}. Smaller ones would see it."
