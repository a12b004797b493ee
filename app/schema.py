"""Every table of every room, for migrations and for the tests that look at the whole."""

import accounts.tables
import catalog.tables
import core.tables
import lrs.tables
import scorm_player.tables
import training.tables
from core.db import Base

__all__ = ["METADATA", "ROOMS"]

METADATA = Base.metadata

ROOMS = ("core", "accounts", "lrs", "scorm_player", "catalog", "training", "app")
"""From the ground up; a foreign key points to the same room or to one further left."""

_LOADED = (core.tables, accounts.tables, lrs.tables, scorm_player.tables, catalog.tables, training.tables)
