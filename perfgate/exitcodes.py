"""The one registry of exit codes: what each number says, and nothing about when it is used."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit status of ``perfgate`` means; ``meaning`` is the sentence users read."""

    PASS = 0
    FAIL = 1
    USAGE = 2
    UNDECIDED = 3
    NO_BASELINE = 4
    NO_TARGET = 5
    NO_REF = 6
    NO_SOURCE = 7
    BUG = 70
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """Return the sentence that ``--help`` and the documentation print for this code."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.PASS: "the build may ship (warnings included)",
    ExitCode.FAIL: "the build must not ship",
    ExitCode.USAGE: "the command line, the configuration or the ledger is wrong",
    ExitCode.UNDECIDED: "inconclusive or invalid: the evidence decides nothing",
    ExitCode.NO_BASELINE: "nothing measured: the stored baseline is missing or unreadable",
    ExitCode.NO_TARGET: "nothing measured: a build failed, or its target never got ready",
    ExitCode.NO_REF: "nothing measured: a git ref or commit cannot be reached",
    ExitCode.NO_SOURCE: "nothing imported: a source of demand cannot be reached, or has no figures",
    ExitCode.BUG: "a bug in perfgate",
    ExitCode.INTERRUPTED: "interrupted; everything that was started has been stopped",
}
