"""The files of packages on the content origin: who may read them, how they leave, what they may not do."""

import gzip
import zipfile

import pytest

from app import metrics
from core import clock
from scorm_player.routes import hot
from scorm_player.services import content, packages
from scorm_player.tables import PackageSource
from tests.app.test_front import running
from tests.scorm_player import manifests, zips

CONTENT = "http://127.0.0.1"
FILM = bytes(range(256)) * 4000
SCRIPT = "console.log('lesson');\n" * 400


@pytest.fixture
def path(app, database, cast, run_jobs, monkeypatch):
    """The reading path of an imported course with pages, a script, a film and a picture."""
    files = {
        "imsmanifest.xml": manifests.scorm_12(),
        "index.html": "<title>Lesson</title>" * 100,
        "scripts/Lesson One.js": SCRIPT,
        "film.mp4": FILM,
        "empty.css": "",
        "raw.png": b"\x89PNG" + bytes(50),
    }
    monkeypatch.setattr(content, "SECONDS_UNTIL_ASKED_AGAIN", 0.0)
    file = zips.zipped(files)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("sound.mp3", FILM)
    file.seek(0)
    stored = app.extensions["stoa"].files.put(file)
    with database.write(cast.northwind) as session:
        packages.receive(
            session,
            stored,
            file_name="c.zip",
            source=PackageSource.UPLOAD,
            home="http://localhost",
            created_by=cast.ben,
            now=clock.now(),
        )
    run_jobs()
    with database.write(cast.northwind) as session:
        (version,) = packages.ready_versions(session)
        return packages.content_path(session, version.id, clock.now())


@pytest.fixture
def get(client, path):
    def ask(name, method="GET", **headers):
        return client.open(
            path + name,
            method=method,
            base_url=CONTENT,
            headers={key.replace("_", "-"): value for key, value in headers.items()},
        )

    return ask


def test_a_file_leaves_as_it_lies_in_the_zip(get):
    answer = get("scripts/Lesson%20One.js", Accept_Encoding="gzip, br")

    assert answer.status_code == 200
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.content_length == len(answer.data)
    assert gzip.decompress(answer.data).decode() == SCRIPT


def test_whoever_does_not_know_gzip_gets_the_file_itself(get):
    for accepted in ({}, {"Accept_Encoding": "identity"}, {"Accept_Encoding": "gzip;q=0"}):
        answer = get("scripts/Lesson One.js", **accepted)

        assert "Content-Encoding" not in answer.headers
        assert answer.text == SCRIPT
        assert answer.headers["Vary"] == "Accept-Encoding"


def test_headers_keep_content_in_its_place(get):
    answer = get("index.html")

    assert answer.headers["Content-Type"] == "text/html"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'self' http://localhost"
    assert answer.headers["Cache-Control"] == "private, max-age=2592000, immutable"
    assert "Set-Cookie" not in answer.headers


def test_capitals_and_separators_of_links_are_forgiven(get):
    assert get("Scripts/lesson one.JS").text == SCRIPT
    assert get("scripts%5CLesson One.js").text == SCRIPT


@pytest.mark.parametrize(
    "name",
    [
        "gone.html",
        "",
        "../index.html",
        "..%2f..%2findex.html",
        "scripts",
        "scripts/",
        "%00",
        "index.html/x",
        "a" * 3000,
    ],
)
def test_what_is_not_in_the_package_is_not_there(get, name):
    assert get(name).status_code == 404


def test_a_path_nobody_gave_out_leads_nowhere(client, path):
    assert client.get("/p/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/index.html", base_url=CONTENT).status_code == 404
    assert client.get(path.lower() + "index.html", base_url=CONTENT).status_code == 404


def test_the_applications_origin_serves_no_package_file(client, path):
    assert client.get(path + "index.html", base_url="http://localhost").status_code == 404


