"""The queries of scorm_player."""
