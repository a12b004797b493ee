"""Plain Flask entry for any WSGI server: `gunicorn wsgi:app`. The database must be running."""

from app.server import application

app = application()
