"""The queries of training."""
