"""The frame of the command line: lazy, helpful, one clear line per error, the promised exit codes."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from outdial.cli import commands, parser
from outdial.cli.commands import Command
from outdial.cli.main import main
from outdial.errors import BadConfiguration, BadInput

SOURCE = Path(__file__).parents[2] / "src"
Run = Callable[[argparse.Namespace], object]


@pytest.fixture
def add_command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Run], list[argparse.Namespace]]:
    """Puts a command `probe` in place of all others; returns the list of its calls' arguments."""

    def add(run: Run, register: Callable[[argparse.ArgumentParser], None] = lambda p: None) -> list[argparse.Namespace]:
        seen = list[argparse.Namespace]()
        module = ModuleType("probe")

        def note_and_run(args: argparse.Namespace) -> object:
            seen.append(args)
            return run(args)

        vars(module).update(register=register, run=note_and_run)
        monkeypatch.setattr("outdial.cli.main.commands", lambda: [Command("probe", "probe", "a probe")])
        monkeypatch.setattr(parser, "import_module", lambda name: module)
        return seen

    return add


def code_of(*argv: str) -> int:
    try:
        return main(list(argv))
    except SystemExit as ended:
        return int(ended.code or 0)


def test_the_help_starts_quickly_and_imports_no_command() -> None:
    program = (
        "import sys; sys.argv = ['outdial', '--help']\n"
        "from outdial.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "heavy = {'pydantic', 'aiohttp', 'asyncpg', 'structlog', 'asyncio', 'phonenumbers', 'prometheus_client'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"
    assert "run the simulated carrier" in done.stdout


def test_every_line_of_the_help_has_a_module_with_the_two_functions() -> None:
    from importlib import import_module

    for command in commands.commands():
        module = import_module(f"outdial.cli.{command.module}")
        assert callable(module.register), command
        assert callable(module.run), command


def test_a_command_without_a_module_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_COMMANDS", (Command("ghost", "not_there", ""), Command("config", "config", "")))
    assert [command.name for command in commands.commands()] == ["config"]


@pytest.mark.parametrize(("result", "code"), [(None, 0), (0, 0), (1, 1), (3, 3)])
def test_the_exit_code_is_what_the_command_returns(
    add_command: Callable[[Run], list[argparse.Namespace]], result: object, code: int
) -> None:
    add_command(lambda args: result)
    assert code_of("probe") == code


def test_a_command_may_be_a_coroutine(add_command: Callable[[Run], list[argparse.Namespace]]) -> None:
    async def run(args: argparse.Namespace) -> int:
        return 5

    add_command(run)
    assert code_of("probe") == 5


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (BadInput("to", "is no number", "write +1…"), 1, "outdial probe: to: is no number (write +1…)"),
        (BadConfiguration("database.url: wrong"), 78, "outdial probe: database.url: wrong"),
    ],
)
def test_an_error_of_ours_is_one_clear_line(
    add_command: Callable[[Run], list[argparse.Namespace]],
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    line: str,
) -> None:
    def run(args: argparse.Namespace) -> int:
        raise error

    add_command(run)
    assert code_of("probe") == code
    assert capsys.readouterr() == ("", f"{line}\n")
    with pytest.raises(type(error)):
        main(["probe", "--debug"])


def test_ctrl_c_is_no_traceback(add_command: Callable[[Run], list[argparse.Namespace]]) -> None:
    def run(args: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    add_command(run)
    assert code_of("probe") == 130


@pytest.mark.parametrize(
    "argv",
    [
        ["--config", "c.toml", "--json", "--log-level", "debug", "probe"],
        ["probe", "--config", "c.toml", "--json", "--log-level", "debug"],
        ["--json", "probe", "--config", "c.toml", "--log-level", "debug"],
    ],
)
def test_global_options_may_stand_before_and_after_the_command(
    add_command: Callable[[Run], list[argparse.Namespace]], argv: list[str]
) -> None:
    seen = add_command(lambda args: 0)
    assert code_of(*argv) == 0
    (args,) = seen
    assert (args.config, args.json, args.log_level, args.debug) == (Path("c.toml"), True, "debug", False)
    assert args.command == "probe"


def test_a_commands_own_option_wins_over_a_global_one_of_the_same_name(
    add_command: Callable[..., list[argparse.Namespace]],
) -> None:
    seen = add_command(lambda args: 0, lambda p: p.add_argument("--json", type=Path))
    assert code_of("probe", "--json", "out.json") == 0
    assert seen[0].json == Path("out.json")


@pytest.mark.parametrize(
    ("argv", "hint"),
    [
        (["confg"], "unknown: 'confg' (did you mean 'config'?)"),
        (["config", "chek"], "unknown: 'chek' (did you mean 'check'?)"),
        (["config", "xyz"], "unknown: 'xyz' (known: check, schema, template)"),
        (["config", "check", "--jsn"], "outdial config check: error: unrecognized arguments: --jsn"),
        (["suppress", "add", "acme", "x", "--tenant", "acme"], "usage: outdial suppress add "),
    ],
)
def test_a_misspelt_word_is_answered_with_the_nearest(
    argv: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of(*argv) == 2
    assert hint in capsys.readouterr().err


def test_without_a_command_the_help_is_printed_and_the_usage_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of() == 2
    assert "commands:" in capsys.readouterr().err


def test_a_reader_that_has_gone_is_no_traceback() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        [sys.executable, "-m", "outdial", "config", "template"],
        env={"PYTHONPATH": str(SOURCE)},
        stdout=writes,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writes)
    assert (done.returncode, done.stderr) == (1, b"")
