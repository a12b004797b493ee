"""The use cases of accounts; the only door for the rooms above."""
