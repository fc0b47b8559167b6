"""One HTTP port with its application: opened, told its port, closed with a deadline. Used once per port."""

from __future__ import annotations

import logging
from typing import Final, Self

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from outdial.errors import BadConfiguration


class _Readable(logging.Filter):
    """Lets no record of a request through that is no HTTP: it quotes what was sent, tokens and phone numbers among it, and
    anybody can send one. Its sender is told."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_LOG: Final = logging.getLogger("outdial.web")
_LOG.addFilter(_Readable())


class HttpServer:
    """Serves `application` on host and port; port 0 takes any free one. `setting`: what to change when it is taken."""

    def __init__(
        self, application: web.Application, host: str, port: int, *, setting: str = "port", close_within_s: float = 5.0
    ) -> None:
        self._application, self._host, self._port, self._setting = application, host, port, setting
        self._close_within_s = close_within_s
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._runner is not None and self._runner.addresses:
            return int(self._runner.addresses[0][1])
        return self._port

    @property
    def url(self) -> str:
        """The address on this machine, without a path."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self._host, self._host)  # noqa: S104  compared, not bound
        return f"http://{host}:{self.port}"

    async def start(self) -> None:
        """Listen. Raises `BadConfiguration` when the address cannot be had."""
        # Paths hold placement tokens and queries may hold numbers: no access log.
        runner = web.AppRunner(
            self._application,
            access_log=None,
            logger=_LOG,
            handle_signals=False,
            shutdown_timeout=self._close_within_s,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            await runner.cleanup()
            what = f"{self._setting}: cannot listen on {self._host}:{self._port}: {error.strerror or error}"
            raise BadConfiguration(f"{what} (name a free port, or end what uses it)") from error
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening, finish what is being answered, close. Twice does no harm."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
