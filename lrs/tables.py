"""Tables of lrs."""
