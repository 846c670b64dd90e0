"""The tasks of a Locust file, read without Locust."""

from __future__ import annotations

import pytest

from perfgate.newcomer.tasks import all_tasks_in, tasks_in

OWN = """\
import random
from locust import FastHttpUser, TaskSet, tag, task
from perfgate.lean import LeanHttpUser
import helpers
from helpers import drawn


class Base(locust.HttpUser):
    @task(3)
    def one(self): ...


class Caller(Base):
    @tag("rare")
    @task
    def two(self): ...

    @task
    class Room(TaskSet):
        @locust.task
        def three(self): ...

    def four(self): ...
"""


def test_all_tasks_of_a_file_that_has_them_itself() -> None:
    """Law: the names are those of marked functions, in nested sets too, however they are marked."""
    assert all_tasks_in(OWN) == tasks_in(OWN) == ["one", "two", "three"]


@pytest.mark.parametrize(
    "more",
    [
        "from others import Shopper\n",
        "from .others import Shopper\n",
        "from others import *\n",
        "class Guest(helpers.Base): ...\n",
        "class Guest(Base):\n    tasks = [drawn]\n",
        "class Guest(Base):\n    tasks: dict = {drawn: 3}\n",
        "Base.tasks = [drawn]\n",
        "def (",
        "\0",
    ],
)
def test_what_may_come_from_elsewhere_is_not_denied(more: str) -> None:
    """Law: where a task may come from other files, or be assigned, nobody is told all of them."""
    assert all_tasks_in(OWN + more) is None
