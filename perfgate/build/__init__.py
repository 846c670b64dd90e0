"""A ref, a directory or the working tree comes in; a directory with that build, ready to start.

Starting the build is the target's work, not this room's.
"""
