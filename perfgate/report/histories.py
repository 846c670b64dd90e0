"""The registry of forms that a history is shown in: a new one is a module and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.report import history, historycsv
from perfgate.report.html import history as page

if TYPE_CHECKING:
    from collections.abc import Callable

    from perfgate.baseline.chronicle import Chronicle

FORMATS: dict[str, Callable[[Chronicle], str]] = {
    "terminal": history.render,
    "csv": historycsv.render,
    "html": page.render,
}
