"""Packages, registrations and the run-time that plays them: SCORM 1.2 and SCORM 2004."""
