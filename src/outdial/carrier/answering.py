"""How an answer goes onto the wire: as it should, late, halved, dripping, or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

from aiohttp import web

from outdial.carrier.faults import Fault
from outdial.carrier.http_api import Answer, Api

_BETWEEN_DROPS_S = 0.02
"""The shortest pause of a dripping answer; a long drip goes byte by byte."""

_HTML = (
    b"<html>\r\n<head><title>Bad gateway</title></head>\r\n<body><center><h1>Simulated gateway error</h1></center>"
    b"</body>\r\n</html>\r\n"
)


def plain(answer: Answer) -> web.Response:
    """The answer as it should be."""
    response = web.Response(body=answer.body(), status=answer.status, content_type="application/json")
    for name, value in answer.headers:
        response.headers[name] = value
    return response


def failure(api: Api, fault: Fault) -> web.Response:
    """The answer of a `status` fault."""
    if fault.body == "html":
        response = web.Response(body=_HTML, status=fault.status, content_type="text/html")
    elif fault.body == "empty":
        response = web.Response(status=fault.status)
    else:
        response = plain(api.error(fault.status))
    if fault.retry_after_s is not None:
        response.headers["Retry-After"] = f"{fault.retry_after_s:g}"
    return response


def reset(request: web.BaseRequest) -> web.StreamResponse:
    """Cut the connection hard (RST); what is returned reaches nobody."""
    transport = request.transport
    if transport is not None:
        line = transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=500)


async def spoilt(request: web.BaseRequest, api: Api, fault: Fault, answer: Answer) -> web.StreamResponse:
    """Send the answer to something that was done as the fault says."""
    match fault.kind:
        case "status":
            return failure(api, fault)
        case "reset":
            return reset(request)
        case "late":
            await asyncio.sleep(fault.seconds)
        case "truncated":
            return await _truncated(request, answer)
        case "drip":
            return await _dripping(request, answer, fault.seconds)
        case "no_id":
            answer = api.without_id(answer)
        case "wrong_id":
            answer = api.with_wrong_id(answer)
    return plain(answer)


async def _begin(request: web.BaseRequest, answer: Answer) -> tuple[web.StreamResponse, bytes]:
    body = answer.body()
    response = web.StreamResponse(status=answer.status, headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    return response, body


async def _truncated(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    response, body = await _begin(request, answer)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def _dripping(request: web.BaseRequest, answer: Answer, seconds: float) -> web.StreamResponse:
    response, body = await _begin(request, answer)
    drops = min(len(body), max(2, int(seconds / _BETWEEN_DROPS_S)))
    size = -(-len(body) // drops)
    with contextlib.suppress(ConnectionError):  # the caller may hang up long before the end
        for position in range(0, len(body), size):
            await response.write(body[position : position + size])
            await asyncio.sleep(seconds / drops)
    return response
