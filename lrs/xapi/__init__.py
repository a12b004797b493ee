"""The xAPI standard itself, pure: no Flask, no SQL. Versions 1.0.3 and 2.0 (IEEE 9274.1.1)."""
