"""Tests of what runs in jobs of GitHub Actions."""
