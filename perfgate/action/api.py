"""The few calls of GitHub's API that telling a verdict takes: the one door to it.

What is told is :mod:`perfgate.action.publish`'s to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perfgate.errors import PerfgateError
from perfgate.exitcodes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VERSION = "2022-11-28"
CONNECT_S, READ_S = 10.0, 30.0
PER_PAGE = 100
MOST_PAGES = 30
UNREACHED = "Run the job again; where GitHub is another one, GITHUB_API_URL says where."
HINT = "Give the job checks: write and pull-requests: write, and its token as GITHUB_TOKEN."


class ApiError(PerfgateError):
    """GitHub refuses a call, mostly for want of a right, or cannot be reached."""

    exit_code = ExitCode.USAGE


class Api:
    """GitHub's API for one repository."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("GITHUB_API_URL", "https://api.github.com").rstrip("/")
        self._address = f"{address}/repos/{environ['GITHUB_REPOSITORY']}"
        self._headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {environ['GITHUB_TOKEN']}",
            "X-GitHub-Api-Version": VERSION,
        }

    def pulls(self, head: str) -> Iterator[dict[str, Any]]:
        """Return the open pull requests from a branch, as owner:branch."""
        return self._pages("/pulls", {"state": "open", "head": head})

    def comments(self, pull: int) -> Iterator[dict[str, Any]]:
        """Return the comments of a pull request, the oldest first."""
        return self._pages(f"/issues/{pull}/comments", {})

    def comment(self, pull: int, body: str) -> None:
        """Add a comment."""
        self._call("POST", f"/issues/{pull}/comments", {"body": body})

    def change_comment(self, comment: int, body: str) -> None:
        """Change a comment."""
        self._call("PATCH", f"/issues/comments/{comment}", {"body": body})

    def check_run(self, run: Mapping[str, Any]) -> None:
        """Add a check run, which a branch can require."""
        self._call("POST", "/check-runs", run)

    def _pages(self, path: str, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        for page in range(1, MOST_PAGES + 1):
            asked = {**query, "per_page": str(PER_PAGE), "page": str(page)}
            rows = self._call("GET", path, query=asked)
            yield from rows
            if len(rows) < PER_PAGE:
                return

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever JSON the call answers
        """Make one call, and return what it answers."""
        import requests  # noqa: PLC0415 - a tenth of a second, which only this needs

        told = f"GitHub: {method} {path}"
        try:
            answer = requests.request(
                method,
                self._address + path,
                json=body,
                params=query,
                headers=self._headers,
                timeout=(CONNECT_S, READ_S),
            )
        except requests.RequestException as error:
            why = type(error).__name__
            raise ApiError(f"{told}: cannot be reached: {why}", hint=UNREACHED) from error
        if not answer.ok:
            raise ApiError(f"{told}: answers {answer.status_code}: {answer.text[:200]}", hint=HINT)
        return answer.json()
