"""`imsmanifest.xml` of SCORM 1.2 and SCORM 2004 (CAM book): read, checked, turned into frozen values."""
