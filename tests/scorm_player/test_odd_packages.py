"""Packages that are odd and legal, from import to every page of them: what the books allow and nobody thinks of."""

import io
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import pytest

from core.db import Session
from core.files import StoredFile
from scorm_player.archive import Limits
from scorm_player.findings import Finding
from scorm_player.services import packages, registrations, runtime
from scorm_player.tables import PackageSource
from tests.scorm_player import manifests, zips
from tests.scorm_player.manifests import scorm_12, scorm_2004
from tests.scorm_player.playing import NOW, launched, sent

HOME = "http://localhost"
PAGE = "<!doctype html><title>Lesson</title>"


@dataclass
class Imported:
    """A package of a learner's course: what its import found, its files, and the registration."""

    findings: tuple[Finding, ...]
    examined: packages.Examined
    registration: str

    @property
    def rules(self) -> list[str]:
        return [finding.rule for finding in self.findings if finding.rule != "manifest.unlisted_files"]


@pytest.fixture
def imported(db, cast):
    def from_zip(file: io.BytesIO) -> Imported:
        examined = packages.examine(file, Limits())
        stored = StoredFile("0" * 64, len(file.getvalue()))
        upload = packages.receive(
            db, stored, file_name="odd.zip", source=PackageSource.UPLOAD, home=HOME, created_by=None, now=NOW
        )  # fmt: skip
        version = packages.accept(db, upload.id, examined, home=HOME, now=NOW)
        registration = registrations.register(
            db,
            user_id=cast.ana,
            package_version_id=version.id,
            actor={"objectType": "Agent", "account": {"homePage": HOME, "name": "ana"}},
            now=NOW,
        )
        return Imported(examined.findings, examined, registration)

    return from_zip


def every_page(db: Session, package: Imported) -> list[tuple[str, str]]:
    """Open each item that may be chosen, in its order; answer (title, address in the package), all there to be read."""
    opened = []
    for item in registrations.outline(db, package.registration):
        if not (item.is_launchable and item.is_enabled):
            continue
        document = launched(db, package.registration, item_id=item.item_id).document
        address = document["url"].split("/", 3)[3]
        assert package.examined.index.find(unquote(urlsplit(document["url"]).path).split("/", 3)[3]), address
        opened.append((document["title"], address))
    return opened


def course(manifest: str | bytes, *names: str, **files: str) -> io.BytesIO:
    return zips.zipped({"imsmanifest.xml": manifest, **dict.fromkeys(names, PAGE), **files})


def item(identifier: str, title: str = "", more: str = "", attributes: str = "", resource: str = "R1") -> str:
    told = f"<title>{title}</title>" if title else ""
    return f'<item identifier="{identifier}" identifierref="{resource}" {attributes}>{told}{more}</item>'


FLOW = '<imsss:sequencing><imsss:controlMode choice="true" flow="true"/></imsss:sequencing>'


def test_names_of_files_in_all_letters(db, imported):
    names = {
        "R1": ("a b.html", "a%20b.html"), "R2": ("Übung/Straße.html", "Übung/Straße.html"),
        "R3": ("100%.html", "100%25.html"), "R4": ("a+b&c.html", "a+b&amp;c.html"),
        "R5": ("課程/一.html", "%E8%AA%B2%E7%A8%8B/一.html"), "R6": ("درس.html", "درس.html"),
        "R7": ("a;b=c,d.html", "a;b=c,d.html"), "R8": ("a%20b/c.html", "a%2520b/c.html"),
    }  # fmt: skip
    resources = "".join(
        manifests.SCO_12.replace('"R1"', f'"{key}"').replace("index.html", href) for key, (_, href) in names.items()
    )
    items = "".join(item(f"I{key}", key, resource=key) for key in names)

    package = imported(course(scorm_12(items, resources), *(name for name, _ in names.values())))

    assert [unquote(address) for _, address in every_page(db, package)] == [name for name, _ in names.values()]
    assert package.rules == []


