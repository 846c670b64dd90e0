"""What a declared production rate leaves open: which build it is of, and what was lost since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.verdict.finding import Finding, Outcome

if TYPE_CHECKING:
    from perfgate.config.models import Production

CHECK = "production"


def declaration_doubts(production: Production, taken: str, *, known: bool) -> list[Finding]:
    """Return a warning where a declared rate cannot be carried over from the build it is of.

    ``taken`` is the build that is taken to have that rate then; ``known`` tells whether it is known
    what was lost between the two.
    """
    rate, commit = production.service_rate_rps, production.service_rate_commit
    if rate is None or known:
        return []
    if commit is None:
        reason = (
            f"It is not said which build has production's {rate:g}/s, so that {taken} is taken to "
            "have them: what was lost before it is not counted."
        )
        hint = "Say in [production] which build that is: service_rate_commit."
    else:
        reason = (
            f"Production's {rate:g}/s are those of build {commit[:12]}, which the stored baseline "
            f"does not know, so that {taken} is taken to have them."
        )
        hint = (
            "Declare the rate of a build that is or was a baseline, as `perfgate history` lists "
            "them."
        )
    return [Finding(CHECK, Outcome.WARN, reason, hint=hint)]
