"""Tables of scorm_player."""
