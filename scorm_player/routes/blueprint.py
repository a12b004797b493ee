"""The room's blueprint."""

from flask import Blueprint

bp = Blueprint("scorm_player", __name__)
