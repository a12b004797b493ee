"""Schema findings: what a package's own control documents say against its manifest, and what they may not do."""

import pytest

from scorm_player import archive
from scorm_player.services import packages, schemas
from tests.scorm_player import manifests, zips

SCHEMA = """<?xml version="1.0"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.imsproject.org/xsd/imscp_rootv1p1p2"
  xmlns="http://www.imsproject.org/xsd/imscp_rootv1p1p2" elementFormDefault="qualified">
<xs:import namespace="http://www.w3.org/XML/1998/namespace" schemaLocation="xml.xsd"/>
<xs:element name="manifest"><xs:complexType><xs:sequence>
  <xs:element name="metadata"><xs:complexType><xs:sequence><xs:any maxOccurs="unbounded" processContents="skip"/>
  </xs:sequence></xs:complexType></xs:element>
  <xs:any maxOccurs="unbounded" processContents="skip"/></xs:sequence>
  <xs:attribute name="identifier" type="xs:ID" use="required"/><xs:attribute name="version" type="xs:decimal"/>
  <xs:attribute ref="xml:base"/></xs:complexType></xs:element>
</xs:schema>"""
OLD_XML_SCHEMA = (
    '<!DOCTYPE xs:schema [<!ENTITY x "y">]>\n<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" '
    'targetNamespace="http://www.w3.org/XML/1998/namespace">&x;</xs:schema>'
)
HERE = (
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://www.imsproject.org/xsd/imscp_rootv1p1p2 {}"'
)


def found(manifest, files, **limits):
    file = zips.zipped({"imsmanifest.xml": manifest, "index.html": "", **files})
    return [(f.rule, f.line, f.message) for f in schemas.check(file, archive.check(file).index)]


def located(place, **parts):
    return manifests.scorm_12(base=HERE.format(place), **parts)


def test_a_valid_manifest_has_no_findings():
    assert found(located("control/cp.xsd"), {"control/cp.xsd": SCHEMA, "control/xml.xsd": OLD_XML_SCHEMA}) == []


def test_what_is_not_valid_is_a_warning_with_its_line():
    manifest = located("cp.xsd", identifier='identifier="not an id"').replace(
        'version="1.0" xmlns', 'version="one" xmlns'
    )

    findings = found(manifest, {"cp.xsd": SCHEMA, "xml.xsd": OLD_XML_SCHEMA})

    assert {(rule, line) for rule, line, _ in findings} == {("schema.invalid", 2)}
    assert any("not an id" in message for _, _, message in findings)


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        pytest.param(
            'identifier="course-1"', 'identifier="1 course"',
            "The attribute “identifier” is “1 course”; it must begin with a letter or “_”, and hold nothing but "
            "letters, digits, “.”, “-” and “_”.",
            id="an identifier that is none",
        ),
        pytest.param(
            "<manifest identifier", '<manifest colour="red" identifier',
            "The attribute “colour” is not allowed here.", id="an attribute too many",
        ),
        pytest.param(
            "</resources>", "</resources><extra/>",
            "The element “extra” is not allowed at this place.", id="an element too many",
        ),
    ],
)  # fmt: skip
def test_an_author_is_told_in_words_what_is_not_valid(right, wrong, words):
    schema = SCHEMA.replace(
        '<xs:any maxOccurs="unbounded" processContents="skip"/></xs:sequence>',
        '<xs:any minOccurs="2" maxOccurs="2" processContents="skip"/></xs:sequence>',
    )

    findings = found(located("cp.xsd").replace(right, wrong, 1), {"cp.xsd": schema, "xml.xsd": OLD_XML_SCHEMA})

    assert words in [message for _, _, message in findings]


@pytest.mark.parametrize(
    ("place", "files"),
    [
        pytest.param("cp.xsd", {}, id="none brought"),
        pytest.param("../../etc/passwd", {"cp.xsd": SCHEMA}, id="outside"),
        pytest.param("http://127.0.0.1:9/cp.xsd", {"cp.xsd": SCHEMA}, id="on the network"),
        pytest.param(
            "cp.xsd", {"cp.xsd": SCHEMA.replace("xml.xsd", "http://127.0.0.1:9/x.xsd")}, id="imported from there"
        ),
        pytest.param("cp.xsd", {"cp.xsd": SCHEMA, "a.xsd": "", "a.xsd/b.xsd": ""}, id="a file that is a folder too"),
    ],
)
def test_only_schemas_of_the_package_are_looked_at(place, files):
    assert found(located(place), files) == []


def test_a_manifest_that_forgets_to_declare_a_prefix_is_checked_all_the_same():
    manifest = (
        located("cp.xsd")
        .replace('version="1.0" xmlns', 'version="one" xmlns', 1)
        .replace("</manifest>", "<v:x/></manifest>")
    )

    assert [rule for rule, _, _ in found(manifest, {"cp.xsd": SCHEMA, "xml.xsd": OLD_XML_SCHEMA})] == ["schema.invalid"]


@pytest.mark.parametrize("schema", ["no schema", "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", ""])
def test_a_broken_schema_is_a_note(schema):
    findings = found(located("cp.xsd"), {"cp.xsd": schema})

    assert [rule for rule, _, _ in findings] == ["schema.not_checked"]


def test_a_schema_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(schemas, "SECONDS", 0.01)

    assert [rule for rule, _, _ in found(located("cp.xsd"), {"cp.xsd": SCHEMA})] == ["schema.not_checked"]


def test_schema_findings_come_into_the_report_after_the_package_is_ready(sign_in, run_jobs, database, cast):
    ben = sign_in("ben")
    file = zips.zipped(
        {
            "imsmanifest.xml": located("cp.xsd").replace('version="1.0" xmlns', 'version="one" xmlns'),
            "index.html": "",
            "cp.xsd": SCHEMA,
            "xml.xsd": OLD_XML_SCHEMA,
        }
    )
    sent = ben.post("/api/v1/packages", data={"package": (file, "c.zip")})
    run_jobs()

    done = ben.get(sent.headers["Location"]).json
    assert done["state"] == "ready_with_warnings"
    assert [f["rule"] for f in done["findings"]] == ["schema.invalid"]
    with database.read(cast.northwind) as session:
        assert packages.ready_versions(session)[0].finding_count == 1
