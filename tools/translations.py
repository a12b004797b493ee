"""Collect, lengthen and compile the interface's texts; what each command does is in translations/README.md."""

import argparse
import re
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "translations"
LETTERS = "AaBbCcDdEeFfGgHhIiJjKkLlMmNnOoPpQqRrSsTtUuVvWwXxYyZz"
PSEUDO = {
    "en@pseudo": str.maketrans(LETTERS, "ÅåƁƀÇçÐđÉéƑƒĜĝĤĥÎîĴĵĶķĻļḾḿÑñÖöÞþɊɋŔŕŠšŢţÛûṼṽŴŵẊẋÝýŽž"),
    "ar@pseudo": str.maketrans(LETTERS, "ااببصصددههففغغححييججككللممننووععققررسسططؤؤظظششخخىىزز"),
}
"""Made-up languages, and what each does to letters: accents, and Arabic letters, which run from right to left."""
KEPT = re.compile(r"(%\(\w+\)[sd]|%%|%[sd]|\{\w*\}|<[^>]+>|&\w+;)")  # placeholders, markup


def main() -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="start a new language")
    add.add_argument("locale")
    commands.add_parser("update", help="take new and changed texts into every language")
    commands.add_parser("compile", help="compile what is newer than its compiled form")
    commands.add_parser("pseudo", help="make the made-up languages")
    arguments = parser.parse_args()
    if arguments.command == "add":
        save(Catalog(locale=arguments.locale), arguments.locale, template=extract())
    elif arguments.command == "update":
        template = extract()
        for path in FOLDER.glob("*/LC_MESSAGES/messages.po"):
            save(load(path), path.parent.parent.name, template)
    elif arguments.command == "pseudo":
        make_pseudo()
    else:
        compile_all()
    return 0


def extract() -> Catalog:
    """Every text of the templates and the code, in a catalog without translations."""
    catalog = Catalog(project="Stoa", charset="utf-8")
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]  # Babel has no types here
    for name, line, message, comments, context in extract_from_dir(ROOT, methods, options):
        catalog.add(message, None, [(name, line)], auto_comments=comments, context=context)
    return catalog


def make_pseudo(folder: Path = FOLDER) -> None:
    """Write and compile the made-up languages."""
    template = extract()
    for locale in PSEUDO:
        save(pseudo_catalog(template, locale), locale, folder=folder)
    compile_all(folder)


def pseudo_catalog(template: Catalog, locale: str) -> Catalog:
    """The template with every text in foreign letters, bracketed and lengthened."""
    catalog = Catalog(locale=locale.partition("@")[0], project="Stoa", charset="utf-8")
    for message in template:
        if isinstance(message.id, str):
            if message.id:
                catalog.add(message.id, pseudo(message.id, locale), context=message.context)
        else:
            one, many = (pseudo(text, locale) for text in message.id)
            forms = (one, *[many] * (catalog.num_plurals - 1))
            catalog.add(message.id, forms, context=message.context)
    return catalog


def pseudo(text: str, locale: str = "en@pseudo") -> str:
    """Text as long as `text` and 40 % more, in foreign letters; placeholders and markup stay as they are."""
    parts = KEPT.split(text)
    foreign = "".join(part if index % 2 else part.translate(PSEUDO[locale]) for index, part in enumerate(parts))
    return f"[{foreign}{' ~' * max(1, round(len(text) * 0.2))}]"


def load(path: Path) -> Catalog:
    """One language's texts."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name.partition("@")[0])


def save(catalog: Catalog, locale: str, template: Catalog | None = None, folder: Path = FOLDER) -> None:
    """Write one language's texts, with those of the template that it lacks."""
    if template is not None:
        catalog.update(template)
    path = folder / locale / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=120, ignore_obsolete=True)


def compile_all(folder: Path = FOLDER) -> None:
    """Write the compiled form of each language that is newer than it."""
    for path in folder.glob("*/LC_MESSAGES/messages.po"):
        target = path.with_suffix(".mo")
        if target.is_file() and target.stat().st_mtime >= path.stat().st_mtime:
            continue
        with target.open("wb") as file:
            write_mo(file, load(path))


if __name__ == "__main__":
    sys.exit(main())
