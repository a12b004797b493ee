"""XML from strangers: decoded by us, without document type or entities, and read by family instead of exact namespace.

Vendors declare one encoding and write another, use namespaces of three editions in one file and capitalize freely.
What can be understood is understood and reported; what is hostile or not XML at all is refused.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from scorm_player.findings import Findings, Refused

Element = etree._Element

XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace"
FAMILIES = (
    ("imscp", "cp"),
    ("imsss", "imsss"),
    ("adlcp", "adlcp"),
    ("adlseq", "adlseq"),
    ("adlnav", "adlnav"),
    ("imsmd", "lom"),
    ("ltsc.ieee.org/xsd/lom", "lom"),
)
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
ENCODINGS = re.compile(
    r"utf-?8|us-ascii|iso-?8859-?\d+|latin-?1|windows-?\d+|cp\d+|shift_?jis|euc-?(jp|kr)|gb2312|gbk|gb18030|big5|koi8-?[ru]",
    re.IGNORECASE,
)
# One byte is one letter in these, so that nearly anything could be in them, and what says so often is in another.
SINGLE_BYTE = re.compile(r"us-ascii|iso-?8859-?\d+|latin-?1|windows-?\d+|cp\d+|koi8-?[ru]", re.IGNORECASE)
LATIN_1 = re.compile(r"iso-?8859-?1|latin-?1", re.IGNORECASE)
ONLY_IN_WINDOWS = re.compile(rb"[\x80-\x9f]")  # letters and quotation marks there, nothing in ISO-8859-1
DECLARATION = re.compile(r"\A\s*<\?xml\b[^>]*\?>")
PROLOG_PART = re.compile(r"\s+|<!--.*?-->|<\?.*?\?>", re.DOTALL)
FIRST_TAG = re.compile(r"<[^\s/>]+")
UNDECLARED_PREFIX = re.compile(r"Namespace prefix ([\w.-]+) (?:for \S+ )?on ")
UNDECLARED_NAMESPACE = "urn:undeclared:{prefix}"  # the prefix says of which family it is, see FAMILIES
LOM_NAMESPACE = "http://ltsc.ieee.org/xsd/LOM"


@dataclass
class Source:
    """The file that is being read, and the list its findings go to. `cp` is the root's namespace, whatever it is.

    `folder`: where in the package it lies, "" for the top, else with a slash at its end.
    """

    file: str
    findings: Findings
    cp: str | None = None
    folder: str = ""
    elements_read: int = 0
    families: dict[str, str] = field(default_factory=dict)

    def warn(self, rule: str, at: Element, message: str, remedy: str) -> None:
        """Report something a learner may feel."""
        self.findings.warn(rule, message, remedy, file=self.file, line=line_of(at))

    def note(self, rule: str, at: Element, message: str, remedy: str) -> None:
        """Report something that is good to know."""
        self.findings.note(rule, message, remedy, file=self.file, line=line_of(at))

    def refuse(self, rule: str, at: Element, message: str, remedy: str) -> Refused:
        """The refusal of the whole package because of this element."""
        return Refused(rule, message, remedy, file=self.file, line=line_of(at))

    def name(self, element: Element) -> str:
        """Return `family:local-name`; the family is empty for vendors' own elements."""
        qualified = etree.QName(element)
        return f"{self.family(qualified.namespace)}:{qualified.localname}"

    def family(self, namespace: str | None) -> str:
        """Return to which standard a namespace belongs, of whatever edition."""
        if namespace == self.cp:
            return "cp"
        key = namespace or ""
        if key not in self.families:
            lower = key.lower()
            self.families[key] = next((family for part, family in FAMILIES if part in lower), "")
        return self.families[key]

    def children(self, element: Element, *names: str) -> Iterator[Element]:
        """Yield the child elements with one of these `family:local-name`s; capitals do not count."""
        wanted = {name.lower() for name in names}
        for child in element:
            if isinstance(child.tag, str) and self.name(child).lower() in wanted:
                yield child

    def child(self, element: Element, *names: str) -> Element | None:
        """Return the first of `children`."""
        return next(self.children(element, *names), None)

    def manifests(self, root: Element) -> Iterator[Element]:
        """Yield a manifest and those inside of it, in document order (IMS Content Packaging, sub-manifests)."""
        yield root
        yield from root.iterdescendants(str(root.tag))

    def text(self, element: Element, *names: str) -> str | None:
        """Return the trimmed text of the first such child; None when there is none or it is empty."""
        child = self.child(element, *names)
        return (text_of(child).strip() or None) if child is not None else None

    def attributes(self, element: Element) -> dict[str, str]:
        """Return the attributes by lower-case name, `family:name` where they are of another family than the element."""
        found: dict[str, str] = {}
        own = self.family(etree.QName(element).namespace)
        for key, value in element.attrib.items():
            name = etree.QName(str(key))
            if name.namespace is None:
                found[name.localname.lower()] = str(value)
                continue
            family = "xml" if name.namespace == XML_NAMESPACE else self.family(name.namespace)
            found.setdefault(f"{family}:{name.localname}".lower(), str(value))
            if family == own:
                found.setdefault(name.localname.lower(), str(value))
        return found


