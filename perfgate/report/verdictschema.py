"""The JSON Schema of the verdict as JSON, in its one home: what programs may rely on.

The document itself is made by :mod:`perfgate.report.jsonreport`; nothing is checked here.
"""

from __future__ import annotations

from typing import Final

FORMAT: Final = "perfgate.verdict/1"
# History of the format:
#   1  verdict with reason, findings, figures, and what was left out.
#      Later: mu_slo and headroom, null, picture, recoveries and restart; of these who is left out,
#      at which rates a build broke and healed, what was tried, and what was to be expected. A
#      version may get more keys, with which the schema is a new one; none is taken away or changes
#      its meaning.

Schema = dict[str, object]

OUTCOMES: Schema = {"enum": ["PASS", "WARN", "FAIL", "INCONCLUSIVE", "INVALID"]}
TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer"}
COUNTS: Schema = {"type": "array", "items": COUNT}
POINTS: Schema = {"type": "array", "items": NUMBER, "minItems": 18, "maxItems": 18}


def _table(description: str, **properties: Schema) -> Schema:
    """Return the schema of an object with just these properties, all of them there."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _rows(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _told(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


FIGURE = _or_null(NUMBER)
BUILD = _table(
    "A build.",
    name=_told(TEXT, "How the user called it."),
    commit=_told(_or_null(TEXT), "Its commit; null for a directory."),
    dirty=_told(FLAG, "Whether the working tree had changes that are in no commit."),
)
FINDING = _table(
    "The answer to one check.",
    check=_told(TEXT, "Name of the check, with what it is about behind a colon."),
    outcome=OUTCOMES,
    reason=_told({**TEXT, "minLength": 1}, "A sentence with its figures."),
    observed=_told(FIGURE, "The figure that was judged, in `unit`."),
    limit=_told(FIGURE, "What it was held to."),
    interval=_told(
        _or_null({"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}),
        "Its lower and upper bound.",
    ),
    unit=TEXT,
    hint=_told(TEXT, "What to do; empty where nothing has to be done."),
)
ROW = _table(
    "One figure of both builds.",
    name=TEXT,
    unit=TEXT,
    base=FIGURE,
    candidate=FIGURE,
    change_percent=FIGURE,
)
MU_SLO = _table(
    "The highest rate that keeps every promise, and how it was found; null where it was not "
    "searched.",
    rate_rps=NUMBER,
    lower_rps=NUMBER,
    upper_rps=NUMBER,
    level=_told(NUMBER, "Confidence of each bound."),
    first_missed=_told(TEXT, "The promise that is missed first beyond it."),
    low_rps=_told(NUMBER, "Lowest rate of the search."),
    high_rps=_told(NUMBER, "Highest rate of the search."),
    found=_told(FLAG, "Whether it lies between these two."),
    trials=COUNT,
    seconds=NUMBER,
)
HEADROOM = _table(
    "The service rate over the demand, and which rate it is.",
    ratio=NUMBER,
    by={"enum": ["mu_SLO", "mu_sat"]},
)
METRIC = _table(
    "One metric, in percent.",
    session_sd_percent=_told(NUMBER, "Standard deviation between sessions."),
    detectable_percent=_told(NUMBER, "Least true slowdown that is found four times in five."),
    at_last_look_percent=_told(NUMBER, "The same, after the most sessions."),
)
NULL = _table(
    "What the look that decided could have seen; null where builds were not compared.",
    sessions=COUNT,
    most_sessions=COUNT,
    margin_percent=NUMBER,
    metrics=_table("By metric.", cost=METRIC, capacity=METRIC),
)
COURSE = _table("How it goes, a figure for each of `end_s`.", waiting=POINTS, goodput_rps=POINTS)
PICTURE = _table(
    "A stall, simulated; null where no overload keeps itself alive.",
    regime={"enum": ["metastable", "unstable"]},
    stall_at_s=NUMBER,
    stall_s=NUMBER,
    first_try_rps=NUMBER,
    cure=_or_null(TEXT),
    end_s=POINTS,
    as_it_is=COURSE,
    cured=_or_null(COURSE),
)
RELIEF = _table(
    "What was tried with a build that stayed down, until something helped.",
    from_s=COUNT,
    to_s=COUNT,
    rate_rps=_told(NUMBER, "What callers sent."),
    quiet=_told(FLAG, "Whether nobody retried."),
    helped=_told(FLAG, "Whether callers were served again."),
)
PREDICTION = _table(
    "What was to be expected: a build stays down if callers that all retry send more than it "
    "serves. Null where that is not known, and for a restart.",
    retried_rps=_told(NUMBER, "What callers that all retry send."),
    served_rps=_told(NUMBER, "What is served then."),
    served_by=_told(
        {"enum": ["mu_over", "mu_sat"]},
        "Which rate that is: completed under overload, or surely served while saturated.",
    ),
    stays_down=FLAG,
    came_true=_told(_or_null(FLAG), "Null where the run does not tell."),
)
RECOVERY = _table(
    "How a build came through an upset; of each series a figure for a second.",
    build={"enum": ["base", "candidate"]},
    was_well=FLAG,
    recovered_s=_told(FIGURE, "Seconds after the upset until callers were served again."),
    answered_ratio=NUMBER,
    attempts_per_call=NUMBER,
    most_waiting=FIGURE,
    unserved=_told(
        {"type": "object", "additionalProperties": NUMBER},
        "Dependents that were left out, and the share of their calls that was answered.",
    ),
    healed_rps=_told(FIGURE, "Lowered demand at which a build that stayed down was well again."),
    healed_quiet=_told(FLAG, "Whether it was well again once nobody retried."),
    held_rps=_told(FIGURE, "Demand that was served before the upset."),
    broke_rps=_told(FIGURE, "Rate of calls that it did not come back from."),
    stuck_rps=_told(FIGURE, "Lowest demand at which it stayed down."),
    reliefs=_rows(RELIEF),
    demand_rps=NUMBER,
    mu_over_rps=FIGURE,
    prediction=_or_null(PREDICTION),
    upset=_table(
        "What happened to it.",
        kind={"enum": ["spike", "stall", "change", "restart"]},
        rate_rps=NUMBER,
        from_s=NUMBER,
        to_s=NUMBER,
        limit_s=NUMBER,
        steps=_rows({"type": "array", "items": NUMBER}),
        quiet_s=NUMBER,
    ),
    first_tries=COUNTS,
    attempts=COUNTS,
    answered=COUNTS,
    waiting=_rows(_or_null(COUNT)),
)


def verdict_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of what ``--format json`` prints."""
    document = _table(
        "The verdict of a check, its findings in order of severity, and the figures behind them.",
        format={"const": FORMAT},
        verdict=_told(OUTCOMES, "The worst of all findings."),
        reason=_told({**TEXT, "minLength": 1}, "Why, in a sentence."),
        left_out=_told(TEXTS, "Questions that were not asked."),
        candidate=BUILD,
        base=_or_null(BUILD),
        findings=_rows(FINDING),
        figures=_rows(ROW),
        mu_slo=_or_null(MU_SLO),
        headroom=_or_null(HEADROOM),
        null=_or_null(NULL),
        picture=_or_null(PICTURE),
        recoveries=_rows(RECOVERY),
        restart=_or_null(RECOVERY),
        measured=_told(TEXTS, "How it was measured, in sentences."),
    )
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, **document, "title": "verdict.json"}
