"""The edge of catalog: requests in, answers out."""
