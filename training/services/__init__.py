"""The use cases of training; the only door for the rooms above."""
