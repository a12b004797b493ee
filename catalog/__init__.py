"""What there is to learn: courses, their versions, sections and modules, and the catalog page."""
