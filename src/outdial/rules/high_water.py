"""When a queue is not consumed because enough of its attempts wait already: the rest is kept better by the broker."""

from __future__ import annotations

from typing import Final

RESUME_SHARE: Final = 0.9
"""Below this share of the mark it is consumed again: far enough below that it does not flicker."""


def is_above(waiting: int, mark: int, was_above: bool) -> bool:
    """Whether the queue must not be consumed now. `was_above`: the answer before; at the mark it begins to hold."""
    return waiting >= (mark * RESUME_SHARE if was_above else mark)
