"""A program of its own: hold a manifest against the control documents (XSD) that its package brings.

    python -I schema_check.py FOLDER MANIFEST

Runs apart from the server, with little memory and little time, because schemas are a stranger's program too: they can
be made to take for ever. Reads nothing outside of the folder. Prints {"errors": [[line, reason], …], "schemas": n}.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
from pathlib import Path

import xmlschema
from lxml import etree

CPU_SECONDS = 20
MEMORY_BYTES = 1 << 30
MOST_ERRORS = 100
LONGEST_REASON = 400

SCHEMA_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
XML_NAMESPACE = b"http://www.w3.org/XML/1998/namespace"
OWN_XML_SCHEMA = Path(xmlschema.__file__).parent / "schemas" / "XML" / "xml.xsd"


def main(folder: Path, manifest: str) -> None:
    """Print what the schemas say against the manifest."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    replace_xml_schema(folder)
    root = etree.parse(folder / manifest, etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    schemas = locations(root, folder)
    own = schemas.pop(etree.QName(root).namespace or "", None)
    errors = [] if own is None else problems(root, own, schemas, folder)
    print(json.dumps({"errors": errors, "schemas": len(schemas) + (own is not None)}))  # noqa: T201 - this is the answer


def locations(root: etree._Element, folder: Path) -> dict[str, Path]:
    """Return the schema files by namespace that the manifest names and the package has."""
    found: dict[str, Path] = {}
    for element in root.iter():
        words = str(element.get(SCHEMA_LOCATION, "")).split()
        for namespace, place in zip(words[::2], words[1::2], strict=False):
            path = (folder / place).resolve()
            if path.is_relative_to(folder) and path.is_file():
                found.setdefault(namespace, path)
    return found


def problems(root: etree._Element, own: Path, others: dict[str, Path], folder: Path) -> list[tuple[int, str]]:
    """Return (line, reason) of what is not valid; a schema that is itself broken says nothing."""
    schema = xmlschema.XMLSchema10(
        own.as_uri(),
        validation="lax",
        allow="sandbox",
        defuse="always",
        base_url=folder.as_uri(),
        locations={namespace: path.as_uri() for namespace, path in others.items()},
    )
    found: list[tuple[int, str]] = []
    for error in schema.iter_errors(root):
        line = getattr(error.elem, "sourceline", None) or 0
        found.append((line, " ".join(str(error.reason).split())[:LONGEST_REASON]))
        if len(found) == MOST_ERRORS:
            break
    return found


def replace_xml_schema(folder: Path) -> None:
    """Put the usual schema of the xml namespace in place of the package's: old ones bring a document type along."""
    for path in folder.rglob("*.[xX][sS][dD]"):
        head = path.read_bytes()[:2000]
        if b"targetNamespace" in head and XML_NAMESPACE in head.partition(b"targetNamespace")[2][:80]:
            shutil.copyfile(OWN_XML_SCHEMA, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2])