def line_of(element: Element) -> int:
    """The line on which the element begins."""
    line = element.sourceline
    return line if isinstance(line, int) else 0


def text_of(element: Element) -> str:
    """All text inside the element, markup left out."""
    return "".join(str(part) for part in element.itertext())


def parse_xml(data: bytes, file: str, findings: Findings) -> tuple[Source, Element]:
    """Read a document; raise Refused when it has a document type, or is not well-formed.

    It is decoded here, looked through for a document type, and handed on in UTF-8 without its declaration, so that
    what was looked through and what is parsed are the same.
    """
    text = blank_declaration(decode(data, file, findings), file, findings)
    require_no_document_type(text, file)
    text, undeclared = with_prefixes_declared(text)
    for prefix, line in undeclared.items():
        findings.warn(
            "xml.undeclared_prefix",
            f"The prefix “{prefix}” is used without a declaration; it is read as if it had its usual one.",
            f'Declare it in the first element, like xmlns:{prefix}="…"; other systems may refuse the file.',
            file=file,
            line=line,
        )
    try:
        root = etree.fromstring(text.encode(), strict_parser())
    except etree.XMLSyntaxError as error:
        if error.code == etree.ErrorTypes.ERR_RESOURCE_LIMIT:  # type: ignore[attr-defined]  # of SyntaxError itself
            raise too_deep(file, int(error.lineno or 0)) from None
        raise not_well_formed(file, str(error.msg or "it is empty"), int(error.lineno or 0)) from None
    if root is None:
        raise not_well_formed(file, "it is empty", 0)
    if root.getroottree().docinfo.internalDTD is not None:
        raise document_type(file)
    source = Source(file, findings, cp=etree.QName(root).namespace)
    return source, root


def strict_parser() -> etree.XMLParser:
    """A parser that fetches nothing and resolves nothing."""
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def with_prefixes_declared(text: str) -> tuple[str, dict[str, int]]:
    """Return the document with the prefixes declared that its author forgot, and these with the lines of first use.

    Such a document is well-formed XML, only its namespaces are not; readers that know none play it. What is not
    well-formed in other ways is returned as it is. Takes text without declaration and document type.
    """
    parser = strict_parser()
    try:
        etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError:
        pass
    else:
        return text, {}
    found: dict[str, int] = {}
    for error in parser.error_log:
        if (told := UNDECLARED_PREFIX.match(error.message)) is None:
            return text, {}
        found.setdefault(told[1], error.line)
    first = FIRST_TAG.match(text, end_of_prolog(text))
    if first is None:
        return text, {}
    declarations = "".join(f' xmlns:{prefix}="{usual_namespace(prefix)}"' for prefix in found)
    return text[: first.end()] + declarations + text[first.end() :], found


def usual_namespace(prefix: str) -> str:
    """A namespace of the family that a prefix usually stands for."""
    return LOM_NAMESPACE if prefix == "lom" else UNDECLARED_NAMESPACE.format(prefix=prefix)