def test_a_signed_in_cookie_changes_nothing_here(get, sign_in):
    cookie = sign_in("ben").get_cookie("stoa_session")

    answer = get("index.html", Cookie=f"stoa_session={cookie.value}")

    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_a_service_worker_script_is_refused(get):
    assert get("scripts/Lesson One.js", Service_Worker="script").status_code == 403


@pytest.mark.parametrize(
    ("asked", "status", "span"),
    [
        ("bytes=0-", 206, (0, len(FILM))),
        ("bytes=0-0", 206, (0, 1)),
        ("bytes=500000-600000", 206, (500_000, 600_001)),
        ("bytes=-100", 206, (len(FILM) - 100, len(FILM))),
        ("bytes=-99999999", 206, (0, len(FILM))),
        ("bytes=1000000-9999999", 206, (1_000_000, len(FILM))),
        ("bytes=1024000-", 416, None),
        ("bytes=0-1,5-6", 200, (0, len(FILM))),
        ("pages=1-2", 200, (0, len(FILM))),
        ("bytes=nonsense", 200, (0, len(FILM))),
    ],
)
@pytest.mark.parametrize("name", ["film.mp4", "sound.mp3"])
def test_film_and_sound_can_be_sought_in(get, name, asked, status, span):
    answer = get(name, Range=asked, Accept_Encoding="gzip")

    assert answer.status_code == status
    assert "Content-Encoding" not in answer.headers
    if status == 416:
        assert answer.headers["Content-Range"] == f"bytes */{len(FILM)}"
        return
    start, stop = span
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.content_length == stop - start
    assert answer.data == FILM[start:stop]
    if status == 206:
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(FILM)}"


def test_a_range_of_another_version_of_the_file_is_not_mixed_with_this_one(get):
    etag = get("film.mp4").headers["ETag"]

    assert get("film.mp4", Range="bytes=0-9", If_Range=etag).status_code == 206
    assert get("film.mp4", Range="bytes=0-9", If_Range='"other"').status_code == 200


def test_what_the_browser_has_is_not_sent_again(get):
    for headers in ({}, {"Accept_Encoding": "gzip"}):
        first = get("index.html", **headers)
        again = get("index.html", If_None_Match=first.headers["ETag"], **headers)

        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    assert get("index.html", If_None_Match='"other"').status_code == 200
    assert get("index.html").headers["ETag"] != get("index.html", Accept_Encoding="gzip").headers["ETag"]


@pytest.mark.parametrize("headers", [{}, {"Accept_Encoding": "gzip"}, {"Range": "bytes=5-9"}])
def test_head_says_what_get_would(get, headers):
    asked, told = get("index.html", **headers), get("index.html", method="HEAD", **headers)

    assert told.data == b""
    assert told.status_code == asked.status_code
    varying = {"X-Request-Id", "Date"}
    assert {k: v for k, v in told.headers if k not in varying} == {k: v for k, v in asked.headers if k not in varying}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_content_is_read_only(get, method):
    assert get("index.html", method=method).status_code == 405


def test_an_empty_file_is_a_file(get):
    assert get("empty.css").data == b""
    assert get("empty.css", Range="bytes=0-").status_code == 416


def test_a_revoked_path_reads_no_more(get, database, cast):
    assert get("index.html").status_code == 200

    with database.write(cast.northwind) as session:
        packages.revoke_reading(session, packages.ready_versions(session)[0].id, clock.now())

    assert get("index.html").status_code == 404


def test_the_database_is_not_asked_for_every_file(get, monkeypatch):
    get("index.html")
    monkeypatch.setattr(content, "SECONDS_UNTIL_ASKED_AGAIN", 60.0)
    get("index.html")
    asked = []
    monkeypatch.setattr(content, "ask", lambda *_: asked.append(1))
    monkeypatch.setattr(content, "load", lambda *_: asked.append(1))

    assert get("raw.png").status_code == 200
    assert asked == []


