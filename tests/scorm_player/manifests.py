"""Manifests for tests: the smallest valid ones, in which a test says the one thing that matters."""

from __future__ import annotations

NAMESPACES_12 = (
    'xmlns="http://www.imsproject.org/xsd/imscp_rootv1p1p2" xmlns:adlcp="http://www.adlnet.org/xsd/adlcp_rootv1p2"'
)
NAMESPACES_2004 = (
    'xmlns="http://www.imsglobal.org/xsd/imscp_v1p1" xmlns:adlcp="http://www.adlnet.org/xsd/adlcp_v1p3" '
    'xmlns:adlseq="http://www.adlnet.org/xsd/adlseq_v1p3" xmlns:adlnav="http://www.adlnet.org/xsd/adlnav_v1p3" '
    'xmlns:imsss="http://www.imsglobal.org/xsd/imsss"'
)
ITEM = '<item identifier="I1" identifierref="R1"><title>Lesson</title></item>'
SCO_12 = '<resource identifier="R1" type="webcontent" adlcp:scormtype="sco" href="index.html"/>'
SCO_2004 = '<resource identifier="R1" type="webcontent" adlcp:scormType="sco" href="index.html"/>'


def scorm_12(items: str = ITEM, resources: str = SCO_12, **parts: str) -> str:
    """A SCORM 1.2 manifest."""
    return manifest(NAMESPACES_12, "1.2", items, resources, **parts)


def scorm_2004(items: str = ITEM, resources: str = SCO_2004, edition: str = "2004 4th Edition", **parts: str) -> str:
    """A SCORM 2004 manifest."""
    return manifest(NAMESPACES_2004, edition, items, resources, **parts)


def manifest(
    namespaces: str,
    version: str,
    items: str,
    resources: str,
    *,
    metadata: str = "",
    organization: str = "",
    attributes: str = "",
    organizations: str | None = None,
    base: str = "",
    after: str = "",
    identifier: str = 'identifier="course-1"',
) -> str:
    """A manifest of one organization O1, or of `organizations`."""
    schema = f"<schema>ADL SCORM</schema><schemaversion>{version}</schemaversion>" if version else ""
    if organizations is None:
        organizations = (
            f'<organizations default="O1"><organization identifier="O1" {attributes}><title>Course</title>{items}'
            f"{organization}</organization></organizations>"
        )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<manifest {identifier} version="1.0" {namespaces} {base}>'
        f"<metadata>{schema}{metadata}</metadata>{organizations}<resources>{resources}</resources>{after}</manifest>"
    )


def sequencing(content: str, item: str = "") -> str:
    """An item with this in its `imsss:sequencing`."""
    return (
        f'<item identifier="I1" identifierref="R1"><title>Lesson</title>{item}'
        f"<imsss:sequencing>{content}</imsss:sequencing></item>"
    )
