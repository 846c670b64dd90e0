"""Somebody's repository becomes the files that describe its service to perfgate."""
