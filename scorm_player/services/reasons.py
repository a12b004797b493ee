"""Why something cannot be opened, in words for a learner: what the engine knows by codes and scripts."""

from collections.abc import Mapping, Sequence

from core.words import Said, said
from scorm_player.scorm.sequencing.overall import Outcome
from scorm_player.scorm.sequencing.prerequisites import AtLeast, Done, HasStatus, Not, Script, unmet
from scorm_player.scorm.sequencing.tree import ActivityTree, Node
from scorm_player.scorm.sequencing.validity import Entry

MOST_NAMED = 6  # of what is asked for; nobody reads more in a line of an outline

Titles = Mapping[str, str]


def of_entry(entry: Entry, titles: Titles) -> str | None:
    """Tell why a line of the outline cannot be chosen; None when it can. `titles` are those of all activities."""
    return _of_script(entry.lacks, titles) if entry.lacks is not None else entry.reason


def of_outcome(tree: ActivityTree, outcome: Outcome, target: str | None = None) -> str | None:
    """Tell why a request led nowhere. `target` is what was to be opened; else it is what follows."""
    if outcome.exception != "prerequisites":
        return outcome.reason
    wanted = [tree.nodes[target]] if target is not None and target in tree.nodes else _following(tree)
    script = next((script for node in wanted if (script := unmet(tree, node)) is not None), None)
    titles = {node.identifier: node.definition.title for node in tree.nodes.values()}
    return outcome.reason if script is None else _of_script(script, titles)


def _following(tree: ActivityTree) -> list[Node]:
    leaves = [node for node in tree.root.walk() if node.is_leaf]
    return leaves[leaves.index(tree.current) + 1 :] if tree.current in leaves else leaves


def _of_script(script: Script, titles: Titles) -> Said:
    match script:
        case Done(identifier):
            return said("“%(title)s” must be finished first.", title=_title(identifier, titles))
        case HasStatus(identifier, status, is_wanted):
            return _of_status(_title(identifier, titles), status, is_wanted)
        case Not(Done(identifier)):
            return said("This is closed once “%(title)s” is finished.", title=_title(identifier, titles))
        case AtLeast(count, parts):
            return _of_several(count, parts, titles)
    return said("What was done in other parts keeps this one closed.")


def _of_status(title: str, status: str, is_wanted: bool) -> Said:
    if is_wanted and status == "passed":
        return said("“%(title)s” must be passed first.", title=title)
    if is_wanted and status == "completed":
        return said("“%(title)s” must be completed first.", title=title)
    words = {
        "passed": said("passed"),
        "completed": said("completed"),
        "failed": said("failed"),
        "browsed": said("looked through"),
        "incomplete": said("begun and not finished"),
        "not attempted": said("not begun"),
    }
    told = words.get(status, status)
    if is_wanted:
        return said("This is open only while “%(title)s” is %(status)s.", title=title, status=told)
    return said("This is closed while “%(title)s” is %(status)s.", title=title, status=told)


def _of_several(count: int, parts: Sequence[Script], titles: Titles) -> Said:
    named = [_title(part.identifier, titles) for part in parts if isinstance(part, Done)]
    if len(named) < len(parts):
        return _one_by_one(count, parts, titles)
    list_ = ", ".join(f"“{title}”" for title in named[:MOST_NAMED]) + (", …" if len(named) > MOST_NAMED else "")
    if count == len(parts):
        return said("All of these must be finished first: %(titles)s.", titles=list_)
    if count == 1:
        return said("One of these must be finished first: %(titles)s.", titles=list_)
    return said("%(count)s of these must be finished first: %(titles)s.", count=count, titles=list_)


def _one_by_one(count: int, parts: Sequence[Script], titles: Titles) -> Said:
    told, *others = (_of_script(part, titles) for part in parts[:MOST_NAMED])
    for other in others:
        if count == len(parts):
            told = said("%(one)s %(other)s", one=told, other=other)
        else:
            told = said("%(one)s Or: %(other)s", one=told, other=other)
    return told


def _title(identifier: str, titles: Titles) -> str:
    return titles.get(identifier) or identifier
