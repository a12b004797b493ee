"""The use cases of lrs; the only door for the rooms above."""
