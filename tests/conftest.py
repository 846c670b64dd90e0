"""What holds for every test."""

import signal

from hypothesis import settings

# A deadline would be an absolute time, and those have no place in tests on shared machines.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# Where the tests were started with Ctrl-C ignored (in the background, say), the commands they
# start would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)
