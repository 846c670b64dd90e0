"""How often perfgate errs: real checks of builds whose loss is known, and what they add up to.

Run as ``python -m calibration.collect`` with ``tests`` on the path to make and keep the checks, and
as ``python -m calibration.page`` to print the page on those that were kept.
"""