class TestTheShortWay:
    """What the front answers itself is what the view would have said."""

    GZIP = {"Accept-Encoding": "gzip, deflate, br"}

    @pytest.fixture
    def ways(self, app, client, path, monkeypatch):
        """Ask for a file both ways; the second answer is None where the front leaves it to the view."""
        monkeypatch.setattr(content, "SECONDS_UNTIL_ASKED_AGAIN", 60.0)
        client.get(path + "index.html", base_url=CONTENT)

        def ask(name, **headers):
            view = client.get(path + name, base_url=CONTENT, headers=headers)
            raw = {b"host": b"127.0.0.1"} | {key.lower().encode(): text.encode() for key, text in headers.items()}
            return view, hot.answer(app.extensions["stoa"], (path + name).encode(), raw)

        return ask

    @pytest.mark.parametrize("name", ["index.html", "scripts/Lesson%20One.js", "empty.css", "raw.png"])
    def test_small_files_leave_the_same(self, ways, name):
        view, (status, headers, body) = ways(name, **self.GZIP)

        assert (status, body) == (view.status_code, view.data)
        told = {key.decode(): text.decode() for key, text in headers}
        expected = {key.lower(): text for key, text in view.headers.items() if key != "Content-Length"}
        assert told | {"x-request-id": ""} == expected | {"x-request-id": ""}

    def test_what_is_known_is_not_sent_again(self, ways):
        first, _ = ways("index.html", **self.GZIP)

        view, (status, headers, body) = ways("index.html", **self.GZIP, **{"If-None-Match": first.headers["ETag"]})

        assert (view.status_code, status, body) == (304, 304, b"")
        assert dict(headers)[b"etag"].decode() == view.headers["ETag"]

    @pytest.mark.parametrize(
        ("name", "headers"),
        [
            pytest.param("film.mp4", GZIP, id="a film"),
            pytest.param("index.html", {}, id="no gzip"),
            pytest.param("index.html", {"Accept-Encoding": "gzip;q=0"}, id="gzip refused"),
            pytest.param("raw.png", {"Range": "bytes=0-3"}, id="a range"),
            pytest.param("index.html", GZIP | {"If-None-Match": '"other"'}, id="another tag"),
            pytest.param("index.html", GZIP | {"Service-Worker": "script"}, id="a service worker"),
            pytest.param("gone.html", GZIP, id="nothing there"),
            pytest.param("..%2f..%2findex.html", GZIP, id="a way out"),
        ],
    )
    def test_all_else_goes_the_long_way(self, ways, name, headers):
        assert ways(name, **headers)[1] is None

    def test_the_applications_host_has_no_short_way(self, app, ways, path):
        ways("index.html")
        asked = {b"host": b"localhost", b"accept-encoding": b"gzip"}
        assert hot.answer(app.extensions["stoa"], f"{path}index.html".encode(), asked) is None

    def test_a_path_taken_back_is_forgotten_here_too(self, app, ways, path, monkeypatch):
        monkeypatch.setattr(content, "SECONDS_UNTIL_ASKED_AGAIN", -1.0)
        assert ways("index.html", **self.GZIP)[1] is None

    def test_the_front_gives_it(self, app, ways, path):
        ways("index.html")
        before = metrics.REQUESTS.labels("scorm_player.hot", "GET", 200)._value.get()
        with running(app) as site:
            answer = site("GET", f"{path}index.html?lesson=1", Host="127.0.0.1", Accept_Encoding="gzip")

        assert gzip.decompress(answer.content) == b"<title>Lesson</title>" * 100
        assert metrics.REQUESTS.labels("scorm_player.hot", "GET", 200)._value.get() == before + 1


def test_the_icon_that_browsers_ask_for_in_a_window_of_its_own_is_answered_and_nothing_else_is_allowed(get, client):
    """Firefox does, and wrote a violation of the adapter page's policy to the console."""
    policy = get("__stoa__/adapter").headers["Content-Security-Policy"].split("; ")

    assert f"img-src {CONTENT}/favicon.ico" in policy
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"} <= set(policy)
    assert client.get("/favicon.ico", base_url=CONTENT).status_code == 204
    assert client.get("/favicon.ico", base_url="http://localhost").status_code == 404
