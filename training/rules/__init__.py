"""The rules of training as plain values and functions: no database, no web, today comes as an argument."""
