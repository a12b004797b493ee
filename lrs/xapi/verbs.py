"""The identifiers that Stoa itself speaks: verbs, activity types, categories, extensions, attachment usages.

From the ADL vocabulary, the cmi5 specification and the xAPI SCORM profile.
"""

_ADL = "http://adlnet.gov/expapi/verbs/"
_W3ID_ADL = "https://w3id.org/xapi/adl/verbs/"

VOIDED = _ADL + "voided"

INITIALIZED = _ADL + "initialized"
COMPLETED = _ADL + "completed"
PASSED = _ADL + "passed"
FAILED = _ADL + "failed"
TERMINATED = _ADL + "terminated"
LAUNCHED = _ADL + "launched"
ABANDONED = _W3ID_ADL + "abandoned"
WAIVED = _W3ID_ADL + "waived"
SATISFIED = _W3ID_ADL + "satisfied"

RESUMED = _ADL + "resumed"
SUSPENDED = _ADL + "suspended"
SCORED = _ADL + "scored"
PROGRESSED = _ADL + "progressed"
RESPONDED = _ADL + "responded"
ANSWERED = _ADL + "answered"
COMMENTED = _ADL + "commented"
ATTEMPTED = _ADL + "attempted"
EXPERIENCED = _ADL + "experienced"

_ADL_TYPE = "http://adlnet.gov/expapi/activities/"
COURSE_TYPE = _ADL_TYPE + "course"
MODULE_TYPE = _ADL_TYPE + "module"
LESSON_TYPE = _ADL_TYPE + "lesson"
ASSESSMENT_TYPE = _ADL_TYPE + "assessment"
OBJECTIVE_TYPE = _ADL_TYPE + "objective"
ATTEMPT_TYPE = _ADL_TYPE + "attempt"
INTERACTION_TYPE = _ADL_TYPE + "cmi.interaction"
PROFILE_TYPE = _ADL_TYPE + "profile"
CMI5_BLOCK_TYPE = "https://w3id.org/xapi/cmi5/activitytype/block"
CMI5_COURSE_TYPE = "https://w3id.org/xapi/cmi5/activitytype/course"

SCORM_CATEGORY = "https://w3id.org/xapi/scorm"
CMI5_CATEGORY = "https://w3id.org/xapi/cmi5/context/categories/cmi5"
CMI5_MOVEON_CATEGORY = "https://w3id.org/xapi/cmi5/context/categories/moveon"

_CMI5_CONTEXT = "https://w3id.org/xapi/cmi5/context/extensions/"
CMI5_SESSION_ID = _CMI5_CONTEXT + "sessionid"
CMI5_MASTERY_SCORE = _CMI5_CONTEXT + "masteryscore"
CMI5_LAUNCH_MODE = _CMI5_CONTEXT + "launchmode"
CMI5_LAUNCH_URL = _CMI5_CONTEXT + "launchurl"
CMI5_MOVEON = _CMI5_CONTEXT + "moveon"
CMI5_LAUNCH_PARAMETERS = _CMI5_CONTEXT + "launchparameters"
CMI5_PROGRESS = "https://w3id.org/xapi/cmi5/result/extensions/progress"
CMI5_REASON = "https://w3id.org/xapi/cmi5/result/extensions/reason"

SIGNATURE_USAGE = "http://adlnet.gov/expapi/attachments/signature"
