"""What commands print: tables, JSON, questions, progress; on a terminal and elsewhere."""

from __future__ import annotations

import io
import json
from uuid import UUID

import pytest

from outdial.cli import output
from outdial.cli.output import NotConfirmed, Progress, confirm, table


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_table_is_aligned_numbers_to_the_right() -> None:
    rows = [("us-1", 1_234, 0.5, True), ("a-long-name", 7, None, False)]
    assert table(("number", "calls", "rate", "ok"), rows).splitlines() == [
        "number       calls  rate  ok",
        "us-1         1,234  0.50  yes",
        "a-long-name      7     -  no",
    ]


def test_a_table_counts_columns_not_characters() -> None:
    lines = table(("name", "x"), [("日本", "1"), ("é", "2"), ("e\u0301", "3")]).splitlines()
    assert lines == ["name  x", "日本  1", "é     2", "e\u0301     3"]


def test_an_empty_table_is_its_titles() -> None:
    assert table(("number", "calls"), []) == "number  calls"


def test_a_cell_stays_on_one_line() -> None:
    assert table(("note",), [("two\nlines",)]).splitlines() == ["note", "two lines"]


def test_json_prints_what_json_does_not_know_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"id": UUID(int=7), "tags": {"b", "a"}, "note": "…"})
    text = capsys.readouterr().out
    assert json.loads(text) == {"id": "00000000-0000-0000-0000-000000000007", "tags": ["a", "b"], "note": "…"}
    assert "…" in text


def test_show_prints_the_one_or_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    output.show(True, [1], lambda: print("text"))
    assert capsys.readouterr().out == "[\n  1\n]\n"
    output.show(False, [1], lambda: print("text"))
    assert capsys.readouterr().out == "text\n"


def test_colors_only_on_a_terminal_that_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert output.has_color(Terminal())
    assert not output.has_color(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not output.has_color(Terminal())


@pytest.mark.parametrize(
    ("answer", "agreed"), [("y\n", True), ("YES\n", True), ("\n", False), ("n\n", False), ("", False)]
)
def test_a_question_on_a_terminal(
    answer: str, agreed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    if agreed:
        confirm("Remove 3 numbers?")
    else:
        with pytest.raises(NotConfirmed, match="nothing was changed"):
            confirm("Remove 3 numbers?")
    assert capsys.readouterr() == ("", "Remove 3 numbers? [y/N] ")


def test_without_a_terminal_only_yes_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(NotConfirmed, match="add --yes"):
        confirm("Remove 3 numbers?")
    confirm("Remove 3 numbers?", yes=True)


def test_progress_shows_share_count_and_rate() -> None:
    times = iter([0.0, 0.0, 2.0, 2.0, 2.0, 2.0, 2.0])
    bar = Progress("enqueued", 500, stream=Terminal(), monotonic=lambda: next(times))
    bar.update(0)
    bar.update(250)
    assert bar.line() == "[############............] 250/500 enqueued, 125/s"


def test_progress_is_drawn_ten_times_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    now = [0.0]
    terminal = Terminal()
    with Progress("enqueued", 1_000, stream=terminal, monotonic=lambda: now[0]) as bar:
        for _ in range(1_000):
            now[0] += 0.001
            bar.advance()
    drawn = terminal.getvalue().count("\r")
    assert 9 <= drawn <= 12
    assert "1,000/1,000 enqueued" in terminal.getvalue().rsplit("\r", 1)[-1]
    assert terminal.getvalue().endswith("\n")


def test_progress_is_silent_elsewhere() -> None:
    stream = io.StringIO()
    with Progress("enqueued", 10, stream=stream) as bar:
        bar.advance(10)
    assert stream.getvalue() == ""
