"""What holds for every test."""

import signal

import pytest
from disturbance import Disturbance
from hypothesis import settings

# A deadline would be an absolute time, and those have no place in tests on shared machines.
# A push tries the same examples as the one before, so that what fails is the change's doing; a
# night draws new ones, and many more.
settings.register_profile("push", deadline=None, max_examples=30, derandomize=True)
settings.register_profile("night", deadline=None, max_examples=500)
settings.load_profile("push")

# Where the tests were started with Ctrl-C ignored (in the background, say), the commands they
# start would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Watch what the hypervisor takes while tests run."""
    config.pluginmanager.register(Disturbance())
