"""Every page of every role in made-up languages: no text stays English, none is clipped, none leaves the screen."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from flask_babel import get_babel
from lxml import html as parser
from playwright.sync_api import Browser, Route
from sqlalchemy import String, Text, text

from accounts import login
from accounts.permissions import PERMISSIONS, ROLES
from accounts.services import people, roles
from app import navigation
from app.schema import METADATA
from core import clock
from core.http import Visitor, access_of
from tests import world as story
from tests.site.looking import AXE, RULES
from tests.world import World

CAST = {"org_admin": "cem", "training_admin": "ben", "learner": "ana"}
ORDER = ("org_admin", *(role for role in ROLES if role not in ("org_admin", "integration")))
NEWEST = {
    "action_id": "people_actions", "audience_id": "audiences", "certificate_id": "certificates",
    "client_id": "api_clients", "completion_id": "training_completions", "course_id": "courses",
    "credential_id": "lrs_credentials", "enrollment_id": "course_enrollments", "entry_id": "audit_logs",
    "field_id": "custom_fields", "forwarder_id": "lrs_forwarders", "job_id": "jobs", "module_id": "modules",
    "position_id": "positions", "profile_id": "lrs_profiles", "provider_id": "identity_providers",
    "puller_id": "lrs_pullers", "registration_id": "registrations", "role_id": "roles",
    "rule_id": "lrs_retention_rules", "run_id": "lrs_privacy_runs", "statement_id": "xapi_statements",
    "unit_id": "org_units", "version_id": "course_versions", "accounts.import_id": "people_imports",
    "lrs.import_id": "lrs_imports", "scorm_player.import_id": "package_imports",
}  # fmt: skip
"""What an id in an address is of; by room where rooms differ."""

WORD = re.compile(r"[A-Za-z]{2,}")
FOREIGN = re.compile(r"\[[^\[\]]*~\]")
FACT = re.compile(
    r"https?://\S*|[\w.+-]+@[\w.-]+|[0-9a-f-]{8,}|\b[A-Z]{2}\b"
    r"|\b(?:SCORM|xAPI|SHA-256|UTC|English|Stoa|Python|JavaScript|curl|kB|bytes|Northwind Care)\b"
    r"|\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"
)
"""What is no English: addresses, names of standards, days as Babel writes them, initials."""

VERB = re.compile(r"\b(?:completed|passed|experienced|initialized)\b")
"""What statements say, on the pages that show statements."""

WRITTEN = {"title", "name", "label", "code", "slug", "original_name", "file_name", "source_system", "text", "custom"}
"""Columns whose words are people's own even where they look like words of a closed list."""

HELD = {"code", "pre", "kbd", "time", "script", "style", "textarea"}
SPOKEN = ("aria-label", "title", "placeholder", "alt")


@dataclass(frozen=True)
class Looked:
    """A page as somebody saw it."""

    who: str
    path: str
    html: str


@pytest.fixture
def world(app, sign_in, run_jobs, database, cast, languages, monkeypatch):
    """Northwind with one of everything, and the made-up languages."""
    with app.app_context():
        monkeypatch.setattr(get_babel(), "translation_directories", [str(languages)])
    made = World(app, sign_in, run_jobs, database, cast)
    story.everything(made)
    return made


def addresses(world: World) -> dict[str, str]:
    """Every address that may answer a page, and its view: by the rules with ids, and wherever the story led."""
    ids = {name: world.id(table) for name, table in NEWEST.items()}
    ids |= {"user_id": world.cast.ana, "package_id": world.id("content_packages", "title = 'Ladders'")}
    ids |= {"kind": "status", "slug": "northwind", "code": "NWC-1"}
    found = {}
    for rule in world.app.url_map.iter_rules():
        access = access_of(world.app, rule.endpoint)
        if access is None or access.host != "app" or "GET" not in rule.methods or rule.rule.startswith("/api/v1/"):
            continue
        room = rule.endpoint.partition(".")[0]
        filled = {name: ids.get(f"{room}.{name}", ids.get(name, 1)) for name in rule.arguments}
        found[rule.build(filled)[1]] = rule.endpoint
    urls = world.app.url_map.bind("localhost")
    return {place: urls.match(urlsplit(place).path, method="GET")[0] for place in world.places} | found


