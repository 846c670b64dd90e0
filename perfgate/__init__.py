"""The gate that says whether a build of a service may ship.

The words below are the only ones used in code, flags, reports and documentation.

target
    How a build is started and stopped.
build
    One version of the service: a commit, a working tree, a directory.
candidate, base
    The two builds compared: the one that wants to ship and the one it is held against.
operation
    One kind of request (``token``, ``introspect``): a task of the Locust file.
arrival
    One planned start of an operation. Its three times are *intended*, *started* and *ended*.
lag
    started - intended.
service time
    ended - started.
latency
    ended - intended.
offered rate, achieved rate
    Arrivals per second; answers per second.
goodput
    Requests answered correctly within the caller's timeout, per second.
cost
    CPU-seconds of the target per request.
session
    Fresh processes of base *and* candidate alive together: the statistical unit.
split
    The open-loop part of a session: one stream of arrivals, *twin* requests, one to each build.
micro
    The closed-loop part of a session: pairs of equal batches, one for each build, which take turns
    of a few requests in an order balanced in fours.
benchmark
    A function timed alone by pytest-benchmark; `perfgate micro` judges these, and no sessions.
solo
    The last part of a session: such pairs of one operation alone, one request in flight.
trial
    Open loop of the candidate alone: a third of the run at the required rate, or, at rates that are
    chosen one after the other, what ``mu_slo`` is found by.
ramp
    The start of the run at the required rate, while the rate rises: sent, but not judged.
journal
    The raw record of one load run.
measurement
    The summary of all journals of one check.
baseline
    An accepted measurement with its provenance.
anchor, step, drift
    The baseline at the last release; how a baseline compares with the one before, side by side; the
    sum of all steps since the anchor.
concession
    A build that was accepted although something spoke against it, with the reason.
level
    What a figure of the records is around, until it changes for good.
environment
    The fingerprint of the machine.
service rate (mu)
    ``mu_sat``: goodput with the queue never empty; ``mu_slo``: the highest rate at which every
    promise is kept; ``mu_over``: completions per second while more comes than can be served.
undisturbed rate
    The service rate without the time in which others had the target's CPU.
yardstick
    How fast the machine is now: fixed work per CPU-second of the target's CPU.
demand (lambda)
    Requests per second that all dependents send.
dependent
    A calling service.
ledger
    The file of dependents.
source
    What tells what dependents really send: Prometheus, an access log.
first try, attempt
    A call, counted once however often it is sent; each time that it is sent.
capacity record
    The service rate of record, how production differs, and the ledger.
admission
    The answer to a dependent that means to send more.
lever
    What could be done about retries or capacity.
amplification
    Attempts per first try.
headroom
    Service rate over demand: ``mu_sat``, or ``mu_slo`` where that was searched.
retry-safe headroom
    ``mu_over`` over the attempts of all dependents while every one fails.
stable, metastable, unstable
    How the load settles: low always; low until an upset keeps it high by retries; never low.
line
    Commits that led from a *good* one to a *bad* one, one of which made the service slower.
check, finding, verdict
    A question asked; its answer with evidence; the worst of all answers.
significant
    Beyond noise.
relevant
    Beyond the margin.
slowdown
    log(candidate / base): positive is worse, for every metric.
"""

__version__ = "0.1.0"
