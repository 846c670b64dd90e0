"""Probe: this machine is tried and figures come back; what they mean is judged elsewhere."""
