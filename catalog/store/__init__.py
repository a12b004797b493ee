"""The queries of catalog."""
