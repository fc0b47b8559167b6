"""Do the limits hold, are they used to the full, and is everybody served alike? Judged by the carrier, as a table and JSON.

    python -m bench.caps [--seconds 60] [--replicas 3] [--json PATH] [--only one_line|fleet]

`one_line`: one replica in this process, one connection of 50, calls of 50 ms and of 1 s, a carrier that costs nothing.
`fleet`: replicas as processes, RabbitMQ, 20 tenants, 10 connections with limits from 1 to 50, the simulated carrier as a
process, limits changing live at the end. The database is durable in both.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import uuid
from pathlib import Path
from typing import Any

from bench.one_line import measure
from tests.support.caps import run
from tests.support.crowd import Crowd
from tests.support.fleet import fleet
from tests.support.services import UNPACKED, Databases

from outdial.embedded.install import ensure_postgres, ensure_rabbitmq
from outdial.embedded.postgres import LocalPostgres


def main() -> None:
    """Run what is asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the fleet's run (default: %(default)s)")
    parser.add_argument("--replicas", type=int, default=3, help="processes of the fleet (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures to this file too")
    parser.add_argument("--only", choices=("one_line", "fleet"), help="leave the other out")
    args = parser.parse_args()
    with LocalPostgres(ensure_postgres(UNPACKED), durable=True) as server:
        figures = asyncio.run(_all(Databases(server.url), args))
    for name, values in figures.items():
        print(f"\n{name}")
        for key, value in values.items():
            print(f"  {key:20} {value:.4g}" if isinstance(value, float) else f"  {key:20} {value}")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


async def _all(databases: Databases, args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    figures: dict[str, dict[str, Any]] = {}
    if args.only != "fleet":
        for call_s in (0.05, 1.0):
            one = await measure(await databases.fresh(), call_s=call_s)
            figures[f"one_line calls of {call_s:g} s"] = dataclasses.asdict(one)
    if args.only != "one_line":
        with ensure_rabbitmq(UNPACKED) as broker:
            url, prefix = await databases.fresh(), f"b{uuid.uuid4().hex[:8]}"
            async with fleet(url, broker.url, prefix, Crowd(), replicas=args.replicas) as replicas:
                figures[f"fleet of {args.replicas}"] = dataclasses.asdict(await run(replicas, args.seconds))
                await replicas.end()
    return figures


if __name__ == "__main__":
    main()
