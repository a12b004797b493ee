"""An organization's own colors and logo: what can be read is kept and shown, what cannot is refused with a way out."""

import io
import re

import pytest

from accounts.services import theme
from core.errors import Invalid

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        pytest.param("#000000", "#ffffff", 21.0, id="black on white"),
        pytest.param("#ffffff", "#ffffff", 1.0, id="white on white"),
        pytest.param("#777777", "#ffffff", 4.48, id="the gray that just fails"),
        pytest.param("#767676", "#ffffff", 4.54, id="the gray that just passes"),
        pytest.param("#ff0000", "#ffffff", 4.0, id="red on white"),
    ],
)
def test_contrast_is_that_of_wcag(one, other, ratio):
    assert theme.contrast(one, other) == theme.contrast(other, one) == pytest.approx(ratio, abs=0.005)


@pytest.mark.parametrize("color", ["#ff6600", "#ffff00", "#00ffff", "#ffffff", "#8fbf3f", "#e91e63", "#12ab34"])
def test_a_color_that_cannot_be_read_is_refused_with_one_that_can(color):
    with pytest.raises(Invalid) as refused:
        theme.check(color, theme.ACCENT)

    problem = refused.value.problems[0]
    assert problem.where == "brand"
    assert re.search(r"on .* has a contrast of \d\.\d\d:1", problem.what)
    shade = problem.remedy.split()[-1].rstrip(".")
    theme.check(shade, theme.ACCENT)


@pytest.mark.parametrize("color", ["#000000", "#7a0019", "#0e5a6e", "#3b0a6b", "#004d00", "#1c2530"])
def test_every_pair_of_a_color_that_is_taken_can_be_read_on_light_and_on_dark_pages(color):
    theme.check(color, color)

    assert theme.pairs(color, color)[0].contrast >= 4.5


@pytest.mark.parametrize("text", ["", "red", "#12345", "#12345g", "#0e5a6e;} body{", "#０e5a6e"])
def test_what_is_no_color_reaches_no_style_sheet(text):
    with pytest.raises(Invalid):
        theme.check(text, theme.ACCENT)


def test_colors_are_on_every_page_of_their_organization_and_on_no_other(sign_in, browser, cast):
    cem, zoe = sign_in("cem"), sign_in("zoe")
    assert "/theme/" not in cem.get("/home").text

    refused = cem.post("/settings/theme", data={"brand": "#ff6600", "accent": "#a8481f"})
    taken = cem.post("/settings/theme", data={"brand": "#7A0019", "accent": "#a8481f"})

    assert refused.status_code == 422
    assert "The nearest shade that can be read is #" in refused.text
    assert taken.status_code == 302
    address = re.search(r'href="(/theme/[^"]+\.css)"', cem.get("/home").text)[1]
    sheet = cem.get(address)
    assert "--brand: light-dark(#7a0019, #" in sheet.text
    assert "immutable" in sheet.headers["Cache-Control"]
    assert "immutable" not in cem.get(address.replace(".css", "0.css")).headers["Cache-Control"]
    assert "/theme/" not in zoe.get("/home").text
    assert cem.get(f"/theme/{cast.acme}.x.css").status_code == 404
    device = browser()
    device.sign_in("cem@northwind.example")
    device.post("/sign-out", form="/home")
    assert address in device.get("/sign-in").text, "it remembers whose it is"


def test_a_logo_is_a_picture_that_runs_nothing(sign_in, cast):
    cem = sign_in("cem")

    def upload(data):
        return cem.post("/settings/theme/logo", data={"logo": (io.BytesIO(data), "logo.png")}).status_code

    assert upload(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>") == 422
    assert upload(PNG + b"\x00" * theme.LARGEST_LOGO) == 422
    assert upload(b"") == 422
    assert upload(PNG) == 302
    address = re.search(r'src="(/theme/[^"]+/logo/[0-9a-f]{64})"', cem.get("/home").text)[1]
    shown = cem.get(address)
    assert shown.data == PNG
    assert shown.mimetype == "image/png"
    assert cem.get(address.replace(str(cast.northwind), str(cast.acme))).status_code == 404
    cem.post("/settings/theme/logo/remove")
    assert cem.get(address).status_code == 404


def test_the_organization_is_renamed_unless_another_has_the_name(sign_in):
    cem = sign_in("cem")
    facts = {"name": "Northwind Homes", "locale": "en", "timezone": "Europe/Vienna"}

    assert cem.post("/settings", data=facts | {"name": "Acme Training"}).status_code == 422
    assert cem.post("/settings", data=facts | {"timezone": "Mars/Olympus"}).status_code == 422
    assert cem.post("/settings", data=facts | {"locale": "tlh"}).status_code == 422
    assert cem.post("/settings", data=facts).status_code == 302
    assert "Northwind Homes" in cem.get("/home").text
