"""The SCORM standard itself, pure: manifest, data model, run-time, sequencing."""