def test_parameters_of_every_kind(db, imported):
    given = {
        "?a=1": "index.html?x=1&a=1#top", "&amp;b=2": "index.html?x=1&b=2#top", "c": "index.html?x=1&c#top",
        "#end": "index.html?x=1#top", "?d=1#end": "index.html?x=1&d=1#top", " ": "index.html?x=1#top",
        "?e=a b&amp;f=ü": "index.html?x=1&e=a b&f=ü#top",
        "?u=http://x.example/?y=1": "index.html?x=1&u=http://x.example/?y=1#top",
    }  # fmt: skip
    items = "".join(item(f"I{n}", f"T{n}", attributes=f'parameters="{text}"') for n, text in enumerate(given))
    resource = manifests.SCO_12.replace("index.html", "index.html?x=1#top")

    package = imported(course(scorm_12(items, resource), "index.html"))

    assert [address for _, address in every_page(db, package)] == list(given.values())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "iso-8859-1"])
def test_titles_in_all_letters_and_encodings(db, imported, encoding):
    titles = ["Größe &amp; Maß", "A" * 200] + ([] if encoding == "iso-8859-1" else ["שלום — שיעור", "العربية", "🧯 火"])
    text = scorm_12("".join(item(f"I{n}", title) for n, title in enumerate(titles)))
    declared = text.replace("UTF-8", encoding.removesuffix("-sig").removesuffix("-le").removesuffix("-be"))

    package = imported(course(declared.encode(encoding), "index.html"))

    assert [title for title, _ in every_page(db, package)] == [title.replace("&amp;", "&") for title in titles]


def test_what_the_lms_gives_is_given_as_it_stands(db, imported):
    data = " &lt;a href=&quot;x&quot;&gt; &amp;amp; &#xe9;<![CDATA[<b>&amp;</b>]]>\n\t "
    more = f"<adlcp:dataFromLMS>{data}</adlcp:dataFromLMS>"

    package = imported(course(scorm_2004(item("I1", "t", more)), "index.html"))

    given = launched(db, package.registration).document["values"]["cmi.launch_data"]
    assert given == ' <a href="x"> &amp; é<b>&amp;</b>\n\t '


@pytest.mark.parametrize("default", ['default="O2"', 'default="nowhere"', "", 'default=""'])
def test_organizations_without_a_default_or_with_a_wrong_one(db, imported, default):
    one = '<organization identifier="{0}"><title>{0}</title>{1}</organization>'
    both = one.format("O1", item("I1", "First")) + one.format("O2", item("I1", "Second"))
    text = scorm_12(organizations=f"<organizations {default}>{both}</organizations>")

    package = imported(course(text, "index.html"))

    assert [title for title, _ in every_page(db, package)] == ["Second" if "O2" in default else "First"]


def test_resources_that_depend_on_each_other_in_a_circle(db, imported):
    resources = manifests.SCO_12.replace("/>", ' adlcp:persistState="true"><dependency identifierref="D"/></resource>')
    for name, other in (("D", "E"), ("E", "R1"), ("E2", "E2")):
        resources += (
            f'<resource identifier="{name}" type="webcontent" adlcp:scormtype="asset">'
            f'<dependency identifierref="{other}"/><file href="{name}.js"/></resource>'
        )

    package = imported(course(scorm_12(resources=resources), "index.html", "D.js", "E.js", "E2.js"))

    assert [title for title, _ in every_page(db, package)] == ["Lesson"]
    assert package.rules == []


def test_items_that_are_not_to_be_seen_are_played_in_their_turn(db, imported):
    hidden = item("I1", "Hidden", attributes='isvisible="false"') + item("I2", "Seen")

    package = imported(course(scorm_2004(hidden, organization=FLOW), "index.html"))

    assert [one.title for one in registrations.outline(db, package.registration)] == ["Seen"]
    launch = launched(db, package.registration)
    assert launch.document["title"] == "Hidden"
    assert runtime.navigate(db, launch.session_id, "continue", now=NOW).document["title"] == "Seen"


