"""Small real services to measure, besides the bundled one."""
