"""The ground under every room: configuration, database, errors, events, jobs, audit, files, mail, time.

Knows no word about learning.
"""
