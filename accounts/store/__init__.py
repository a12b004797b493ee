"""The queries of accounts."""
