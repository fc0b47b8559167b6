"""Draw the two pictures of docs/explanation/rotation.md from a stored result: `python -m bench.simulate.plot RESULT FOLDER`.

Plain SVG: answered calls per world and rule, and what a labelled number still gets of the calls.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

COLOURS = {
    "outdial": "#0b6e4f", "thompson": "#e08e0b", "answered_over_attempts": "#7a5195", "round_robin": "#8a8f98",
    "uniform": "#c3c7cd",
}  # fmt: skip
WIDTH, LEFT, ROW, BAR = 860, 170, 62, 10
PLOT_WIDTH = WIDTH - LEFT - 60


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'


def _legend(rules: Sequence[str], y: float) -> list[str]:
    marks = []
    for i, rule in enumerate(rules):
        x = LEFT - 140 + i * 160
        marks.append(f'<rect x="{x}" y="{y - 10}" width="11" height="11" fill="{COLOURS[rule]}"/>')
        marks.append(_text(x + 16, y, rule.replace("_over_", " / ").replace("_", " ")))
    return marks


def _svg(height: float, title: str, marks: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" font-family="sans-serif" fill="#222">'
    return "\n".join(
        [head, f"<title>{escape(title)}</title>", '<rect width="100%" height="100%" fill="#fff"/>', *marks, "</svg>\n"]
    )


def answered(worlds: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """A group of bars per world; the thin line is 100 %, the dialler who knows everything."""
    title = "Answered calls, in % of a dialler who knows everything"
    marks = [_text(20, 26, title, size=16), *_legend(list(COLOURS), 50)]
    top, bottom = 66, 66 + ROW * len(worlds)
    for percent in (0, 25, 50, 75, 100):
        x = LEFT + PLOT_WIDTH * percent / 100
        marks.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="#ddd"/>')
        marks.append(_text(x, bottom + 16, f"{percent} %", anchor="middle"))
    for row, (world, by_rule) in enumerate(worlds.items()):
        y = top + row * ROW
        marks.append(_text(LEFT - 10, y + ROW / 2, world.replace("_", " "), anchor="end"))
        for i, (rule, colour) in enumerate(COLOURS.items()):
            mean = by_rule[rule]["mean"]
            at = y + 4 + i * (BAR + 1)
            marks.append(
                f'<rect x="{LEFT}" y="{at}" width="{PLOT_WIDTH * mean / 100:.1f}" height="{BAR}" fill="{colour}"/>'
            )
            if rule == "outdial":
                marks.append(_text(LEFT + PLOT_WIDTH * mean / 100 + 4, at + 9, f"{mean:.0f}", size=10))
    return _svg(bottom + 28, title, marks)


def labelled_share(labelled: Mapping[str, object]) -> str:
    """Lines over picks: the labelled number's part of the calls, 1 = an even share."""
    title = "What the best number still gets of the calls after it was labelled as spam"
    shares, per_point, label = labelled["fair_shares"], labelled["picks_per_point"], labelled["labelled_at_point"]
    assert isinstance(shares, dict)
    assert isinstance(per_point, int)
    assert isinstance(label, int)
    rules = ("outdial", "thompson", "answered_over_attempts", "uniform")
    top, height = 66, 300
    highest: float = max(max(shares[rule]) for rule in rules)
    points = len(shares["outdial"])

    def x_of(point: float) -> float:
        return LEFT + PLOT_WIDTH * point / points

    def y_of(share: float) -> float:
        return top + height * (1 - share / highest)

    marks = [_text(20, 26, title, size=16), *_legend(rules, 50)]
    for share in range(int(highest) + 1):
        marks.append(
            f'<line x1="{LEFT}" x2="{LEFT + PLOT_WIDTH}" y1="{y_of(share):.1f}" y2="{y_of(share):.1f}" stroke="#ddd"/>'
        )
        marks.append(_text(LEFT - 8, y_of(share) + 4, f"{share} × fair", anchor="end"))
    at = x_of(label)
    marks.append(
        f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{top + height}" stroke="#b00" stroke-dasharray="4 3"/>'
    )
    marks.append(_text(at + 5, top + 12, "labelled"))
    marks += [
        _text(x_of(point), top + height + 18, str((point - label) * per_point), anchor="middle")
        for point in range(0, points + 1, 5)
    ]
    marks.append(_text(LEFT + PLOT_WIDTH / 2, top + height + 36, "calls of the pool since the label", anchor="middle"))
    for rule in rules:
        line = " ".join(f"{x_of(i + 0.5):.1f},{y_of(share):.1f}" for i, share in enumerate(shares[rule]))
        marks.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[rule]}" stroke-width="2.5"/>')
    return _svg(top + height + 50, title, marks)


def main() -> int:
    """Write both pictures."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    result, folder = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    (folder / "rotation-answered.svg").write_text(answered(result["worlds"]))
    (folder / "rotation-labelled.svg").write_text(labelled_share(result["labelled_number"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
