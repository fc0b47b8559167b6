"""Figures of several repetitions: medians with their spread, as a table and as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from pathlib import Path


class Figures:
    """Values by stable names like `throughput.per_s`, one per repetition."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {}

    def add(self, scenario: str, figures: Mapping[str, float]) -> None:
        """One repetition's figures of a scenario."""
        for name, value in figures.items():
            self.values.setdefault(f"{scenario}.{name}", []).append(value)

    def ratio(self, name: str, of: str, to: str) -> None:
        """Each repetition's own ratio, so that what disturbs the machine disturbs both. Nothing if either is missing."""
        pairs = zip(self.values.get(of, []), self.values.get(to, []), strict=False)
        if ratios := [a / b for a, b in pairs if b]:
            self.values[name] = ratios

    def medians(self) -> dict[str, float]:
        """By name."""
        return {name: statistics.median(values) for name, values in self.values.items()}

    def violated(self) -> list[str]:
        """The counts of broken promises that are not 0 in every repetition."""
        return [name for name, values in self.values.items() if name.endswith(".violations") and any(values)]

    def table(self) -> str:
        """Name, median, least and most."""
        rows = [f"{'figure':46} {'median':>12} {'least':>12} {'most':>12}  n"]
        for name, values in self.values.items():
            shown = (statistics.median(values), min(values), max(values))
            rows.append(f"{name:46} " + " ".join(f"{_short(v):>12}" for v in shown) + f"  {len(values)}")
        return "\n".join(rows)

    def write(self, path: Path, machine: Mapping[str, str]) -> None:
        """`figures`: medians by name; `spread`: least and most; `machine`: what they were measured on."""
        document = {
            "machine": dict(machine),
            "figures": self.medians(),
            "spread": {name: [min(values), max(values)] for name, values in self.values.items()},
            "repetitions": {name: len(values) for name, values in self.values.items()},
        }
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
