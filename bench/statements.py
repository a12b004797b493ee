"""Statements as learners make them: few people do most, few courses are taken most, one registration has very many."""

import random
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import orjson

VERBS = "http://adlnet.gov/expapi/verbs/"
HOME = "https://learn.example"
BUSY = UUID(int=99)
"""The registration of every tenth statement."""


class Maker:
    """Makes statements of about 1.6 kB with six related keys; the same ones for the same seed."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)  # noqa: S311 - test data
        self._registrations = [UUID(int=self.random.getrandbits(128)) for _ in range(20_000)]

    def _rank(self, most: int) -> int:
        """Zipf: rank 1 is the most frequent."""
        return int(most ** self.random.random())

    def statement(self) -> dict[str, Any]:
        """One valid statement with an id."""
        rank = self.random
        course = f"https://courses.example/{self._rank(2000)}"
        verb = rank.choices(
            ["experienced", "answered", "completed", "passed", "failed", "rare"], [50, 30, 10, 8, 2, 0.1]
        )[0]
        registration = BUSY if rank.random() < 0.1 else self._registrations[self._rank(20_000) - 1]
        return {
            "id": str(UUID(int=rank.getrandbits(128), version=4)),
            "actor": _person(self._rank(5000), "learner"),
            "verb": {"id": VERBS + verb, "display": {"en-US": verb}},
            "object": {
                "objectType": "Activity",
                "id": f"{course}/item{self._rank(50)}",
                "definition": {
                    "name": {"en-US": "An item of a course"},
                    "type": "http://adlnet.gov/expapi/activities/lesson",
                },
            },
            "result": {
                "score": {"scaled": 0.5, "raw": 50, "min": 0, "max": 100},
                "success": True,
                "duration": "PT1M5S",
            },
            "context": {
                "registration": str(registration),
                "platform": "Stoa",
                "language": "en",
                "instructor": _person(self._rank(50), "teacher"),
                "contextActivities": {
                    "parent": [{"id": f"{course}/unit{self._rank(9)}"}],
                    "grouping": [{"id": course}, {"id": f"{course}/semester"}],
                    "category": [{"id": "https://w3id.org/xapi/scorm"}, {"id": "https://w3id.org/xapi/video"}],
                },
                "extensions": {"https://x.example/filler": "x" * 420},
            },
            "timestamp": "2026-03-01T09:30:00.000Z",
        }

    def bodies(self, size: int, invalid: float = 0.05) -> Iterator[bytes]:
        """Request bodies of `size` statements; one request in twenty is invalid, each time in another way."""
        faults = ("verb", "actor", "object")
        while True:
            batch = [self.statement() for _ in range(size)]
            if self.random.random() < invalid:
                batch[0][self.random.choice(faults)] = {"id": "no IRI", "mbox": "no mail address"}
            yield orjson.dumps(batch[0] if size == 1 else batch)


def _person(number: int, kind: str) -> dict[str, Any]:
    return {"objectType": "Agent", "name": f"{kind} {number}", "account": {"homePage": HOME, "name": f"{kind}{number}"}}
