"""The edge of catalog: requests in, answers out."""

from catalog.routes import api_content, api_courses, catalog, content, courses, publishing
from catalog.routes.blueprint import bp

__all__ = ["api_content", "api_courses", "bp", "catalog", "content", "courses", "publishing"]
