"""The Learning Record Store: statements and documents, as xAPI asks. Knows nothing of courses."""
