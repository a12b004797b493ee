"""The blueprint that the views of accounts belong to."""

from flask import Blueprint

bp = Blueprint("accounts", __name__)
