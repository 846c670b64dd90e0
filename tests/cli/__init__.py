"""The command line, driven as its users drive it."""
