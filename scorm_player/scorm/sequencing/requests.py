"""The requests that the processes hand each other (SN 4.4–4.8), and what a refusal means in words."""

from enum import StrEnum


class NavigationRequest(StrEnum):
    """What the learner or the content asks for (NB.2.1). Spelled as in `adl.nav.request` where that knows it."""

    START = "start"
    RESUME_ALL = "resumeAll"
    CONTINUE = "continue"
    PREVIOUS = "previous"
    FORWARD = "forward"
    BACKWARD = "backward"
    CHOICE = "choice"
    JUMP = "jump"
    EXIT = "exit"
    EXIT_ALL = "exitAll"
    ABANDON = "abandon"
    ABANDON_ALL = "abandonAll"
    SUSPEND_ALL = "suspendAll"


class TerminationRequest(StrEnum):
    """How attempts end (TB.2.3)."""

    EXIT = "exit"
    EXIT_PARENT = "exitParent"
    EXIT_ALL = "exitAll"
    SUSPEND_ALL = "suspendAll"
    ABANDON = "abandon"
    ABANDON_ALL = "abandonAll"


class SequencingRequest(StrEnum):
    """What to look for next (SB.2.12)."""

    START = "start"
    RESUME_ALL = "resumeAll"
    CONTINUE = "continue"
    PREVIOUS = "previous"
    CHOICE = "choice"
    JUMP = "jump"
    RETRY = "retry"
    EXIT = "exit"


EXCEPTIONS: dict[str, str] = {
    "NB.2.1-1": "The session has already begun.",
    "NB.2.1-2": "The session has not begun.",
    "NB.2.1-3": "There is no suspended activity.",
    "NB.2.1-4": "The course does not flow from this activity.",
    "NB.2.1-5": "The course does not flow backward from this activity.",
    "NB.2.1-6": "Nothing comes before the whole course.",
    "NB.2.1-7": "This navigation request is not supported.",
    "NB.2.1-8": "An activity on the way may not be left by choice.",
    "NB.2.1-9": "There is no activity on the way to the target.",
    "NB.2.1-10": "It cannot be chosen: this part is taken in its order.",
    "NB.2.1-11": "There is no such activity.",
    "NB.2.1-12": "The activity has already ended.",
    "NB.2.1-13": "This navigation request is not known.",
    "TB.2.3-1": "The session has not begun.",
    "TB.2.3-2": "The activity has already ended.",
    "TB.2.3-3": "There is nothing to suspend.",
    "TB.2.3-4": "The whole course has no parent to exit.",
    "TB.2.3-5": "There is nothing to suspend.",
    "TB.2.3-7": "This termination request is not known.",
    "SB.2.1-1": "The last activity has been reached.",
    "SB.2.1-2": "There is no activity available in this part.",
    "SB.2.1-3": "The first activity has been reached.",
    "SB.2.1-4": "This part can only be taken forward.",
    "SB.2.2-1": "The course does not flow into this part.",
    "SB.2.2-2": "The next activity is not allowed now.",
    "SB.2.4-1": "An activity before it must be finished first.",
    "SB.2.4-2": "This part can only be taken forward.",
    "SB.2.4-3": "Nothing comes before the whole course.",
    "SB.2.5-1": "The session has already begun.",
    "SB.2.6-1": "The session has already begun.",
    "SB.2.6-2": "There is no suspended activity.",
    "SB.2.7-1": "The session has not begun.",
    "SB.2.7-2": "The course does not flow from this activity.",
    "SB.2.8-1": "The session has not begun.",
    "SB.2.8-2": "The course does not flow from this activity.",
    "SB.2.9-1": "There is no such activity.",
    "SB.2.9-2": "The activity is not part of this attempt.",
    "SB.2.9-3": "The activity is hidden.",
    "SB.2.9-4": "It cannot be chosen: this part is taken in its order.",
    "SB.2.9-5": "There is no activity on the way to the target.",
    "SB.2.9-6": "The part may not be entered by choice.",
    "SB.2.9-7": "An activity on the way may not be left by choice.",
    "SB.2.9-8": "Only activities near the current part may be chosen.",
    "SB.2.9-9": "Nothing in this part can be delivered.",
    "SB.2.10-1": "The session has not begun.",
    "SB.2.10-2": "The activity has not ended.",
    "SB.2.10-3": "Nothing in this part can be delivered.",
    "SB.2.11-1": "The session has not begun.",
    "SB.2.11-2": "The activity has not ended.",
    "SB.2.12-1": "This sequencing request is not known.",
    "SB.2.13-1": "The session has not begun.",
    "DB.1.1-1": "Only a single activity can be delivered.",
    "DB.1.1-2": "There is nothing to deliver.",
    "DB.1.1-3": "The activity is disabled, or its attempts are used up.",
    "DB.2-1": "The current activity has not ended.",
    "prerequisites": "Another activity must be finished first.",
}
