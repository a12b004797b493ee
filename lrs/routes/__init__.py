"""The edge of lrs: requests in, answers out."""
