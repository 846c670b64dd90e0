"""Pages of the documentation that the code itself writes: its commands, its errors.

Run as ``python -m manual.commands`` and ``python -m manual.errors`` with ``tests`` on the path;
``make docs`` does so.
"""
