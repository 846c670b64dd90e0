"""A small but real OAuth 2.0 auth service: token requests pass through, the bundled thing to gate.

It knows nothing of the gate: it imports nothing outside this package and runs when copied out.
"""
