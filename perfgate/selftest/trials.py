"""A wish becomes trials: the service with each harm in front, checked beside the service as it is.

Nothing is printed here; what the answers mean is said in :mod:`perfgate.selftest.outcome`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING

from perfgate.build.provide import Build
from perfgate.errors import LoadError, UsageError
from perfgate.gate import measure
from perfgate.orders import order_of
from perfgate.selftest.doses import harm_of, told, usual_of
from perfgate.selftest.harm import Harm, Kind, Place, read_tally
from perfgate.selftest.outcome import Trial
from perfgate.selftest.proxy import SERVICE_PORT
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perfgate.measurement.models import Environment
    from perfgate.rig import Rig
    from perfgate.selftest.doses import Usual
    from perfgate.wish import Wish

PROXY = "{python} -I -m perfgate.selftest.proxy {host} {port}"


def behind_proxy(wish: Wish) -> Wish:
    """Return the wish with the service started behind the proxy, from the place of a build.

    Raises UsageError where the configuration has no command that starts it.
    """
    config = wish.loaded.config
    if config.target.start is None:
        raise UsageError(
            f"{wish.loaded.path} has no target.start, and a selftest starts the service behind a "
            "proxy",
            hint="Say in target.start how it is started, in a configuration of its own: --config.",
        )
    start = f"{PROXY} {config.target.start.replace('{port}', SERVICE_PORT)}"
    target = config.target.model_copy(update={"start": start})
    loaded = replace(wish.loaded, config=config.model_copy(update={"target": target}))
    return replace(wish, loaded=loaded)


def tried(
    wish: Wish, build: Build, wanted: Sequence[Kind], environment: Environment, rig: Rig
) -> Iterator[Trial]:
    """Check the build with each of these in front beside itself; yield each trial.

    The wish and the rig are those behind the proxy. The first of ``wanted`` is nothing, and tells
    how large a harm has to be: where it had no session it is the last. Raises what a check raises,
    but after the first no LoadError: that is the trial's trouble.
    """
    with TemporaryDirectory(prefix="perfgate-selftest-") as directory:
        bench = _Bench(wish, build, environment, rig, Path(directory))
        trial = bench.trial(Harm(wanted[0]), None)
        yield trial
        usual = None if trial.case is None else usual_of(trial.case)
        if usual is not None:
            for kind in wanted[1:]:
                yield bench.spared(harm_of(kind, usual), usual)


@dataclass(frozen=True, slots=True)
class _Bench:
    """What all trials share; ``directory`` holds the places that builds are started from."""

    wish: Wish
    build: Build
    environment: Environment
    rig: Rig
    directory: Path

    def trial(self, harm: Harm, usual: Usual | None) -> Trial:
        """Check the build with the harm beside the build without; raises what a check raises."""
        self._announce(harm, usual)
        begun_s = time.monotonic()
        base, candidate = self._placed(Harm(Kind.NOTHING)), self._placed(harm)
        rig = replace(self.rig, runs_dir=self.rig.runs_dir / harm.kind)
        case = measure(order_of(self.wish, candidate, base, self.environment), rig)
        seconds, verdict = time.monotonic() - begun_s, judge(case)
        trial = Trial(harm, seconds, read_tally(candidate.directory), case, verdict)
        self.rig.progress.learned(f"{verdict.outcome} after {seconds:.0f} s: {trial.answer}")
        return trial

    def spared(self, harm: Harm, usual: Usual) -> Trial:
        """Do the same; load that cannot be had is the trial's trouble, not that of all."""
        begun_s = time.monotonic()
        try:
            return self.trial(harm, usual)
        except LoadError as error:
            return Trial(harm, time.monotonic() - begun_s, trouble=error.message.splitlines()[0])

    def _announce(self, harm: Harm, usual: Usual | None) -> None:
        self.rig.progress.stage(f"{harm.kind} in front", 0.0)
        harmless = harm.kind is Kind.NOTHING
        wanted = "it should ship" if harmless else f"{told(harm, usual)}: it should fail"
        self.rig.progress.learned(wanted)

    def _placed(self, harm: Harm) -> Build:
        """Return the build as it is started behind the proxy, with the harm."""
        harmless = harm.kind is Kind.NOTHING
        name = "the service as it is" if harmless else f"the service where {told(harm, None)}"
        directory = Path(mkdtemp(prefix=f"{harm.kind}-", dir=self.directory))
        seed = self.wish.loaded.config.load.seed
        Place(str(self.build.directory), harm, seed).write(directory)
        return Build(name, directory, None, dirty=False, label=name)
