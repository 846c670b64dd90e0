"""Templates of pages, in which everything is escaped; what stands in a page is its own module's."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from perfgate.report.html.svg import safe

if TYPE_CHECKING:
    from jinja2 import Template

# The space between a figure and its unit.
UNIT = re.compile(r"(?<=\d) (?=(?:%|ms|s|MiB)(?!\w))")


@cache
def template(name: str) -> Template:
    """Return a template of this room."""
    environment = Environment(
        loader=PackageLoader("perfgate.report.html", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _shown(value: object) -> object:
    """Return what stands in the page for a value: text as it is, no figure torn from its unit."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return Markup(UNIT.sub("&nbsp;", safe(value)))  # noqa: S704 - escaped, then one entity added
