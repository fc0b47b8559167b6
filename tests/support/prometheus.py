"""A real Prometheus that scrapes one replica each second and evaluates our rules as often."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml

from outdial.embedded.install import ensure_prometheus
from outdial.embedded.rabbitmq import free_port
from tests.support.daemon import pause
from tests.support.services import UNPACKED

RULES = Path(__file__).resolve().parents[2] / "deploy/prometheus/rules"


class Prometheus:
    """`async with Prometheus(folder, port_of_the_replica) as prometheus`."""

    def __init__(self, folder: Path, target: int) -> None:
        self._folder, self._port = folder, free_port()
        self._url = f"http://127.0.0.1:{self._port}/api/v1"
        shutil.copytree(RULES, folder / "rules")
        recording = folder / "rules/recording.yml"
        recording.write_text(recording.read_text().replace("interval: 30s", "interval: 1s"))
        job = {"job_name": "outdial", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules/*.yml"],
            "scrape_configs": [job],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))

    async def __aenter__(self) -> Self:
        self._process = subprocess.Popen(
            [
                ensure_prometheus(UNPACKED) / "prometheus",
                f"--config.file={self._folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self._port}",
                "--log.level=error",
            ]
        )
        self._session = aiohttp.ClientSession()
        async with asyncio.timeout(30):
            while not await self._answers():
                assert self._process.poll() is None, "prometheus died while it started"
                await pause()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        self._process.kill()
        self._process.wait()

    async def _answers(self) -> bool:
        try:
            async with self._session.get(f"http://127.0.0.1:{self._port}/-/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def ask(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query."""
        async with self._session.post(f"{self._url}/query", data={"query": expression}) as answer:
            body = await answer.json()
        assert body["status"] == "success", f"{expression}: {body}"
        found: list[dict[str, Any]] = body["data"]["result"]
        return found
