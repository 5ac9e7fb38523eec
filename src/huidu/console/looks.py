"""Looks: the templates, and what they can say by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from huidu.console import drawing, texts
from huidu.console.asking import path
from huidu.console.shipped import Shipped
from huidu.model import amount

TEMPLATES = Path(__file__).with_name("templates")


def environment(shipped: Shipped) -> Environment:
    """Return the templates: what they write is escaped, and what cannot be seen made to be."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=texts.shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "percent": amount.percent,
        "rounded": texts.rounded,
        "number": texts.number,
        "ms": texts.milliseconds,
        "size": texts.size,
        "duration": amount.duration,
        "clock": texts.clock,
        "moment": texts.moment,
        "released": texts.released,
        "short": texts.short,
        "hue": texts.hue,
        "uncoloured": texts.uncoloured,
        "spaced": texts.spaced,
        "camel": texts.apart,
        "plain": texts.plain,
    }
    made.globals |= {
        "path": path,
        "static": lambda name: f"/console/static/{shipped.name(name)}",
        "draw": drawing,
        "ago_s": texts.ago_s,
    }
    return made


def query(**said: str) -> str:
    """Return the query of an address; what is empty is left out."""
    return urlencode({name: value for name, value in said.items() if value})


def render(environment: Environment, template: str, /, **given: Any) -> str:  # noqa: ANN401
    """Return a page."""
    return environment.get_template(template).render(**given)
