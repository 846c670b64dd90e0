"""Selftest: a user's service goes behind a proxy that does it harm, to see what their gate says.

The checks are ordinary ones, of the service as it is beside the service with the harm.
"""
