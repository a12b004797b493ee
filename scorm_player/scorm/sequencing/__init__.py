"""IMS Simple Sequencing as SCORM 2004 profiles it: a module per chapter of the SN book, a function per process."""
