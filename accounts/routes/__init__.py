"""The edge of accounts: requests in, answers out."""
