"""Document: the XML that clients send, read into names, texts and what is below them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat  # what it is fed is small, and may declare nothing (below)

from huidu.cos.answer import Refused

MOST_DEPTH = 16


@dataclass
class Element:
    """An element, without its attributes."""

    name: str
    texts: list[str] = field(default_factory=list)
    below: list[Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What stands in it, apart from what is below."""
        return "".join(self.texts).strip()

    def each(self, *path: str) -> Iterator[Element]:
        """Yield the elements at the end of a path of names."""
        if not path:
            yield self
            return
        for one in self.below:
            if one.name == path[0]:
                yield from one.each(*path[1:])

    def first(self, *path: str) -> str:
        """Return the text of the first element at the end of a path, or nothing."""
        return next((one.text for one in self.each(*path)), "")


def read(body: bytes, root: str) -> Element:
    """Return the root of a document, or raise `Refused` where it is none, or another one."""
    top = Element("")
    above = [top]

    def begins(name: str, _: object) -> None:
        if len(above) > MOST_DEPTH:
            raise malformed(f"elements more than {MOST_DEPTH} deep")
        above[-1].below.append(one := Element(name.rpartition(":")[2]))
        above.append(one)

    def said(text: str) -> None:
        above[-1].texts.append(text)

    def declares(*_: object) -> None:
        raise malformed("a document type cannot be declared")

    parser = expat.ParserCreate()
    parser.StartElementHandler = begins
    parser.EndElementHandler = lambda _: above.pop()
    parser.CharacterDataHandler = said
    parser.StartDoctypeDeclHandler = declares
    try:
        parser.Parse(body, True)  # noqa: FBT003 - whether it is all; it takes no keywords
    # The latter two come of an encoding that is none, or that Python alone knows.
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise malformed(str(error)[:200]) from None
    if top.below[0].name != root:
        raise malformed(f"the root must be {root}, and is {top.below[0].name[:80]!r}")
    return top.below[0]


def malformed(why: str) -> Refused:
    """Return the refusal of a document."""
    return Refused(400, "MalformedXML", f"the body is not the XML that it must be: {why}")
