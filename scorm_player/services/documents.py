"""The documents of the xAPI SCORM profile, kept in the transaction in which a session begins or ends.

Other clients of the LRS find in them what no statement says: a learner's attempts, where each stands, suspend data,
what everybody is given. Stoa itself never reads them. A session that does not count writes none, nor does one that
content has not initialized. Statements are stored after them: who waits for a document must not have the turn to store.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from core.db import Session
from lrs.services import documents as lrs
from lrs.services.documents import Kind, Place, Revision, Text
from scorm_player import documents
from scorm_player.scorm import cmi
from scorm_player.scorm.sequencing.definition import DataMap
from scorm_player.scorm.visit import Learner
from scorm_player.services import addresses
from scorm_player.services.playing import Playing, Sitting, source_of
from scorm_player.statements import Source

Change = Revision | Text


def begun(session: Session, sittings: Iterable[Sitting], now: datetime) -> None:
    """Write what is known where sessions have just been initialized: attempts, who learns, what everybody is given."""
    if changes := [change for one in sittings if one.counts for change in _beginning(one)]:
        lrs.revise(session, changes, now)


def left(playing: Playing, shared: Mapping[str, str] = MappingProxyType({})) -> None:
    """Write how a session that is over has left its attempt; `shared` are the data stores that it has seen, by id."""
    if playing.counts and playing.launched.initialized_at is not None:
        source = source_of(playing)
        changes = _attempt(playing, source, playing.state.total_seconds)
        lrs.revise(playing.session, [*changes, *_data_stores(playing, source, shared)], playing.now)


def _beginning(sitting: Sitting) -> Iterator[Change]:
    source, values = source_of(sitting), sitting.data.values
    learner = Learner(sitting.data.learner[0], sitting.data.learner[1])
    attempts = {"attempts": [source.attempt_iri]}
    yield Revision(_state(source, documents.ACTIVITY_STATE, source.sco_iri), members=attempts)
    profile = documents.activity_profile(sitting.course.items[sitting.node_identifier])
    yield Revision(lrs.place(Kind.ACTIVITY_PROFILE, documents.ACTIVITY_PROFILE, activity=source.sco_iri), profile)
    agent = lrs.place(Kind.AGENT_PROFILE, documents.AGENT_PROFILE, agent=dict(source.actor))
    yield Revision(agent, documents.agent_profile(source, learner))
    total = values.get("cmi.total_time", values.get("cmi.core.total_time", ""))
    yield from _attempt(sitting, source, cmi.seconds_of(total))


def _attempt(sitting: Sitting, source: Source, total_seconds: Decimal) -> Iterator[Change]:
    values, stores = sitting.data.values, [_data_store(sitting, source, one) for one in _mapped(sitting)]
    state = documents.attempt_state(source, values, total_seconds, stores)
    yield Revision(_state(source, documents.ATTEMPT_STATE, source.attempt_iri), state)
    yield Text(_state(source, documents.SUSPEND_DATA, source.attempt_iri), values.get("cmi.suspend_data"))


def _data_stores(playing: Playing, source: Source, shared: Mapping[str, str]) -> Iterator[Change]:
    for one in _mapped(playing):
        if one.write_shared_data and one.target in shared:
            found = _data_store(playing, source, one)
            yield Text(_state(source, found["stateId"], found["activityId"]), shared[one.target])


def _mapped(sitting: Sitting) -> Sequence[DataMap]:
    """The data stores that the activity maps, which the 4th Edition has brought."""
    return sitting.course.activity(sitting.node_identifier).data_maps if sitting.item.edition == "4th" else ()


def _data_store(sitting: Sitting, source: Source, mapped: DataMap) -> dict[str, Any]:
    is_shared = sitting.course.structure.shared_data_global_to_system
    everywhere = f"{addresses.known.home_page}/data-stores" if is_shared else None
    return documents.data_store(source, mapped.target, everywhere)


def _state(source: Source, state_id: str, activity: str) -> Place:
    """A state document of the learner's; no registration, as the profile asks for it."""
    return lrs.place(Kind.STATE, state_id, activity=activity, agent=dict(source.actor))
