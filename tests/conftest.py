"""What holds for every test."""

from hypothesis import settings

# A deadline would be an absolute time, and those have no place in tests on shared machines.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
