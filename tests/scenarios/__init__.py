"""The gate as a whole, run as its users run it."""
