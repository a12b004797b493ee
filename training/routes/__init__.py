"""The edge of training: requests in, answers out."""
