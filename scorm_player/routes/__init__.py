"""The edge of scorm_player: requests in, answers out."""
