"""A carrier that costs next to nothing, as a process: Twilio's create answered at once, signed callbacks, its own count.

    python -m bench.light_carrier --callbacks one|all --call-ms 0 --limit 50

Plain asyncio on sockets that stay open, so that on two cores the replica is measured and not its carrier. It prints its
address, and answers `GET /tally` with what it saw: calls, the most at once, and violations of the limit by line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from bench.instant_carrier import Line
from bench.world import TOKEN, is_answered

from outdial.carrier.twilio_callbacks import signature
from outdial.rules.ids import ConnectionId

ALL, ONE = ("initiated", "ringing", "in-progress", "completed"), ("completed",)
SOCKETS = 64
"""For callbacks, kept open."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a create request said."""

    account: str
    sid: str
    to: str
    caller: str
    callback: str


class Carrier:
    """All lines of one run."""

    def __init__(self, statuses: tuple[str, ...], call_s: float, limit: int) -> None:
        self._statuses, self._call_s, self._limit = statuses, call_s, limit
        self.lines: dict[str, Line] = {}
        self._idle: dict[tuple[str, int], deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = {}
        self._gate = asyncio.Semaphore(SOCKETS)
        self._calls: set[asyncio.Task[None]] = set()
        self.failed_callbacks = 0

    def begin(self, account: str, form: Mapping[str, list[str]]) -> Call:
        """A call from its create request."""
        callback = form["StatusCallback"][0]
        call = Call(account, f"CA{uuid.uuid4().hex}", form["To"][0], form["From"][0], callback)
        self._line(account).move(+1)
        task = asyncio.create_task(self._live(call))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        return call

    def tally(self) -> dict[str, object]:
        """What was seen until now."""
        for line in self.lines.values():
            line.move(0)
        seen = {name: {k: v for k, v in asdict(line).items() if k != "by_number"} for name, line in self.lines.items()}
        return {"lines": seen, "failed_callbacks": self.failed_callbacks, "under_way": len(self._calls)}

    def _line(self, account: str) -> Line:
        return self.lines.setdefault(account, Line(ConnectionId(account), self._limit))

    async def _live(self, call: Call) -> None:
        for status in self._statuses[:-1]:
            await self._tell(call, status)
        await asyncio.sleep(self._call_s)
        self._line(call.account).move(-1)
        await self._tell(call, "completed" if is_answered(call.to) else "no-answer")

    async def _tell(self, call: Call, status: str) -> None:
        form = {
            "CallSid": call.sid, "AccountSid": call.account, "From": call.caller, "To": call.to, "CallStatus": status,
            "SequenceNumber": str((*ALL, "no-answer").index(status)), "CallDuration": "1",
        }  # fmt: skip
        body, parts = urlencode(form).encode(), urlsplit(call.callback)
        head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"X-Twilio-Signature: {signature(TOKEN, call.callback, form)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        async with self._gate:
            try:
                answer = await self._exchange(parts.hostname or "", parts.port or 80, head.encode() + body)
            except (OSError, asyncio.IncompleteReadError):
                answer = b""
        self.failed_callbacks += not answer.startswith(b"HTTP/1.1 204")

    async def _exchange(self, host: str, port: int, request: bytes) -> bytes:
        idle = self._idle.setdefault((host, port), deque())  # each replica has an address of its own
        reader, writer = idle.pop() if idle else await asyncio.open_connection(host, port)
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        if b"ontent-Length: " in answer:
            await reader.readexactly(int(answer.partition(b"ontent-Length: ")[2].partition(b"\r\n")[0]))
        idle.append((reader, writer))
        return answer


class Connection(asyncio.Protocol):
    """One socket of a client."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier, self._buffer = carrier, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Requests, whole or in pieces."""
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, rest = self._buffer.partition(b"\r\n\r\n")
            length = next((int(h[15:]) for h in head.split(b"\r\n") if h[:15].lower() == b"content-length:"), 0)
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            self._answer(head.split(b" ", 2)[1].decode(), rest[:length])

    def _answer(self, path: str, body: bytes) -> None:
        if path == "/tally":
            self._write(200, self._carrier.tally())
        elif path.endswith("/Calls.json") and body:
            call = self._carrier.begin(path.split("/")[3], parse_qs(body.decode()))
            self._write(201, {"sid": call.sid, "status": "queued"})
        else:
            self._write(404, {"code": 20404})

    def _write(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        head = f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


async def serve(carrier: Carrier) -> None:
    """Until killed."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(carrier), "127.0.0.1", 0)
    print(json.dumps({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
    await server.serve_forever()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--callbacks", choices=("one", "all"), default="one", help="of each call: its end, or all steps"
    )
    parser.add_argument("--call-ms", type=float, default=0.0, help="how long each call lasts")
    parser.add_argument("--limit", type=int, default=0, help="of each line, for counting violations; 0 = none")
    args = parser.parse_args()
    asyncio.run(serve(Carrier(ALL if args.callbacks == "all" else ONE, args.call_ms / 1000, args.limit)))


if __name__ == "__main__":
    main()
