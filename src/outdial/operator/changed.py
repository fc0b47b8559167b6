"""Whether a request changed anything: asked again, it does not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Changed:
    """`changed` False = it was so already."""

    changed: bool
