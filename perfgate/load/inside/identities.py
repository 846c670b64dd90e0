"""Users of the Locust file, made and signed in before the clock starts, lent to one arrival each.

An identity belongs to one build, with its own connections, cookies and tokens; that of the same
number at the other build is its twin. Which request is sent when is the driver's business.
"""

from __future__ import annotations

import inspect
import random
from typing import TYPE_CHECKING, Any, TypeVar

from gevent.lock import Semaphore
from locust import TaskSet

from perfgate.load.inside.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from locust import User
    from locust.env import Environment

    from perfgate.load.inside.recorder import Recorder
    from perfgate.load.plan import Host

_Item = TypeVar("_Item")

SIGN_IN_CONCURRENCY = 8


class Identity:
    """One user of each class of the Locust file, ready to run any operation.

    The users learn the number as ``perfgate_identity`` before their ``on_start`` is called.
    """

    def __init__(self, number: int, users: Iterable[User]) -> None:
        self.number = number
        self._operations: dict[str, Callable[[], Any]] = {}
        for user in users:
            user.perfgate_identity = number  # type: ignore[attr-defined] # a word for Locust files
            user.on_start()
            self._operations.update(_bound_tasks(user, type(user).tasks))

    def task(self, operation: str) -> Callable[[], Any]:
        """Return the task of that name, to be called without arguments."""
        return self._operations[operation]


class Pool:
    """The identities of one build that nobody uses just now."""

    def __init__(self) -> None:
        self._free: dict[int, Identity] = {}
        self._count = Semaphore(0)

    def put(self, identity: Identity) -> None:
        """Take an identity in."""
        self._free[identity.number] = identity
        self._count.release()

    def get(self, number: int) -> Identity:
        """Lend the identity of this number, or the one that was free for longest; wait for it."""
        self._count.acquire()
        return own_or_oldest(self._free, number)

    def get_all(self) -> list[Identity]:
        """Lend all that are free."""
        return [self.get(number) for number in tuple(self._free)]

    def empty(self) -> bool:
        """Return whether there is none."""
        return not self._free


def own_or_oldest(items: dict[int, _Item], number: int) -> _Item:
    """Take out the item of this number; where it is not there, the one that came first."""
    return items.pop(number if number in items else next(iter(items)))


def operations_of(user_classes: Iterable[type[User]]) -> dict[str, list[str]]:
    """Return the operations of the Locust file, with the classes that have a task of that name."""
    owners: dict[str, list[str]] = {}
    for user_class in user_classes:
        for name, owner in _named_tasks(user_class.__name__, user_class.tasks):
            owners.setdefault(name, []).append(owner)
    return owners


def bound_to(
    host: Host, user_classes: Iterable[type[User]], attributes: Mapping[str, object]
) -> list[type[User]]:
    """Return the classes with requests going to the host, and these attributes for their own."""
    # Locust adds each class's tasks to the dictionary that it is made from.
    return [
        type(user_class.__name__, (user_class,), {**attributes, "host": host.url})
        for user_class in user_classes
    ]


def sign_in(
    build: str,
    seed: int,
    numbers: Iterable[int],
    user_classes: list[type[User]],
    environment: Environment,
    recorder: Recorder,
) -> tuple[Crew, Pool]:
    """Begin to make these identities for one build: the crew runs their ``on_start``.

    They come to the pool as they are ready. What fails is noted by the recorder under the build's
    name; such identities are left out. Identity *i* of either build draws the same random numbers.
    """
    waiting = iter(numbers)
    identities = Pool()

    def worker() -> None:
        for number in waiting:
            with recorder.sign_in(build) as fails:
                random.seed(seed + number)
                users = [user_class(environment) for user_class in user_classes]
                identity = Identity(number, users)
                # A failed request need not raise anything.
                if not fails():
                    identities.put(identity)

    return Crew(SIGN_IN_CONCURRENCY, worker), identities


def _named_tasks(owner: str, tasks: Any) -> Iterator[tuple[str, str]]:
    """Yield the name and the class of each task function, those of nested task sets included."""
    # Locust repeats a task as often as its weight says.
    for task in dict.fromkeys(tasks):
        if _is_task_set(task):
            yield from _named_tasks(f"{owner}.{task.__name__}", task.tasks)
        else:
            yield task.__name__, owner


def _bound_tasks(owner: Any, tasks: Any) -> Mapping[str, Callable[[], Any]]:
    """Return operation -> call without arguments, for a user or one of its task sets."""
    bound: dict[str, Callable[[], Any]] = {}
    for task in dict.fromkeys(tasks):
        if _is_task_set(task):
            task_set = task(owner)
            task_set.on_start()
            bound.update(_bound_tasks(task_set, task.tasks))
        else:
            bound[task.__name__] = task.__get__(owner)
    return bound


def _is_task_set(task: Any) -> bool:
    return inspect.isclass(task) and issubclass(task, TaskSet)