def decode(data: bytes, file: str, findings: Findings) -> str:
    """Return the document's text by its byte order mark, its declaration, or what its bytes look like."""
    encoding = next((encoding for mark, encoding in BYTE_ORDER_MARKS if data.startswith(mark)), "")
    if not encoding and data[:4].count(0) == 2:
        encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    if not encoding:
        declared = re.search(rb"""\A\s*<\?xml[^>]*?\bencoding\s*=\s*["']([\w.:-]+)["']""", data[:400])
        encoding = declared[1].decode() if declared else "utf-8"
        if not ENCODINGS.fullmatch(encoding):
            findings.note(
                "xml.encoding",
                f"The file says that it is in {encoding}, which it is not.",
                "Save the file in UTF-8 and say so in its first line.",
                file=file,
                line=1,
            )
            encoding = "utf-8"
    candidate, text = next(read for name in candidates(data, encoding) if (read := decoded(data, name)))
    if candidate != encoding:
        findings.warn(
            "xml.encoding",
            f"The file is not in {encoding}, as it should be; it was read as {candidate}.",
            "Save the file in UTF-8 and say so in its first line.",
            file=file,
            line=1,
        )
    return text


def candidates(data: bytes, encoding: str) -> tuple[str, ...]:
    """Return the encodings to try, likeliest first; the last one fits everything."""
    if SINGLE_BYTE.fullmatch(encoding) and not data.isascii():
        if decoded(data, "utf-8"):
            return ("utf-8",)
        if LATIN_1.fullmatch(encoding) and ONLY_IN_WINDOWS.search(data):
            return "cp1252", "latin-1"
    return encoding, "utf-8", "cp1252", "latin-1"


def decoded(data: bytes, encoding: str) -> tuple[str, str] | None:
    """Return the encoding and the text; None when the bytes are not in it, or nobody knows it."""
    try:
        return encoding, data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def blank_declaration(text: str, file: str, findings: Findings) -> str:
    """Remove the XML declaration, keeping the count of lines; what stands in front of it is forgiven."""
    text = text.removeprefix("\ufeff")
    declaration = DECLARATION.match(text)
    if declaration is None:
        return text
    if not declaration[0].startswith("<"):
        findings.note(
            "xml.leading_space",
            "There is blank space in front of the XML declaration.",
            "Let the file begin with “<?xml”.",
            file=file,
            line=1,
        )
    return "\n" * declaration[0].count("\n") + text[declaration.end() :]


def require_no_document_type(text: str, file: str) -> None:
    """Refuse a document type before any parser sees it: entities can read files and grow without end."""
    position = end_of_prolog(text)
    if text.startswith("<!", position):
        raise document_type(file, text.count("\n", 0, position) + 1)


def end_of_prolog(text: str) -> int:
    """Where blank space, comments and instructions in front of the first element end."""
    position = 0
    while part := PROLOG_PART.match(text, position):
        position = part.end()
    return position


def document_type(file: str, line: int = 0) -> Refused:
    """The refusal of a DOCTYPE."""
    return Refused(
        "xml.document_type",
        "The file declares a document type (DOCTYPE), which could read other files or grow without end.",
        "Remove the DOCTYPE; SCORM describes its files by XML schemas instead.",
        file=file,
        line=line,
    )


def too_deep(file: str, line: int) -> Refused:
    """The refusal of what would cost a reader its stack: elements inside of elements, or a text, without end."""
    return Refused(
        "xml.too_deep",
        "Elements lie in one another more than 256 deep, or one text is larger than 10 MB.",
        "Flatten the structure, or publish the package again.",
        file=file,
        line=line,
    )


def not_well_formed(file: str, reason: str, line: int) -> Refused:
    """The refusal of something that is not XML."""
    return Refused(
        "xml.not_well_formed",
        f"The file is not well-formed XML: {reason}.",
        "Correct the file at this line, or publish the package again.",
        file=file,
        line=line,
    )
