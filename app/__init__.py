"""Puts the rooms together: factory, wiring, error pages, command line, home."""