class Walk:
    """Goes through the pages as one role after the other.

    A page is left out when an earlier role got the same answers to all that the page asked of it; the rail, which
    asks most, is on one page of each role only.
    """

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.addresses, self.patch = world, addresses(world), monkeypatch
        self.asked: dict[tuple[str, str], Any] = {}
        self.known: dict[str, list[dict[tuple[str, str], Any]]] = defaultdict(list)
        for name in ("may", "may_somewhere", "where"):
            monkeypatch.setattr(Visitor, name, self._listening(name, getattr(Visitor, name)))

    def _listening(self, name: str, ask: Callable[[Visitor, str], Any]) -> Callable[[Visitor, str], Any]:
        def listen(visitor: Visitor, permission: str) -> Any:
            self.asked[name, permission] = ask(visitor, permission)
            return self.asked[name, permission]

        return listen

    def all_pages(self, language: str, clients: dict[str, FlaskClient]) -> list[Looked]:
        """What all of them see, and somebody who is not signed in, in this language."""
        self.known.clear()
        parts = self.world.app.extensions["stoa"]
        self.world.app.extensions["stoa"] = replace(parts, config=replace(parts.config, pseudo_locale=language))
        signed_in = {role: (client, visitor_of(self.world, client)) for role, client in clients.items()}
        nobody = {"nobody": (self.world.app.test_client(), None)}
        return [page for who, how in (signed_in | nobody).items() for page in self.pages(who, *how)]

    def pages(self, who: str, client: FlaskClient, visitor: Visitor | None) -> Iterator[Looked]:
        """What this role sees that no one has seen before."""
        rail = navigation.RAIL
        for path, endpoint in self.addresses.items():
            access = access_of(self.world.app, endpoint)
            if visitor is not None and any(
                all(getattr(visitor, name)(permission) == answer for (name, permission), answer in seen.items())
                for seen in self.known[path]
            ):
                continue
            if (visitor is None) != (access.permission is None):
                continue
            self.asked.clear()
            with client.get(path) as answer:
                is_page = answer.status_code in (200, 404, 409, 410) and answer.mimetype == "text/html"
                if is_page:
                    self.patch.setattr(navigation, "RAIL", ())
                    yield Looked(who, path, answer.text)
            self.known[path].append(dict(self.asked))
        self.patch.setattr(navigation, "RAIL", rail)


def someone(world: World, role: str) -> FlaskClient:
    """A browser of somebody new with this role; those whose role reaches some places have it for a unit."""
    unit = world.id("org_units")
    now = clock.now()
    with world.database.write(world.cast.northwind) as session:
        user_id = people.add(
            session, email=f"{role}@northwind.example", first_name="Wanda", last_name="Walker", roles=[], now=now
        )
        if role == "platform_admin":
            session.add(people.RoleAssignment(user_id=user_id, role=people.RoleCode(role), created_at=now))
        else:
            how = {"place": f"unit:{unit}"} if role in ("manager", "instructor") else {}
            roles.assign(session, user_id, role, now, by=world.cast.cem, may=PERMISSIONS, **how)
        token = login.open_session(session, user_id, now, ip_address="", user_agent="")
    client = world.app.test_client()
    client.set_cookie("stoa_session", token)
    return client


def visitor_of(world: World, client: FlaskClient) -> Visitor:
    token = client.get_cookie("stoa_session").value
    return world.app.extensions["stoa"].visitor_of(world.database, token)


@pytest.mark.browser
def test_no_page_of_any_role_stays_english_or_breaks_in_other_languages(world, browser, monkeypatch):
    walk = Walk(world, monkeypatch)
    clients = {role: world.sign_in(CAST[role]) if role in CAST else someone(world, role) for role in ORDER}
    data, wrong = known_words(world), defaultdict(list)
    spoken = {language: walk.all_pages(language, clients) for language in ("en@pseudo", "ar@pseudo")}

    for page in spoken["en@pseudo"]:
        for words in english(page, data):
            wrong[f"in English: {words}"].append(f"{page.path} ({page.who})")
    for (place, language), (narrow, width) in product(enumerate(spoken), enumerate((390, 1280))):
        # each page is in two of the four, the pages beside it in the others
        pages = spoken[language][(place + narrow) % 2 :: 2]
        for page, complaint in laid_out(browser, world.app.test_client(), pages, width, turn=narrow):
            wrong[f"{language}, {width} px: {complaint}"].append(f"{page.path} ({page.who})")

    assert min(map(len, spoken.values())) > 150
    assert dict(wrong) == {}


def laid_out(
    browser: Browser, files: FlaskClient, pages: list[Looked], width: int, turn: int
) -> Iterator[tuple[Looked, str]]:
    """What is wrong with pages of one language in a window of this width, each put into a page that has its styles.

    Every other page is shown to axe, too; with the other turn, the others.
    """
    context = browser.new_context(viewport={"width": width, "height": 844}, reduced_motion="reduce", bypass_csp=True)
    page = context.new_page()

    @cache
    def fetched(path: str) -> tuple[int, bytes, str]:
        with files.get(path) as found:
            return found.status_code, found.get_data(), found.mimetype

    def answer(route: Route) -> None:
        status, body, kind = fetched(urlsplit(route.request.url).path)
        route.fulfill(status=status, body=body, content_type=kind)

    page.route("http://localhost/static/**", answer)
    page.route("http://localhost/theme/**", answer)
    first = "<!doctype html>" + pages[0].html.partition("<!doctype html>")[2]
    page.route("http://localhost/", lambda route: route.fulfill(body=first, content_type="text/html"))
    page.goto("http://localhost/")
    page.evaluate(AXE.read_text())
    whole = [one for one in pages if "<html" in one.html[:500]]
    for start in range(0, len(whole), 20):
        part = whole[start : start + 20]
        asked = [[one.html, (start + place) % 2 == turn] for place, one in enumerate(part)]
        found = page.evaluate(LOOK, [asked, RULES])
        for one, complaints in zip(part, found, strict=True):
            for complaint in complaints:
                yield one, complaint
    context.close()


