"""People, tenancy, sign-in and permissions. Knows nothing of statements."""
