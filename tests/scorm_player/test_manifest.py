"""`imsmanifest.xml`: what is understood, what is forgiven and reported, what is refused."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorm_player import archive
from scorm_player.findings import Findings, Refused, Severity
from scorm_player.scorm.manifest.model import Manifest, Metadata, Resource, add_parameters
from scorm_player.scorm.manifest.parse import parse
from scorm_player.scorm.manifest.places import find_root
from scorm_player.scorm.manifest.values import seconds
from scorm_player.scorm.sequencing import definition as d
from scorm_player.scorm.sequencing.definition import Edition
from tests.scorm_player import manifests, zips
from tests.scorm_player.manifests import scorm_12, scorm_2004, sequencing

SHARED = Path("shared/conformance/scorm2004/manifests")
CASES = next((place for folder in Path(__file__).parents if (place := folder / SHARED).exists()), Path("missing"))
XML_BASE = "http://www.w3.org/XML/1998/namespace"


def read(text, files=None):
    """Parse, and prove on the way that every manifest survives its serialization."""
    findings = Findings()
    folder = None
    if files is not None:
        file = zips.zipped(files)
        folder = archive.Folder(file, archive.check(file).index)
    parsed = parse(text.encode() if isinstance(text, str) else text, findings, folder)
    assert Manifest.from_json(parsed.to_json()) == parsed
    return parsed, findings.all()


def first_item(text, files=None):
    return read(text, files)[0].organizations[0].structure.root.children[0]


def rules_of(findings):
    return [finding.rule for finding in findings]


def refusal(text, files=None):
    with pytest.raises(Refused) as refused:
        read(text, files)
    assert refused.value.finding.remedy
    return refused.value.finding


@pytest.mark.conformance
@pytest.mark.skipif(not CASES.exists(), reason="official test data is not beside this checkout")
def test_every_manifest_of_the_official_tests_is_read_without_refusal():
    names = sorted(CASES.glob("*.xml"))
    assert len(names) >= 132

    for name in names:
        parsed, findings = read(name.read_bytes())
        assert parsed.edition is Edition.FOURTH
        assert all(a.resource or a.children for a in parsed.organizations[0].structure.root.walk())
        assert not [f for f in findings if f.rule not in ("sequencing.unreachable", "sequencing.map_reads")]


def test_the_smallest_package_of_each_standard_has_no_findings():
    for text, edition in ((scorm_12(), Edition.SCORM_1_2), (scorm_2004(), Edition.FOURTH)):
        parsed, findings = read(text, {"index.html": ""})

        assert not findings
        assert (parsed.identifier, parsed.edition, parsed.title) == ("course-1", edition, "Course")
        assert parsed.resources == {"R1": Resource("R1", is_sco=True, href="index.html")}


# --- encodings ---


@pytest.mark.parametrize(
    ("encode", "rules"),
    [
        pytest.param(lambda t: t.encode(), [], id="UTF-8"),
        pytest.param(lambda t: t.encode("utf-8-sig"), [], id="UTF-8 with BOM"),
        pytest.param(lambda t: t.replace("UTF-8", "UTF-16").encode("utf-16"), [], id="UTF-16 with BOM"),
        pytest.param(lambda t: t.replace("UTF-8", "UTF-16").encode("utf-16-le"), [], id="UTF-16 little end first"),
        pytest.param(lambda t: t.replace("UTF-8", "UTF-16").encode("utf-16-be"), [], id="UTF-16 big end first"),
        pytest.param(lambda t: t.replace("UTF-8", "ISO-8859-1").encode("latin-1"), [], id="ISO-8859-1"),
        pytest.param(lambda t: t.replace("UTF-8", "windows-1252").encode("cp1252"), [], id="Windows"),
        pytest.param(lambda t: t.encode("latin-1"), ["xml.encoding"], id="ISO-8859-1 that says UTF-8"),
        pytest.param(
            lambda t: t.replace("UTF-8", "ISO-8859-1").encode(), ["xml.encoding"], id="UTF-8 that says ISO-8859-1"
        ),
        pytest.param(lambda t: t.replace("UTF-8", "UTF-16").encode(), ["xml.encoding"], id="UTF-8 that says UTF-16"),
        pytest.param(lambda t: t.replace("UTF-8", "klingon").encode(), ["xml.encoding"], id="an encoding nobody knows"),
        pytest.param(lambda t: b"\n " + t.encode(), ["xml.leading_space"], id="blank lines in front"),
        pytest.param(lambda t: t.partition("\n")[2].encode(), [], id="no declaration"),
    ],
)
def test_a_manifest_is_read_in_whatever_encoding_it_comes(encode, rules):
    text = scorm_12('<item identifier="I1" identifierref="R1"><title>Übung é</title></item>')

    parsed, findings = read(encode(text))

    assert parsed.organizations[0].structure.root.children[0].title == "Übung é"
    assert rules_of(findings) == rules


# --- what is refused ---


@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE manifest SYSTEM "http://evil.example/x.dtd">',
        '<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        "<!-- hello -->\n<?pi?><!DOCTYPE m []>",
        '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_before_a_parser_sees_it(prolog, encoding):
    text = scorm_12().replace("?>\n", f"?>\n{prolog}").replace("UTF-8", encoding)

    finding = refusal(text.encode(encoding))

    assert finding.rule == "xml.document_type"
    assert finding.line >= 2


def test_quotation_marks_of_windows_are_read_where_the_file_says_iso_8859_1():
    text = scorm_12(manifests.ITEM.replace("Lesson", "„Übung“")).replace("UTF-8", "ISO-8859-1")

    parsed, findings = read(text.encode("cp1252"))

    assert parsed.organizations[0].structure.root.children[0].title == "„Übung“"
    assert rules_of(findings) == ["xml.encoding"]


def test_a_document_type_in_a_comment_or_a_text_is_none():
    text = scorm_12(manifests.ITEM.replace("Lesson", "<![CDATA[<!DOCTYPE html>]]><!-- <!DOCTYPE x> -->"))

    assert first_item(text).title == "<!DOCTYPE html>"


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        pytest.param("", "xml.not_well_formed", None, id="empty"),
        pytest.param("hello", "xml.not_well_formed", 1, id="no XML"),
        pytest.param(scorm_12().replace("</manifest>", ""), "xml.not_well_formed", 2, id="cut off"),
        pytest.param(scorm_12(manifests.ITEM.replace("Lesson", "&nbsp;")), "xml.not_well_formed", 2, id="HTML entity"),
        pytest.param(scorm_12(after="<vendor:extra>"), "xml.not_well_formed", 2, id="unbound prefix, and not closed"),
        pytest.param("<html><body/></html>", "manifest.other_document", 1, id="another document"),
        pytest.param("<manifest/>", "manifest.nothing_to_play", 1, id="nothing in it"),
        pytest.param(scorm_12("", ""), "manifest.nothing_to_play", 2, id="neither items nor resources"),
        pytest.param("<a>" * 5000 + "</a>" * 5000, "xml.too_deep", 1, id="elements without end"),
        pytest.param(scorm_12("<item>" * 100_000 + "</item>" * 100_000), "xml.too_deep", 2, id="items without end"),
    ],
)
def test_what_cannot_be_played_is_refused_with_its_line(text, rule, line):
    finding = refusal(text)

    assert finding.rule == rule
    assert line is None or finding.line == line
    assert finding.file == "imsmanifest.xml"


@pytest.mark.parametrize(
    ("text", "edition", "prefixes"),
    [
        pytest.param(scorm_12().replace(manifests.NAMESPACES_12, ""), Edition.SCORM_1_2, ["adlcp"], id="SCORM 1.2"),
        pytest.param(
            scorm_2004(
                sequencing('<imsss:controlMode choice="false"/>'), base='xsi:schemaLocation="a b"', edition=""
            ).replace(manifests.NAMESPACES_2004, ""),
            Edition.THIRD,
            ["xsi", "imsss", "adlcp"],
            id="SCORM 2004, which its prefixes show",
        ),
    ],
)
def test_a_manifest_that_forgets_to_declare_its_prefixes_is_read_as_meant(text, edition, prefixes):
    text = text.replace("<manifest", "<!-- <manifest> -->\n<manifest", 1)

    parsed, findings = read(text)

    lesson = parsed.organizations[0].structure.root.children[0]
    assert parsed.edition is edition
    assert lesson.is_sco
    assert lesson.control.choice is (edition is Edition.SCORM_1_2)
    told = [finding for finding in findings if finding.rule == "xml.undeclared_prefix"]
    assert [next(name for name in prefixes if f"“{name}”" in finding.message) for finding in told] == prefixes
    assert {finding.line for finding in told} == {3}


def test_a_package_without_any_of_its_pages_is_refused_naming_what_is_missing():
    finding = refusal(scorm_12(), {"other.html": ""})

    assert finding.rule == "manifest.nothing_to_play"
    assert "“index.html”" in finding.message


def test_a_manifest_over_the_limit_is_refused_under_the_name_of_its_setting():
    with pytest.raises(Refused, match="PACKAGE_MAX_XML_BYTES"):
        parse(scorm_12().encode(), Findings(), max_bytes=100)


def test_a_collection_that_everybody_refers_to_does_not_grow_without_end():
    rule = (
        "<imsss:preConditionRule><imsss:ruleConditions><imsss:ruleCondition condition='always'/></imsss:ruleConditions>"
        "<imsss:ruleAction action='skip'/></imsss:preConditionRule>"
    )
    shared = (
        "<imsss:sequencingCollection><imsss:sequencing ID='c'><imsss:sequencingRules>"
        f"{rule * 1000}</imsss:sequencingRules></imsss:sequencing></imsss:sequencingCollection>"
    )
    items = "".join(
        f'<item identifier="I{n}" identifierref="R1"><title>t</title><imsss:sequencing IDRef="c"/></item>'
        for n in range(300)
    )

    assert refusal(scorm_2004(items, after=shared)).rule == "sequencing.too_large"


# --- where the manifest lies ---


@pytest.mark.parametrize(
    ("names", "root", "rules"),
    [
        pytest.param(["imsmanifest.xml", "x/imsmanifest.xml"], "", [], id="at the top"),
        pytest.param(["course/imsmanifest.xml", "course/a.html"], "course/", ["manifest.nested"], id="in one folder"),
        pytest.param(["a/b/imsmanifest.xml", "a/x.txt"], "a/b/", ["manifest.nested"], id="in a folder of a folder"),
        pytest.param(["IMSManifest.XML"], "", ["manifest.capitals"], id="in capitals"),
        pytest.param(
            ["course/a.html", "Course/IMSManifest.xml"],
            "Course/",
            ["manifest.nested", "manifest.capitals"],
            id="in a folder that has two spellings",
        ),
        pytest.param(["IMSMANIFEST.XML", "imsmanifest.xml"], "", [], id="in its own letters beside one in capitals"),
        pytest.param(
            ["c/imsmanifest.xml", "__MACOSX/imsmanifest.xml"], "c/", ["manifest.nested"], id="beside a Mac's own folder"
        ),
    ],
)
def test_the_manifest_is_found(names, root, rules):
    index = archive.check(zips.zipped(dict.fromkeys(names, "x"))).index
    findings = Findings()

    assert find_root(index, findings) == root
    assert rules_of(findings.all()) == rules
    assert archive.below(index, root).find("imsmanifest.xml")


@pytest.mark.parametrize(
    ("names", "rule"),
    [
        (["index.html"], "manifest.missing"),
        (["cmi5.xml", "index.html"], "manifest.other_standard"),
        (["a/imsmanifest.xml", "b/imsmanifest.xml"], "manifest.several"),
        (["readme.txt", "course/course.ZIP"], "manifest.zip_in_zip"),
    ],
)
def test_no_manifest_and_two_manifests_are_refused(names, rule):
    index = archive.check(zips.zipped(dict.fromkeys(names, "x"))).index

    with pytest.raises(Refused) as refused:
        find_root(index, Findings())

    assert refused.value.finding.rule == rule


# --- edition ---


@pytest.mark.parametrize(
    ("text", "edition", "rules"),
    [
        pytest.param(scorm_12(), Edition.SCORM_1_2, [], id="1.2"),
        pytest.param(scorm_2004(edition="CAM 1.3"), Edition.SECOND, [], id="CAM 1.3 is the 2nd Edition"),
        pytest.param(scorm_2004(edition="2004 3rd Edition"), Edition.THIRD, [], id="3rd"),
        pytest.param(scorm_2004(edition="2004 4TH EDITION"), Edition.FOURTH, [], id="4th, shouted"),
        pytest.param(scorm_2004(edition=""), Edition.THIRD, ["manifest.schemaversion"], id="2004 by namespace"),
        pytest.param(
            manifests.manifest(manifests.NAMESPACES_12, "", manifests.ITEM, manifests.SCO_12),
            Edition.SCORM_1_2,
            ["manifest.schemaversion"],
            id="1.2 by namespace",
        ),
        pytest.param(
            scorm_2004(
                sequencing("<adlseq:objectives/>", "<adlcp:data><adlcp:map targetID='d'/></adlcp:data>"), edition=""
            ),
            Edition.FOURTH,
            ["manifest.schemaversion"],
            id="4th by what only it has",
        ),
        pytest.param(scorm_2004(edition="1.2"), Edition.THIRD, ["manifest.schemaversion"], id="says 1.2, is 2004"),
        pytest.param(
            manifests.manifest(manifests.NAMESPACES_12, "2004 3rd Edition", manifests.ITEM, manifests.SCO_12),
            Edition.SCORM_1_2,
            ["manifest.schemaversion"],
            id="says 2004, is 1.2",
        ),
        pytest.param(scorm_2004(edition="banana"), Edition.THIRD, ["manifest.schemaversion"], id="says nonsense"),
    ],
)
def test_the_edition_is_what_the_manifest_says_unless_its_namespaces_say_otherwise(text, edition, rules):
    parsed, findings = read(text)

    assert parsed.edition is edition
    assert rules_of(findings) == rules


# --- organizations ---

TWO = (
    '<organization identifier="A"><title>First</title><item identifier="a" identifierref="R1"><title>a</title></item>'
    '</organization><organization identifier="B"><title>Second</title>'
    '<item identifier="b" identifierref="R1"><title>b</title></item></organization>'
)


@pytest.mark.parametrize(
    ("default", "order", "rules"),
    [
        pytest.param('default="B"', ["B", "A"], [], id="the default comes first"),
        pytest.param('default="Z"', ["A", "B"], ["manifest.default_organization"], id="a default that is nowhere"),
        pytest.param("", ["A", "B"], ["manifest.default_organization"], id="no default among several"),
    ],
)
def test_all_organizations_are_read(default, order, rules):
    parsed, findings = read(scorm_12(organizations=f"<organizations {default}>{TWO}</organizations>"))

    assert [o.identifier for o in parsed.organizations] == order
    assert rules_of(findings) == rules


@pytest.mark.parametrize(
    "organizations",
    [
        pytest.param("", id="no organizations"),
        pytest.param("<organizations/>", id="empty organizations"),
        pytest.param('<organizations><organization identifier="O"/></organizations>', id="an empty organization"),
    ],
)
def test_without_items_each_sco_becomes_one(organizations):
    resources = (
        manifests.SCO_12
        + manifests.SCO_12.replace("R1", "R2").replace("index", "two")
        + '<resource identifier="A" type="webcontent" adlcp:scormtype="asset" href="about.html"/>'
    )

    parsed, findings = read(scorm_12(organizations=organizations, resources=resources))

    structure = parsed.organizations[0].structure
    assert [(item.identifier, item.resource) for item in structure.root.children] == [("R1", "R1"), ("R2", "R2")]
    assert structure.root.control.flow
    assert "manifest.no_organization" in rules_of(findings)


def test_a_package_of_assets_only_shows_its_pages():
    resources = (
        '<resource identifier="P" type="webcontent" adlcp:scormtype="asset" href="page.html"/>'
        '<resource identifier="J" type="webcontent" adlcp:scormtype="asset" href="code.js"/>'
    )

    parsed, _ = read(scorm_12(organizations="", resources=resources))

    assert [(item.resource, item.is_sco) for item in parsed.organizations[0].structure.root.children] == [("P", False)]


def test_the_scope_of_global_objectives_and_data_is_read():
    text = scorm_2004(
        attributes='adlseq:objectivesGlobalToSystem="false" adlcp:sharedDataGlobalToSystem="false"',
        organization="<adlcp:completionThreshold completedByMeasure='true' minProgressMeasure='0.5'/>",
    )
    for manifest, scope in ((text, False), (scorm_2004(), True)):
        structure = read(manifest)[0].organizations[0].structure
        assert structure.objectives_global_to_system is scope
        assert structure.shared_data_global_to_system is scope
    root = read(text)[0].organizations[0].structure.root
    assert root.completion_threshold == d.CompletionThreshold(True, 0.5, 1.0)


# --- items ---


def test_an_item_of_scorm_12_keeps_all_it_says():
    item = first_item(
        scorm_12(
            '<item identifier="I1" identifierref="R1" isvisible="false" parameters="?lang=en">'
            "<title> A  title\n</title>"
            '<adlcp:prerequisites type="aicc_script">I1</adlcp:prerequisites>'
            "<adlcp:maxtimeallowed>0000:30:00</adlcp:maxtimeallowed>"
            "<adlcp:timelimitaction>Exit, no message</adlcp:timelimitaction>"
            "<adlcp:datafromlms> raw  text</adlcp:datafromlms><adlcp:masteryscore>80</adlcp:masteryscore></item>"
        )
    )

    assert item == d.Activity(
        identifier="I1",
        title="A  title",
        resource="R1",
        parameters="?lang=en",
        is_visible=False,
        control=d.ControlModes(choice=True, flow=True),
        limits=d.LimitConditions(attempt_absolute_duration_limit="0000:30:00"),
        time_limit_action="exit,no message",
        data_from_lms=" raw  text",
        prerequisites="I1",
        mastery_score=80.0,
    )


def test_an_item_of_scorm_2004_keeps_all_it_says():
    item = first_item(
        scorm_2004(
            '<item identifier="I1" identifierref="R1"><title>T</title>'
            "<adlcp:timeLimitAction>continue,message</adlcp:timeLimitAction>"
            "<adlcp:dataFromLMS>data</adlcp:dataFromLMS>"
            '<adlcp:completionThreshold completedByMeasure="true" minProgressMeasure="0.8" progressWeight="0.3"/>'
            '<adlcp:data><adlcp:map targetID="d1"/><adlcp:map targetID="d2" readSharedData="false"/>'
            '<adlcp:map targetID="d3" writeSharedData="false"/></adlcp:data>'
            "<adlnav:presentation><adlnav:navigationInterface><adlnav:hideLMSUI>continue</adlnav:hideLMSUI>"
            "<adlnav:hideLMSUI>suspendAll</adlnav:hideLMSUI></adlnav:navigationInterface></adlnav:presentation></item>"
        )
    )

    assert item.time_limit_action == "continue,message"
    assert item.data_from_lms == "data"
    assert item.completion_threshold == d.CompletionThreshold(True, 0.8, 0.3)
    assert item.data_maps == (
        d.DataMap("d1"),
        d.DataMap("d2", read_shared_data=False),
        d.DataMap("d3", write_shared_data=False),
    )
    assert item.hidden_controls == {d.HiddenControl.CONTINUE, d.HiddenControl.SUSPEND_ALL}


def test_the_completion_threshold_of_the_third_edition_is_a_number():
    text = manifests.ITEM.replace("</item>", "<adlcp:completionThreshold>0.75</adlcp:completionThreshold></item>")

    assert first_item(scorm_2004(text)).completion_threshold == d.CompletionThreshold(True, 0.75, 1.0)


def test_items_nest_and_clusters_are_told_from_leaves():
    parsed, findings = read(
        scorm_2004(
            '<item identifier="C"><title>Chapter</title>'
            '<item identifier="L1" identifierref="R1"><title>1</title></item>'
            '<item identifier="L2" identifierref="R1"><title>2</title></item></item>'
        )
    )

    chapter = parsed.organizations[0].structure.root.children[0]
    assert [a.identifier for a in chapter.walk()] == ["C", "L1", "L2"]
    assert chapter.resource is None
    assert chapter.children[0].resource == "R1"
    assert not findings


def deep(levels):
    """Chapters inside of one another, each with a page at its end, and the titles of the pages from within."""
    opened = "".join(f'<item identifier="C{n}"><title>Chapter {n}</title>' for n in range(levels))
    pages = [f'<item identifier="P{n}" identifierref="R1"><title>Page {n}</title></item></item>' for n in range(levels)]
    return opened + "".join(reversed(pages)), [f"Page {n}" for n in reversed(range(levels))]


def activity_depth(activity, depth=1):
    yield depth
    for child in activity.children:
        yield from activity_depth(child, depth + 1)


@pytest.mark.parametrize("levels", [59, 60, 61, 120])
def test_items_of_any_depth_are_played_in_their_order(levels):
    """The books set no limit; what lies deeper than anybody can show is shown side by side."""
    text, pages = deep(levels)

    parsed, findings = read(scorm_2004(text))

    activities = list(parsed.organizations[0].structure.root.walk())
    assert [activity.title for activity in activities if activity.resource] == pages
    assert rules_of(findings) == ([] if levels < 60 else ["manifest.too_deep"])
    assert max(activity_depth(parsed.organizations[0].structure.root)) <= 61


def test_an_item_with_a_page_and_items_gets_the_page_as_its_first_item():
    parsed, findings = read(
        scorm_12(
            '<item identifier="C" identifierref="R1" parameters="?a=1"><title>Chapter</title>'
            '<item identifier="L" identifierref="R1"><title>Lesson</title></item></item>'
        )
    )

    chapter = parsed.organizations[0].structure.root.children[0]
    assert [(a.identifier, a.resource, a.parameters) for a in chapter.children] == [
        ("C.page", "R1", "?a=1"),
        ("L", "R1", ""),
    ]
    assert chapter.resource is None
    assert rules_of(findings) == ["manifest.cluster_with_resource"]


@pytest.mark.parametrize(
    ("item", "rules"),
    [
        pytest.param(
            '<item identifier="X"><title>Heading</title></item>', ["manifest.nothing_to_open"], id="a heading"
        ),
        pytest.param(
            '<item identifier="X" identifierref="R9"><title>t</title></item>',
            ["manifest.identifierref", "manifest.nothing_to_open"],
            id="a resource that is nowhere",
        ),
        pytest.param(
            '<item identifier="X" identifierref="R2"><title>t</title></item>',
            ["manifest.sco_without_href", "manifest.resource_without_href", "manifest.nothing_to_open"],
            id="a SCO without href",
        ),
    ],
)
def test_an_item_with_nothing_to_open_is_left_out_and_reported(item, rules):
    resources = manifests.SCO_12
    if "R2" in item:
        resources += '<resource identifier="R2" type="webcontent" adlcp:scormtype="sco"/>'

    parsed, findings = read(scorm_12(item + manifests.ITEM, resources))

    assert [a.identifier for a in parsed.organizations[0].structure.root.children] == ["I1"]
    assert rules_of(findings) == rules


def test_identifiers_given_twice_or_not_at_all_are_made_distinct():
    items = '<item identifierref="R1"><title>none</title></item>' + manifests.ITEM * 3

    parsed, findings = read(scorm_12(items))

    assert [a.identifier for a in parsed.organizations[0].structure.root.children] == ["item-2", "I1", "I1-2", "I1-3"]
    assert rules_of(findings) == ["manifest.identifier_missing"] + ["manifest.duplicate_identifier"] * 2


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(scorm_12(manifests.ITEM.replace("I1", "I" * 255) * 2), id="twice the longest"),
        pytest.param(
            scorm_12(manifests.ITEM.replace("I1", "I" * 400) + manifests.ITEM.replace("I1", "I" * 399 + "2")),
            id="two that differ at their ends",
        ),
        pytest.param(scorm_12().replace("R1", "R" * 400), id="a resource"),
        pytest.param(
            scorm_12(f'<item identifier="{"C" * 255}" identifierref="R1"><title>x</title>{manifests.ITEM}</item>'),
            id="a cluster with a page",
        ),
        pytest.param(
            scorm_12(organizations="", identifier=f'identifier="{"M" * 255}"'), id="a manifest without organizations"
        ),
    ],
)
def test_identifiers_of_any_length_are_kept_apart_in_the_length_there_is(text):
    parsed, findings = read(text)
    root = parsed.organizations[0].structure.root
    identifiers = [activity.identifier for activity in root.walk()]

    assert len(identifiers) == len(set(identifiers))
    assert max(map(len, identifiers)) <= 255
    assert "manifest.identifierref" not in rules_of(findings)


def test_a_title_of_any_length_is_cut_and_reported():
    parsed, findings = read(scorm_12(manifests.ITEM.replace("Lesson", "Lesson " * 10_000)))

    assert len(parsed.organizations[0].structure.root.children[0].title) == 500
    assert rules_of(findings) == ["manifest.title"]


def test_what_a_finding_quotes_is_not_of_any_length():
    findings = read(
        scorm_12(resources=manifests.SCO_12 + f'<resource identifier="R2" href="{"x" * 90_000}"/>'), {"index.html": "x"}
    )[1]

    assert "manifest.file_missing" in rules_of(findings)
    assert max(len(finding.message) for finding in findings) <= 600


def test_capitals_and_namespaces_that_vendors_mix_up_are_understood():
    text = (
        scorm_12()
        .replace("identifierref", "identifierRef")
        .replace("scormtype", "scormType")
        .replace("<item", "<Item")
        .replace("</item", "</Item")
        .replace("manifest ", "MANIFEST ")
        .replace("/manifest>", "/MANIFEST>")
    )

    assert first_item(text).is_sco


def test_elements_of_vendors_are_ignored():
    text = scorm_12(
        manifests.ITEM.replace("</item>", '<v:title xmlns:v="urn:v">no</v:title><v:x xmlns:v="urn:v"/></item>'),
        metadata='<v:lom xmlns:v="urn:vendor"><v:anything/></v:lom>',
    )

    parsed, findings = read(text)

    assert parsed.organizations[0].structure.root.children[0].title == "Lesson"
    assert not findings


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(
            '<item identifier="I1" identifierref="R1" isvisible="maybe"><title>t</title></item>', id="boolean"
        ),
        pytest.param(
            manifests.ITEM.replace("</item>", "<adlcp:masteryscore>high</adlcp:masteryscore></item>"), id="number"
        ),
        pytest.param(
            manifests.ITEM.replace("</item>", "<adlcp:masteryscore>101</adlcp:masteryscore></item>"), id="range"
        ),
        pytest.param(
            manifests.ITEM.replace("</item>", "<adlcp:masteryscore>nan</adlcp:masteryscore></item>"), id="nan"
        ),
        pytest.param(
            manifests.ITEM.replace("</item>", "<adlcp:maxtimeallowed>1 hour</adlcp:maxtimeallowed></item>"), id="time"
        ),
        pytest.param(
            manifests.ITEM.replace("</item>", "<adlcp:timelimitaction>stop</adlcp:timelimitaction></item>"), id="word"
        ),
    ],
)
def test_a_value_that_is_none_falls_back_to_its_default_and_is_reported(item):
    parsed, findings = read(scorm_12(item))

    assert parsed.organizations[0].structure.root.children[0] == first_item(
        scorm_12(manifests.ITEM.replace("Lesson", parsed.organizations[0].structure.root.children[0].title))
    )
    assert rules_of(findings) == ["manifest.value"]
    assert findings[0].line == 2
    assert findings[0].severity is Severity.WARNING


def test_prerequisites_that_name_no_item_are_reported():
    good = '<adlcp:prerequisites type="aicc_script">(I1&amp;I2)|~I1=passed|2*{I1,I2}</adlcp:prerequisites></item>'
    items = manifests.ITEM + manifests.ITEM.replace("I1", "I2").replace("</item>", good)

    assert not read(scorm_12(items))[1]
    assert rules_of(read(scorm_12(items.replace("(I1&", "(I7&")))[1]) == ["manifest.prerequisites"]


@pytest.mark.parametrize("script", ["((", "I1&amp;&amp;I1", "I1=", "2*{I1", "~" * 5000 + "I1", "(" * 5000 + "I1"])
def test_prerequisites_that_cannot_be_read_are_reported(script):
    text = f'<adlcp:prerequisites type="aicc_script">{script}</adlcp:prerequisites></item>'

    parsed, findings = read(scorm_12(manifests.ITEM.replace("</item>", text)))

    assert parsed.organizations[0].structure.root.children[0].prerequisites
    assert rules_of(findings) == ["manifest.prerequisites"]
    assert "cannot be read" in findings[0].message


# --- resources and places ---


@pytest.mark.parametrize(
    ("href", "files", "url", "rules"),
    [
        pytest.param("a/b.html", ["a/b.html"], "a/b.html", [], id="plain"),
        pytest.param("a/b.html?x=1#top", ["a/b.html"], "a/b.html?x=1#top", [], id="query and fragment"),
        pytest.param("a%20b.html", ["a b.html"], "a%20b.html", [], id="percent-encoded"),
        pytest.param("a b.html", ["a b.html"], "a%20b.html", [], id="a bare space"),
        pytest.param("über.html", ["über.html"], "%C3%BCber.html", [], id="not ASCII"),
        pytest.param("u%CC%88ber.html", ["über.html"], "%C3%BCber.html", [], id="accents written apart, and encoded"),
        pytest.param(
            "a #1.html", ["a #1.html"], "a%20%231.html", ["manifest.bare_sign"], id="a number sign in the name"
        ),
        pytest.param("why?.html", ["why?.html"], "why%3F.html", ["manifest.bare_sign"], id="a question in the name"),
        pytest.param("a\\b.html", ["a/b.html"], "a/b.html", ["manifest.back_slash"], id="back-slash"),
        pytest.param("A/B.HTML", ["a/b.html"], "a/b.html", ["manifest.file_name"], id="capitals"),
        pytest.param("./x/../b.html", ["b.html"], "b.html", [], id="dots inside"),
        pytest.param("/b.html", ["b.html"], "b.html", ["manifest.absolute_path"], id="from the top"),
        pytest.param("../b.html", ["c.html"], None, ["manifest.outside"], id="outside"),
        pytest.param("../b.html?x=1", ["b.html"], "b.html?x=1", ["manifest.outside"], id="outside of where it is"),
        pytest.param("a/../../pages/B.html", ["pages/b.html"], "pages/b.html", ["manifest.outside"], id="up and down"),
        pytest.param("..b.html", ["..b.html"], "..b.html", [], id="a name that begins with dots"),
        pytest.param("\\\\server\\share\\fire\\b.html", ["b.html"], "b.html", ["manifest.outside"], id="on a share"),
        pytest.param("%2e%2e/..%2Fb.html", [], None, ["manifest.outside"], id="outside, encoded"),
        pytest.param("x%2F..%2F..%2Fb.html", ["b.html"], "b.html", ["manifest.outside"], id="up and down, encoded"),
        pytest.param("..", [], None, ["manifest.outside"], id="the folder above"),
        pytest.param(
            "C:\\courses\\fire\\a\\b.html",
            ["a/b.html", "b.html"],
            "a/b.html",
            ["manifest.back_slash", "manifest.outside"],
            id="on the author's machine",
        ),
        pytest.param(
            "file:///C:/fire/b.html#top", ["b.html"], "b.html#top", ["manifest.outside"], id="there, as an address"
        ),
        pytest.param("file:///etc/passwd", ["passwd.html"], None, ["manifest.outside"], id="a local file"),
        pytest.param("../" * 30_000 + "x", [], None, ["manifest.outside"], id="up without end"),
        pytest.param("c.html", ["b.html"], "c.html", ["manifest.file_missing"], id="missing"),
        pytest.param("https://x.example/y", [], "https://x.example/y", ["manifest.external"], id="on the web"),
        pytest.param("javascript:alert(1)", [], None, ["manifest.scheme"], id="a script"),
        pytest.param("http://[x", [], None, ["manifest.scheme"], id="a broken address"),
    ],
)
def test_an_href_leads_to_its_file_however_it_is_written(href, files, url, rules):
    resources = manifests.SCO_12 + f'<resource identifier="R2" type="webcontent" adlcp:scormtype="sco" href="{href}"/>'

    parsed, findings = read(scorm_12(resources=resources), dict.fromkeys([*files, "index.html"], ""))

    assert parsed.resources["R2"].href == url
    assert rules_of(findings) == rules


@pytest.mark.parametrize(
    ("manifest_base", "resources_base", "resource_base", "file"),
    [
        ("", "", "", "index.html"),
        ("m/", "", "", "m/index.html"),
        ("", "r/", "", "r/index.html"),
        ("m/", "r/", "s/", "m/r/s/index.html"),
        ("m", "", "s", "m/s/index.html"),
        ("m/", "r/", "/s/", "s/index.html"),
        ("", "", "page.html", "index.html"),
        ("a/b/", "../", "../c/", "c/index.html"),
        ("a/b/", "", "../../", "index.html"),
        ("file:///C:/courses/a/", "", "b/", "a/b/index.html"),
        ("C:/courses/a/", "", "b/", "a/b/index.html"),
        ("a/", "", "C:/courses/b/", "b/index.html"),
    ],
)
def test_xml_base_counts_at_every_level(manifest_base, resources_base, resource_base, file):
    def base(value):
        return f'xml:base="{value}"' if value else ""

    text = scorm_12(base=base(manifest_base), resources=manifests.SCO_12.replace("/>", f" {base(resource_base)}/>"))
    text = text.replace("<resources>", f"<resources {base(resources_base)}>")

    parsed, _ = read(text, {file: ""})

    assert (parsed.resources["R1"].href, parsed.resources["R1"].is_missing) == (file, False)


def test_an_href_may_climb_from_its_base_as_far_as_the_package_goes():
    text = scorm_12(base='xml:base="a/b/"', resources=manifests.SCO_12.replace("index.html", "../x.html"))

    parsed, findings = read(text, {"a/x.html": "", "x.html": ""})

    assert (parsed.resources["R1"].href, rules_of(findings)) == ("a/x.html", [])


def test_an_href_that_leads_out_makes_only_its_own_item_unplayable():
    items = manifests.ITEM + '<item identifier="I2" identifierref="R2"><title>Lost</title></item>'
    resources = manifests.SCO_12 + manifests.SCO_12.replace("R1", "R2").replace("index.html", "../../etc/passwd")

    parsed, findings = read(scorm_12(items, resources), {"index.html": ""})

    assert [activity.title for activity in parsed.organizations[0].structure.root.children] == ["Lesson"]
    assert rules_of(findings) == [
        "manifest.outside", "manifest.resource_without_href", "manifest.nothing_to_open",
    ]  # fmt: skip


def test_a_base_on_the_web_makes_content_external():
    resource = read(scorm_12(base='xml:base="https://cdn.example/c"'))[0].resources["R1"]

    assert (resource.href, resource.is_external) == ("https://cdn.example/c/index.html", True)


def test_files_and_dependencies_are_listed_and_missing_ones_reported():
    resources = manifests.SCO_12.replace(
        "/>", '><file href="index.html"/><file href="gone.css"/><dependency identifierref="D"/></resource>'
    )

    parsed, findings = read(scorm_12(resources=resources), {"index.html": ""})

    assert parsed.resources["R1"].files == ("index.html",)
    assert parsed.resources["R1"].dependencies == ("D",)
    assert rules_of(findings) == ["manifest.file_missing", "manifest.dependency"]


def test_a_resource_that_does_not_say_its_kind_is_an_asset():
    resource = '<resource identifier="R1" type="webcontent" href="index.html"/>'

    parsed, findings = read(scorm_12(resources=resource))

    assert not parsed.organizations[0].structure.root.children[0].is_sco
    assert rules_of(findings) == ["manifest.scormtype"]


def test_of_two_resources_of_one_identifier_the_first_counts():
    parsed, findings = read(scorm_12(resources=manifests.SCO_12 + manifests.SCO_12.replace("index", "other")))

    assert parsed.resources["R1"].href == "index.html"
    assert rules_of(findings) == ["manifest.duplicate_resource"]


@pytest.mark.parametrize(
    ("href", "parameters", "url"),
    [
        ("a.html", "", "a.html"),
        ("a.html", "?x=1", "a.html?x=1"),
        ("a.html", "x=1", "a.html?x=1"),
        ("a.html", "&&x=1", "a.html?x=1"),
        ("a.html?y=2", "?x=1", "a.html?y=2&x=1"),
        ("a.html#f", "?x=1", "a.html?x=1#f"),
        ("a.html", "#f", "a.html#f"),
        ("a.html#g", "#f", "a.html#g"),
        ("a.html", "?#f", "a.html#f"),
        ("a.html", "?x=1#f", "a.html?x=1#f"),
        ("a.html?y=2#g", "?x=1#f", "a.html?y=2&x=1#g"),
    ],
)
def test_parameters_are_joined_to_the_href(href, parameters, url):
    assert add_parameters(href, parameters) == url


def test_a_manifest_tells_what_url_delivers_an_activity():
    parsed, _ = read(scorm_12('<item identifier="I1" identifierref="R1" parameters="?act=1"><title>t</title></item>'))
    root = parsed.organizations[0].structure.root

    assert parsed.url(root.children[0]) == "index.html?act=1"
    assert parsed.url(root) is None


# --- metadata ---

LOM_2004 = (
    '<lom xmlns="http://ltsc.ieee.org/xsd/LOM"><general><title><string language="en">Safety</string>'
    '<string language="de">Sicherheit</string></title><language>en</language>'
    '<description><string language="en">All of it</string></description>'
    '<keyword><string language="en">fire</string></keyword></general>'
    "<educational><typicalLearningTime><duration>PT1H30M</duration></typicalLearningTime></educational></lom>"
)
LOM_12 = (
    '<lom xmlns="http://www.imsglobal.org/xsd/imsmd_rootv1p2p1"><general><title><langstring xml:lang="en">Safety'
    '</langstring><langstring xml:lang="de">Sicherheit</langstring></title><language>en</language><description>'
    '<langstring xml:lang="en">All of it</langstring></description><keyword><langstring xml:lang="en">fire</langstring>'
    "</keyword></general><educational><typicallearningtime><datetime>01:30:00</datetime></typicallearningtime>"
    "</educational></lom>"
)
TOLD = Metadata(
    titles={"en": "Safety", "de": "Sicherheit"},
    descriptions={"en": "All of it"},
    keywords=("fire",),
    language="en",
    duration_seconds=5400.0,
)


@pytest.mark.parametrize("lom", [LOM_2004, LOM_12])
def test_metadata_is_read_inline_and_from_its_own_file(lom):
    location = "<adlcp:location>meta/data.xml</adlcp:location>"

    assert read(scorm_2004(metadata=lom))[0].metadata == TOLD
    assert read(scorm_2004(metadata=location), {"index.html": "", "meta/data.xml": lom})[0].metadata == TOLD


def test_items_and_organizations_have_metadata_of_their_own():
    item = manifests.ITEM.replace("</item>", f"<metadata>{LOM_2004}</metadata></item>")

    organization = read(scorm_2004(item, organization=f"<metadata>{LOM_12}</metadata>"))[0].organizations[0]

    assert organization.metadata == TOLD
    assert organization.items == {"I1": TOLD}


def test_broken_metadata_does_no_harm_but_hostile_metadata_does():
    text = scorm_2004(metadata="<adlcp:location>m.xml</adlcp:location>")

    _, findings = read(text, {"index.html": "", "m.xml": "<lom"})

    assert rules_of(findings) == ["metadata.not_well_formed"]
    assert refusal(text, {"index.html": "", "m.xml": "<!DOCTYPE lom><lom/>"}).file == "m.xml"
    assert rules_of(read(text, {"index.html": ""})[1]) == ["manifest.file_missing"]


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("PT1H30M", 5400),
        ("P1DT1S", 86401),
        ("PT0.5S", 0.5),
        ("0001:30:00.5", 5400.5),
        ("01:30", 5400),
        ("P", None),
        ("x", None),
    ],
)
def test_durations_of_both_kinds_are_read(text, length):
    assert seconds(text) == length


# --- sequencing ---


def test_all_of_sequencing_is_read():
    item = first_item(
        scorm_2004(
            sequencing(
                '<imsss:controlMode choice="false" choiceExit="false" flow="true" forwardOnly="true" '
                'useCurrentAttemptObjectiveInfo="false" useCurrentAttemptProgressInfo="false"/>'
                "<imsss:sequencingRules>"
                '<imsss:preConditionRule><imsss:ruleConditions conditionCombination="any">'
                '<imsss:ruleCondition condition="objectiveMeasureGreaterThan" operator="not" referencedObjective="o" '
                'measureThreshold="0.5"/><imsss:ruleCondition condition="always"/></imsss:ruleConditions>'
                '<imsss:ruleAction action="hiddenFromChoice"/></imsss:preConditionRule>'
                "<imsss:exitConditionRule><imsss:ruleConditions><imsss:ruleCondition condition='completed'/>"
                "</imsss:ruleConditions><imsss:ruleAction action='exit'/></imsss:exitConditionRule>"
                "<imsss:postConditionRule><imsss:ruleConditions><imsss:ruleCondition condition='satisfied'/>"
                "</imsss:ruleConditions><imsss:ruleAction action='retryAll'/></imsss:postConditionRule>"
                "</imsss:sequencingRules>"
                '<imsss:limitConditions attemptLimit="2" attemptAbsoluteDurationLimit="PT1H"/>'
                '<imsss:rollupRules rollupObjectiveSatisfied="false" rollupProgressCompletion="false" '
                'objectiveMeasureWeight="0.25"><imsss:rollupRule childActivitySet="atLeastPercent" '
                'minimumPercent="0.5">'
                '<imsss:rollupConditions conditionCombination="all"><imsss:rollupCondition operator="not" '
                'condition="attempted"/></imsss:rollupConditions><imsss:rollupAction action="incomplete"/>'
                "</imsss:rollupRule></imsss:rollupRules>"
                '<imsss:objectives><imsss:primaryObjective objectiveID="p" satisfiedByMeasure="true">'
                "<imsss:minNormalizedMeasure>0.8</imsss:minNormalizedMeasure>"
                '<imsss:mapInfo targetObjectiveID="g" writeSatisfiedStatus="true" readNormalizedMeasure="false"/>'
                '</imsss:primaryObjective><imsss:objective objectiveID="o"/></imsss:objectives>'
                '<imsss:randomizationControls randomizationTiming="once" reorderChildren="true" selectCount="3" '
                'selectionTiming="onEachNewAttempt"/>'
                '<imsss:deliveryControls tracked="false" completionSetByContent="true" objectiveSetByContent="true"/>'
                '<adlseq:constrainedChoiceConsiderations constrainChoice="true" preventActivation="true"/>'
                '<adlseq:rollupConsiderations requiredForSatisfied="ifAttempted" '
                'requiredForNotSatisfied="ifNotSkipped" requiredForCompleted="ifNotSuspended" '
                'requiredForIncomplete="always" measureSatisfactionIfActive="false"/>'
                '<adlseq:objectives><adlseq:objective objectiveID="p"><adlseq:mapInfo targetObjectiveID="g" '
                'writeRawScore="true" readProgressMeasure="false"/></adlseq:objective></adlseq:objectives>'
            )
        )
    )

    assert item.control == d.ControlModes(False, False, True, True, False, False)
    assert item.constrained_choice == d.ConstrainedChoice(constrain_choice=True, prevent_activation=True)
    assert item.rules == d.SequencingRules(
        pre=(
            d.SequencingRule(
                d.RuleAction.HIDDEN_FROM_CHOICE,
                (
                    d.RuleCondition(d.ConditionName.OBJECTIVE_MEASURE_GREATER_THAN, True, "o", 0.5),
                    d.RuleCondition(d.ConditionName.ALWAYS),
                ),
                d.Combination.ANY,
            ),
        ),
        post=(d.SequencingRule(d.RuleAction.RETRY_ALL, (d.RuleCondition(d.ConditionName.SATISFIED),)),),
        exit=(d.SequencingRule(d.RuleAction.EXIT, (d.RuleCondition(d.ConditionName.COMPLETED),)),),
    )
    assert item.limits == d.LimitConditions(attempt_limit=2, attempt_absolute_duration_limit="PT1H")
    assert item.rollup == d.Rollup(
        rules=(
            d.RollupRule(
                d.RollupAction.INCOMPLETE,
                (d.RollupCondition(d.ConditionName.ATTEMPTED, negated=True),),
                d.Combination.ALL,
                d.ChildActivitySet.AT_LEAST_PERCENT,
                0,
                0.5,
            ),
        ),
        objective_satisfied=False,
        progress_completion=False,
        objective_measure_weight=0.25,
        required_for_satisfied=d.RollupConsideration.IF_ATTEMPTED,
        required_for_not_satisfied=d.RollupConsideration.IF_NOT_SKIPPED,
        required_for_completed=d.RollupConsideration.IF_NOT_SUSPENDED,
        measure_satisfaction_if_active=False,
    )
    assert item.primary == d.Objective(
        "p",
        True,
        0.8,
        (
            d.ObjectiveMap("g", read_satisfied_status=True, write_satisfied_status=True),
            d.ObjectiveMap(
                "g",
                read_raw_score=True,
                read_min_score=True,
                read_max_score=True,
                read_completion_status=True,
                write_raw_score=True,
            ),
        ),
    )
    assert item.objectives == (d.Objective("o"),)
    assert item.selection == d.Selection(d.Timing.ON_EACH_NEW_ATTEMPT, 3)
    assert item.randomization == d.Randomization(d.Timing.ONCE, True)
    assert item.delivery == d.DeliveryControls(False, True, True)


def test_a_collection_lends_what_the_activity_does_not_say_itself():
    shared = (
        '<imsss:sequencingCollection><imsss:sequencing ID="c"><imsss:controlMode flow="true" forwardOnly="true"/>'
        '<imsss:limitConditions attemptLimit="5"/></imsss:sequencing></imsss:sequencingCollection>'
    )
    item = manifests.ITEM.replace(
        "</item>", '<imsss:sequencing IDRef="c"><imsss:controlMode choice="false"/></imsss:sequencing></item>'
    )

    activity = first_item(scorm_2004(item, after=shared))

    assert activity.control == d.ControlModes(choice=False)
    assert activity.limits.attempt_limit == 5
    assert rules_of(read(scorm_2004(item))[1]) == ["sequencing.idref"]


def test_objective_ids_are_uris_so_different_spellings_are_one():
    rule = (
        "<imsss:sequencingRules><imsss:preConditionRule><imsss:ruleConditions><imsss:ruleCondition "
        'condition="satisfied" referencedObjective="  %20obj%20%201%20  "/></imsss:ruleConditions>'
        '<imsss:ruleAction action="skip"/></imsss:preConditionRule></imsss:sequencingRules>'
    )
    objectives = (
        '<imsss:objectives><imsss:primaryObjective/><imsss:objective objectiveID="obj%201">'
        '<imsss:mapInfo targetObjectiveID=" g%20%20x "/></imsss:objective></imsss:objectives>'
        '<adlseq:objectives><adlseq:objective objectiveID=" obj 1"><adlseq:mapInfo targetObjectiveID="g%20x"/>'
        "</adlseq:objective></adlseq:objectives>"
    )

    parsed, findings = read(scorm_2004(sequencing(rule + objectives)))

    item = parsed.organizations[0].structure.root.children[0]
    assert item.rules.pre[0].conditions[0].referenced_objective == "obj%201"
    assert [m.target for m in item.objectives[0].maps] == ["g x", "g x"]
    assert not findings


CONDITION = '<imsss:ruleConditions><imsss:ruleCondition condition="always"/></imsss:ruleConditions>'
ROLLUP_CONDITION = '<imsss:rollupConditions><imsss:rollupCondition condition="{}"/></imsss:rollupConditions>'


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        pytest.param(
            f"<imsss:sequencingRules><imsss:preConditionRule>{CONDITION}<imsss:ruleAction action='exitAll'/>"
            "</imsss:preConditionRule></imsss:sequencingRules>",
            "sequencing.rule",
            id="an action of another kind of rule",
        ),
        pytest.param(
            f"<imsss:sequencingRules><imsss:postConditionRule>{CONDITION}</imsss:postConditionRule></imsss:sequencingRules>",
            "sequencing.rule",
            id="no action",
        ),
        pytest.param(
            "<imsss:sequencingRules><imsss:exitConditionRule><imsss:ruleAction action='exit'/>"
            "</imsss:exitConditionRule></imsss:sequencingRules>",
            "sequencing.rule",
            id="no condition",
        ),
        pytest.param(
            "<imsss:sequencingRules><imsss:preConditionRule>"
            f"{CONDITION.replace('always', 'sometimes')}<imsss:ruleAction action='skip'/></imsss:preConditionRule>"
            "</imsss:sequencingRules>",
            "sequencing.rule",
            id="an unknown condition",
        ),
        pytest.param(
            f"<imsss:rollupRules><imsss:rollupRule>{ROLLUP_CONDITION.format('satisfied')}"
            "<imsss:rollupAction action='skip'/></imsss:rollupRule></imsss:rollupRules>",
            "sequencing.rule",
            id="an unknown rollup action",
        ),
        pytest.param(
            f"<imsss:rollupRules><imsss:rollupRule>{ROLLUP_CONDITION.format('objectiveMeasureLessThan')}"
            "<imsss:rollupAction action='completed'/></imsss:rollupRule></imsss:rollupRules>",
            "sequencing.rule",
            id="a condition that rollup does not know",
        ),
        pytest.param(
            "<imsss:objectives><imsss:primaryObjective objectiveID='a'/><imsss:objective objectiveID='a'/>"
            "</imsss:objectives>",
            "sequencing.objective_id",
            id="an objective twice",
        ),
        pytest.param(
            "<imsss:objectives><imsss:primaryObjective><imsss:mapInfo/></imsss:primaryObjective></imsss:objectives>",
            "sequencing.map_target",
            id="a map to nowhere",
        ),
        pytest.param(
            "<adlseq:objectives><adlseq:objective objectiveID='z'/></adlseq:objectives>",
            "sequencing.objective_extension",
            id="an extension of nothing",
        ),
        pytest.param(
            "<imsss:sequencingRules><imsss:preConditionRule>"
            f"{CONDITION.replace('/>', ' referencedObjective=' + chr(34) + 'z' + chr(34) + '/>', 1)}"
            "<imsss:ruleAction action='skip'/></imsss:preConditionRule></imsss:sequencingRules>",
            "sequencing.referenced_objective",
            id="a rule about an objective that is not there",
        ),
        pytest.param(
            "<imsss:objectives><imsss:primaryObjective objectiveID='p'><imsss:mapInfo targetObjectiveID='a'/>"
            "<imsss:mapInfo targetObjectiveID='b' readNormalizedMeasure='false'/></imsss:primaryObjective>"
            "</imsss:objectives>",
            "sequencing.map_reads",
            id="two sources for one objective",
        ),
        pytest.param(
            "<imsss:objectives><imsss:primaryObjective objectiveID='p'><imsss:mapInfo targetObjectiveID='a' "
            "writeSatisfiedStatus='true'/></imsss:primaryObjective><imsss:objective objectiveID='q'><imsss:mapInfo "
            "targetObjectiveID='a' writeSatisfiedStatus='true'/></imsss:objective></imsss:objectives>",
            "sequencing.map_writes",
            id="two writers for one target",
        ),
        pytest.param("<imsss:limitConditions attemptLimit='-1'/>", "manifest.value", id="a negative limit"),
        pytest.param(
            "<imsss:limitConditions attemptAbsoluteDurationLimit='1h'/>",
            "manifest.value",
            id="a limit that is no duration",
        ),
        pytest.param("<imsss:randomizationControls selectionTiming='often'/>", "manifest.value", id="an unknown word"),
    ],
)
def test_sequencing_that_cannot_mean_what_it_says_is_reported_and_plays(content, rule):
    parsed, findings = read(scorm_2004(sequencing(content)))

    assert rules_of(findings) == [rule]
    assert findings[0].line == 2
    assert parsed.organizations[0].structure.root.children[0].resource == "R1"


def test_dead_ends_and_impossible_selections_are_reported():
    control = (
        '<imsss:sequencing><imsss:controlMode choice="false" flow="false"/>'
        '<imsss:randomizationControls selectCount="9" selectionTiming="once"/></imsss:sequencing>'
    )

    _, findings = read(scorm_2004(organization=control))

    assert rules_of(findings) == ["sequencing.unreachable", "sequencing.select_count"]


# --- whatever comes ---

SAMPLES = [scorm_12().encode(), scorm_2004(sequencing("<imsss:controlMode/>"), metadata=LOM_2004).encode()]


@given(st.binary(max_size=300))
def test_no_bytes_make_the_parser_stumble(data):
    for text in (data, SAMPLES[0][:200] + data, SAMPLES[0].replace(b"Lesson", data)):
        parsed_or_refused(text)


@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 60), st.binary(max_size=12)), min_size=1, max_size=6),
)
def test_no_change_to_a_manifest_makes_the_parser_stumble(sample, changes):
    data = sample
    for position, removed, added in changes:
        at = position % len(data) if data else 0
        data = data[:at] + added + data[at + removed :]
    parsed_or_refused(data)


ATTRIBUTES = st.text(max_size=20).map(lambda t: t.translate({ord(c): "_" for c in '<>&"'})).filter(str.isprintable)


@given(ATTRIBUTES, ATTRIBUTES, ATTRIBUTES, ATTRIBUTES)
def test_no_attribute_makes_the_parser_stumble(href, base, identifier, parameters):
    parsed_or_refused(
        scorm_2004(
            f'<item identifier="{identifier}" identifierref="R1" parameters="{parameters}"><title>t</title></item>',
            f'<resource identifier="R1" adlcp:scormType="sco" href="{href}" xml:base="{base}"/>',
        ).encode()
    )


def parsed_or_refused(data):
    file = zips.zipped({"index.html": "", "imsmanifest.xml": data})
    folder = archive.Folder(io.BytesIO(file.getvalue()), archive.check(file).index)
    for files in (None, folder):
        try:
            manifest = parse(data, Findings(), files)
        except Refused:
            continue
        assert Manifest.from_json(manifest.to_json()) == manifest
        assert all(not (r.href or "").startswith(("..", "/")) for r in manifest.resources.values())
