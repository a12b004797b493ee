"""Looking at a page as its readers do: for axe violations, policy reports, console errors, sideways scrolling."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

LOOKS = ((390, "dark"), (1280, "light"))
"""In the hand at night, then at a desk by day: what a page is looked at in, one after the other."""

_RUN = """async rules => {
  for (const change of document.getAnimations())
    if (change.effect.getComputedTiming().endTime !== Infinity) change.finish();
  const found = await axe.run(document, {runOnly: rules, resultTypes: ["violations"], elementRef: false});
  return found.violations.map(rule => `${rule.id} (${rule.nodes.length}): ${rule.nodes[0].html.slice(0, 200)}`);
}"""  # only what is wrong travels: what a page does right is a megabyte


@contextmanager
def page_of(browser: Browser, width: int, scheme: str = "light", **options: Any) -> Iterator[Page]:
    """A fresh page of this width and color scheme."""
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, **options)
    try:
        yield context.new_page()
    finally:
        context.close()


def complaints(page: Page) -> list[str]:
    """A list that grows by each console error, uncaught exception, failed request and policy report of the page."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("requestfailed", lambda request: heard.append(f"failed: {request.url}"))
    page.on("response", lambda answer: heard.append(f"{answer.status}: {answer.url}") if answer.status >= 500 else None)
    page.add_init_script(
        "document.addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.violatedDirective))"
    )
    return heard


def violations(page: Page) -> list[str]:
    """What axe finds on the page, one line per rule, with the first element."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())  # not a script tag: the policy would refuse it, rightly
    found: list[str] = page.evaluate(_RUN, RULES)
    return found


def faults(page: Page) -> list[str]:
    """What axe finds on the page in all looks, and whether it is wider than its window in one of them."""
    found = []
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme)
        wrong = violations(page) + (["scrolls sideways"] if scrolls_sideways(page) else [])
        found += [f"{width} px, {scheme}: {one}" for one in wrong]
    return found


def scrolls_sideways(page: Page) -> bool:
    """Whether the page is wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
