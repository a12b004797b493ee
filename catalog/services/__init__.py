"""The use cases of catalog; the only door for the rooms above."""