LOOK = """async ([pages, rules]) => {
  const all = [];
  for (const [text, asksAxe] of pages) {
    const wrong = new Set(), next = new DOMParser().parseFromString(text, "text/html"), root = document.documentElement;
    root.lang = next.documentElement.lang; root.dir = next.documentElement.dir; document.title = next.title;
    for (const link of next.querySelectorAll("link[rel=stylesheet]")) {
      if (document.querySelector(`link[href="${link.getAttribute("href")}"]`)) continue;
      const sheet = link.cloneNode();
      await new Promise(done => { sheet.onload = sheet.onerror = done; document.head.append(sheet); });
    }
    next.querySelectorAll("script").forEach(one => one.remove());
    document.body.replaceWith(document.adoptNode(next.body));
    if (root.scrollWidth > root.clientWidth) wrong.add("scrolls sideways");
    const named = one => one.tagName.toLowerCase() + [...one.classList].map(name => "." + name).join("");
    for (const one of document.body.querySelectorAll("*")) {
      if (![...one.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
      if (!one.checkVisibility() || one.closest(".visually-hidden, .skip, pre, textarea, option, dialog")) continue;
      if (one.closest("thead") && getComputedStyle(one.closest("thead")).position === "absolute") continue;
      const style = getComputedStyle(one), box = one.getBoundingClientRect();
      const told = `${named(one)}: ${one.textContent.slice(0, 60)}`;
      if (style.display !== "inline" && one.scrollWidth > one.clientWidth + 1)
        wrong.add(`${style.overflowX === "visible" ? "text leaves" : "text is cut off in"} ${told}`);
      let above = one;
      while (above && getComputedStyle(above).overflowX === "visible") above = above.parentElement;
      if (!above && (box.right > innerWidth + 1 || box.left < -1)) wrong.add(`off the screen: ${told}`);
    }
    if (asksAxe) {
      const found = await axe.run(document, {runOnly: rules, resultTypes: ["violations"], preload: false});
      for (const rule of found.violations) wrong.add(`${rule.id}: ${rule.nodes[0].html.slice(0, 150)}`);
    }
    all.push([...wrong]);
  }
  return all;
}"""
"""Put one page after the other into the window; answer for each what of its texts is cut off or off the screen."""


def known_words(world: World) -> re.Pattern[str]:
    """What stands in the database as somebody wrote it: names, titles, addresses, but no word of a closed list."""
    found = set()
    with world.database.read(world.cast.northwind) as session:
        for table in METADATA.sorted_tables:
            columns = [column.name for column in table.columns if type(column.type) in (String, Text)]
            for column in columns:
                values = session.scalars(text(f"SELECT DISTINCT {column} FROM {table.name} WHERE {column} <> ''"))
                found.update(one for one in values if column in WRITTEN or not re.fullmatch(r"[a-z_.]+", one))
    found = {one for one in found if WORD.search(one) and len(one) < 400}
    longest_first = sorted(found, key=len, reverse=True)
    return re.compile("|".join(rf"(?<![A-Za-z]){re.escape(one)}(?![A-Za-z])" for one in longest_first))


def english(page: Looked, data: re.Pattern[str]) -> set[str]:
    """What of a page's texts, seen or read aloud, is in English letters and no data."""
    found = set()

    def look(texts: list[str | None]) -> None:
        for one in filter(None, texts):
            one = VERB.sub("", one) if page.path.startswith(("/lrs/", "/evidence/")) else one
            left = FACT.sub("", data.sub("", FOREIGN.sub("", FOREIGN.sub("", one))))
            if WORD.search(left):
                found.add(" ".join(left.split())[:150])

    def walk(element) -> None:
        if not isinstance(element.tag, str) or element.get("translate") == "no":
            return
        if element.tag != "html" and element.get("lang"):
            return
        is_held = element.tag in HELD or (element.tag == "select" and element.get("name") == "timezone")
        if element.tag != "time":
            look([element.get(name) for name in SPOKEN])
        if element.tag == "input" and element.get("type") in ("submit", "button"):
            look([element.get("value")])
        if is_held:
            return
        look([element.text, *(child.tail for child in element)])
        for child in element:
            walk(child)

    walk(parser.fromstring(page.html))
    return found
