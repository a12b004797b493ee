"""The blueprint that the views of training belong to."""

from flask import Blueprint

bp = Blueprint("training", __name__)
