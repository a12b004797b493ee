"""The queries of lrs."""
