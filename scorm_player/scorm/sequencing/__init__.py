"""IMS Simple Sequencing as SCORM 2004 profiles it: one module per chapter of the SN book, one function per process."""