@pytest.mark.parametrize(
    ("hidden", "gone"),
    [
        ("previous", {"previous"}), ("continue", {"next"}), ("exitAll", {"end"}), ("exit", set()), ("abandon", set()),
        ("abandonAll", set()), ("suspendAll", set()),
    ],
)  # fmt: skip
def test_controls_that_content_wants_to_be_hidden_are_and_leaving_never_is(db, imported, hidden, gone):
    more = (
        "<adlnav:presentation><adlnav:navigationInterface>"
        f"<adlnav:hideLMSUI>{hidden}</adlnav:hideLMSUI></adlnav:navigationInterface></adlnav:presentation>"
    )
    items = item("I1", "One") + item("I2", "Two", more) + item("I3", "Three")

    package = imported(course(scorm_2004(items, organization=FLOW), "index.html"))

    first = launched(db, package.registration)
    controls = runtime.navigate(db, first.session_id, "continue", now=NOW).document["navigation"]
    assert {name for name, control in controls.items() if not control["visible"]} == gone


@pytest.mark.parametrize("action", ["exit,message", "exit,no message", "continue,message", "continue,no message"])
@pytest.mark.parametrize("blank", ["{}", " {} ", "\n{}\n"])
def test_time_limits_and_what_to_do_then_reach_the_content(db, imported, action, blank):
    twelve = (
        f"<adlcp:timelimitaction>{blank.format(action)}</adlcp:timelimitaction>"
        f"<adlcp:maxtimeallowed>{blank.format('00:30:00')}</adlcp:maxtimeallowed>"
    )

    package = imported(course(scorm_12(item("I1", "t", twelve)), "index.html"))

    values = launched(db, package.registration).document["values"]
    assert values["cmi.student_data.time_limit_action"] == action
    assert values["cmi.student_data.max_time_allowed"] == "00:30:00"
    assert package.rules == []


def test_five_hundred_items_in_one_course(db, imported):
    items = "".join(item(f"I{number}", f"Lesson {number}") for number in range(500))

    package = imported(course(scorm_2004(items, organization=FLOW), "index.html"))

    launch = launched(db, package.registration)
    assert len(registrations.outline(db, package.registration)) == 500
    assert launch.document["navigation"]["next"]["enabled"]
    sent(db, launch, 1, ("cmi.completion_status", "completed"), initialized=True, terminated=True)
    assert runtime.navigate(db, launch.session_id, "continue", now=NOW).document["title"] == "Lesson 1"


@pytest.mark.parametrize("title", ["<title/>", "<title> \n </title>", "<title><![CDATA[ ]]></title>", ""])
def test_items_without_a_title_are_called_by_something(db, imported, title):
    text = f'<item identifier="I1" identifierref="R1">{title}</item>'

    package = imported(course(scorm_12(text).replace("<title>Course</title>", title), "index.html"))

    assert every_page(db, package) == [("I1", "index.html")]
    assert package.rules == ["manifest.title"]


def test_stores_that_parts_share_are_read_and_written_as_their_maps_say(db, imported):
    def with_map(identifier: str, more: str) -> str:
        data = f'<adlcp:data><adlcp:map targetID="urn:x:store one" {more}/></adlcp:data>'
        return item(identifier, identifier, data)

    items = with_map("I1", 'readSharedData="false"') + with_map("I2", 'writeSharedData="false"')
    package = imported(course(scorm_2004(items, organization=FLOW), "index.html"))

    first = launched(db, package.registration)
    assert first.document["access"] == {"adl.data.0.store": "w"}
    sent(db, first, 1, ("adl.data.0.store", "left for others"), initialized=True, terminated=True)
    second = runtime.navigate(db, first.session_id, "continue", now=NOW).document
    assert (second["values"]["adl.data.0.store"], second["access"]) == ("left for others", {"adl.data.0.store": "r"})


