"""Who must learn what, who does, and the proof: assignments, enrollments, progress, completions, certificates."""
