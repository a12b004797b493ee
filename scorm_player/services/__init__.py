"""The use cases of scorm_player; the only door for the rooms above."""