@pytest.mark.parametrize(("measure", "passes"), [("0.6", True), (" 0.6 ", True), ("-1", True), ("0.61", False)])
def test_a_measure_that_is_wanted_decides_what_a_score_means(db, imported, measure, passes):
    objectives = (
        '<imsss:sequencing><imsss:objectives><imsss:primaryObjective objectiveID="o" satisfiedByMeasure="true">'
        f"<imsss:minNormalizedMeasure>{measure}</imsss:minNormalizedMeasure>"
        "</imsss:primaryObjective></imsss:objectives></imsss:sequencing>"
    )
    package = imported(course(scorm_2004(item("I1", "t", objectives)), "index.html"))

    launch = launched(db, package.registration)
    sent(db, launch, 1, ("cmi.score.scaled", "0.6"), ("cmi.completion_status", "completed"), initialized=True)

    assert registrations.summary(db, package.registration).success == ("passed" if passes else "failed")


@pytest.mark.parametrize("code_page", ["cp437", "cp850", "cp1252", "utf-8"])
def test_names_in_the_code_page_of_an_old_zip_program(db, imported, code_page):
    placeholder = "xbung.html"
    raw = "Übung.html".encode(code_page)
    text = scorm_12(resources=manifests.SCO_12.replace("index.html", "Übung.html"))
    made = course(text, placeholder + "y" * (len(raw) - len(placeholder)))
    file = io.BytesIO(made.getvalue().replace((placeholder + "y" * (len(raw) - len(placeholder))).encode(), raw))

    package = imported(file)

    assert len(every_page(db, package)) == 1


def inside(identifier: str, items: str, resources: str = "", attributes: str = "") -> str:
    """A manifest to be put into another one."""
    return (
        f'<manifest identifier="{identifier}" {attributes}><organizations default="O-{identifier}">'
        f'<organization identifier="O-{identifier}"><title>Part {identifier}</title>{items}</organization>'
        f"</organizations><resources>{resources}</resources></manifest>"
    )


def test_a_manifest_inside_of_another_is_played_where_an_item_stands_for_it(db, imported):
    """IMS Content Packaging: an item may refer to a sub-manifest, whose paths begin at its own base."""
    resource = manifests.SCO_2004.replace('"R1"', '"R2"')
    inner = inside(
        "M2", item("J1", "Inner one", resource="R2") + item("J2", "Outer page"), resource, 'xml:base="part/"'
    )
    items = item("I1", "Before") + item("I2", "", resource="M2") + item("I3", "After")

    package = imported(course(scorm_2004(items, organization=FLOW, after=inner), "index.html", "part/index.html"))

    assert every_page(db, package) == [
        ("Before", "index.html"), ("Inner one", "part/index.html"), ("Outer page", "index.html"),
        ("After", "index.html"),
    ]  # fmt: skip
    assert [one.title for one in registrations.outline(db, package.registration)][1] == "Part M2"
    assert package.rules == ["manifest.submanifest"]


def test_a_manifest_that_only_holds_others_plays_the_first_one(db, imported):
    two = inside("M2", item("J1", "Two", resource="R2"), manifests.SCO_12.replace('"R1"', '"R2"'))
    three = inside("M3", item("K1", "Three", resource="R2"))

    package = imported(course(scorm_12(organizations="", resources="", after=two + three), "index.html"))

    assert every_page(db, package) == [("Two", "index.html")]


def test_manifests_that_stand_for_each_other_without_end_are_played_once(db, imported):
    circle = inside("M2", item("J1", "One") + item("J2", "", resource="M3")) + inside(
        "M3", item("K1", "", resource="M2")
    )
    chain = "".join(inside(f"C{n}", item(f"D{n}", "", resource=f"C{n + 1}")) for n in range(3000))
    items = item("I1", "", resource="M2") + item("I2", "", resource="M2") + item("I3", "", resource="C0")

    package = imported(course(scorm_12(items, after=circle + chain), "index.html"))

    assert every_page(db, package) == [("One", "index.html")]
    assert {"manifest.submanifest", "manifest.identifierref"} <= set(package.rules)


def test_content_on_the_web_is_opened_where_it_is(db, imported):
    resource = manifests.SCO_12.replace("index.html", "//x.example/lesson?a=1")

    package = imported(course(scorm_12(item("I1", "t", attributes='parameters="b=2"'), resource)))

    assert launched(db, package.registration).document["url"] == "https://x.example/lesson?a=1&b=2"
