"""Load generators side by side on one machine: what each costs, and what each makes of the truth.

Run as ``python -m benchmarks.generators`` with ``tests`` on the path; it prints a page.
"""
