"""Python's collector of cycles, set for a process that serves for weeks."""

from __future__ import annotations

import gc


def collect_rarely() -> None:
    """Call it once everything is built. What stands now is never looked at again, and the young are looked at after
    50,000 allocations instead of 700: attempts leave few cycles behind, so looking for them often is wasted (2 % of
    an attempt's instructions, and more of its time, since it sweeps the caches)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
