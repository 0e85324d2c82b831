"""Server: the routes. What is asked is checked here, done by `Work`, and answered with JSON, a stream of it, or a file.

Work is loaded in a thread once the server answers, for torch takes seconds; whoever asks before waits for it.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from bestline.errors import BestlineError, clean
from bestline.lab.guard import Guard
from bestline.lab.openapi import REQUESTS, document
from bestline.lab.pages import assets
from bestline.lab.question import Question, fields_of
from bestline.lab.refused import Refused
from bestline.lab.store import new_key

if TYPE_CHECKING:
    from bestline.lab.work import Run, Work

__all__ = ["application"]

_LOOK = 0.03  # seconds between two looks at a run
_QUIET = 0.4  # seconds before progress is told: what fails at once is an answer of its own
_PATIENCE = 60.0  # seconds for the next piece of a request
_SUFFIX = re.compile(r"(\.(?:csv|tsv|txt|dat|parquet|pq|feather|arrow|ipc))?(\.(?:gz|bz2|xz|zst|zip))?$", re.IGNORECASE)


class Lab:
    """What the routes share.

    Parameters
    ----------
    data, formula
        What the command was given.
    ready : callable, optional
        Is told, once everything is loaded, what was wrong with the command's data: None where nothing was.
    """

    def __init__(self, data: Any, formula: str | None, ready: Callable[[Exception | None], None]) -> None:
        self.data, self.formula, self.ready = data, formula, ready
        self.loading: asyncio.Future[Work] | None = None
        self.folder: TemporaryDirectory[str] | None = None

    @asynccontextmanager
    async def life(self, app: Starlette) -> AsyncIterator[None]:
        """From the first request to the last."""
        del app
        # Private: the system lets nobody else look into it.
        self.folder = TemporaryDirectory(prefix="bestline-lab-")
        self.loading = asyncio.ensure_future(asyncio.to_thread(self._loaded))
        try:
            yield
        finally:
            (await self.loading).close()
            self.folder.cleanup()

    def _loaded(self) -> Work:
        from bestline.lab.work import Work  # torch

        work, wrong = Work(self.data, self.formula), None
        try:
            work.presets()
        except Exception as error:
            wrong = error
        self.ready(wrong)
        return work

    async def work(self) -> Work:
        """The work, once it is loaded."""
        assert self.loading is not None  # noqa: S101  the server has begun
        return await asyncio.shield(self.loading)

    # -- what can be asked ---------------------------------------------------------------------------------------------

    async def presets(self, request: Request) -> Response:
        """The data that are here."""
        del request
        work = await self.work()
        return JSONResponse(await asyncio.to_thread(work.presets))

    async def columns(self, request: Request) -> Response:
        """The columns of some data."""
        told, work = await _fields(request), await self.work()
        return JSONResponse(await asyncio.to_thread(lambda: work.table(told["data"]).facts))

    async def receive(self, request: Request) -> Response:
        """A table that was sent: into a file of our own, whose name owes nothing to anybody."""
        name = _name(request.headers.get("x-filename", ""))
        assert self.folder is not None  # noqa: S101  the server has begun
        path, size, kept = Path(self.folder.name) / f"{new_key()}{_ending(name)}", 0, False
        try:
            with path.open("xb") as file:
                async for piece in _pieces(request):
                    size += len(piece)
                    file.write(piece)
            work = await self.work()
            if not size:
                raise Refused(422, f"{name} is empty; choose a file with rows.")
            answer = JSONResponse(await asyncio.to_thread(work.received, path, name, size))
            kept = True
        finally:
            if not kept:
                path.unlink(missing_ok=True)
        return answer

    async def run(self, request: Request) -> Response:
        """A run as a stream. What fails at once is answered with its own status."""
        asked = Question.of(await _body(request))
        work = await self.work()
        key, run = await asyncio.to_thread(work.begin, asked)
        told = self._told(work, key, run)
        # The first line decides the status; after it there is no way back.
        try:
            first = await anext(told)
        except BaseException:
            run.gate.tell(cancelled=True)
            raise
        return StreamingResponse(_lines(first, told, run), media_type="application/x-ndjson")

    async def _told(self, work: Work, key: str, run: Run) -> AsyncIterator[dict[str, Any]]:
        """What becomes of a run: progress, steps, and the session at its end."""
        gate, since, named, held_at, said = run.gate, 0.0, False, -1, ("", -1.0)
        while True:
            ended = run.done.is_set()
            if run.problem is not None and ended:
                raise Refused(*run.problem)
            steps = gate.news()
            if steps and gate.prepared is not None:
                if not named:
                    named = True
                    plan = gate.prepared.plan
                    yield {
                        "event": "begun",
                        "run": key,
                        "names": list(plan.names),
                        "target": plan.targets[0],
                        "steps": plan.solver.rule.steps,
                    }
                yield _columns_of(steps)
            elif since >= _QUIET and not ended and gate.doing != said and not named:
                said = gate.doing
                yield {"event": "progress", "what": said[0], "share": round(said[1], 3)}
            if gate.waiting and held_at != gate.at:
                held_at = gate.at
                yield {"event": "waiting", "run": key, "at": held_at, "session": await asyncio.to_thread(work.so_far, run)}
            if ended:
                yield {
                    "event": "session",
                    "run": key,
                    "live": run.asked.live,
                    "names": list(run.line.trace.names),
                    "session": run.told,
                }
                return
            await asyncio.sleep(_LOOK)
            since += _LOOK

    async def control(self, request: Request) -> Response:
        """Hold a run, let it go, or end it."""
        told, work = await _fields(request), await self.work()
        gate = work.runs.get(told["run"]).gate
        match told["do"]:
            case "pause":
                gate.tell(upto=0)
            case "go":
                gate.tell(upto=float("inf"))
            case "step":
                gate.tell(upto=gate.at + told.get("steps", 1))
            case "end":
                gate.tell(ended=True)
            case "cancel":
                gate.tell(cancelled=True)
        return JSONResponse({"at": gate.at})

    async def analysis(self, request: Request) -> Response:
        """What an analyst asks."""
        told, work = await _fields(request), await self.work()
        return JSONResponse(await asyncio.to_thread(work.analysis, told["run"]))

    async def panels(self, request: Request) -> Response:
        """The four panels, or a partial plot."""
        told, work = await _fields(request), await self.work()
        how = (told.get("theme", "light"), told.get("picture", "diagnostics"), told.get("column"))
        made = await asyncio.to_thread(work.panels, told["run"], *how)
        return Response(made, media_type="image/png")

    async def export(self, request: Request) -> Response:
        """A run to take away."""
        told, work = await _fields(request), await self.work()
        changed = {name: value for name, value in told.get("changed", {}).items() if value is not None}
        exact = told.get("exact", False)
        made, kind, name = await asyncio.to_thread(lambda: work.export(told["run"], told["form"], changed, exact=exact))
        return Response(made, media_type=kind, headers={"content-disposition": f"attachment; filename*=UTF-8''{quote(name)}"})


def application(
    token: str,
    hosts: Callable[[str], bool],
    data: Any = None,
    formula: str | None = None,
    ready: Callable[[Exception | None], None] = lambda wrong: None,
) -> ASGIApp:
    """The whole server as an ASGI application behind its guard; parameters as those of `Guard` and `Lab`."""
    lab = Lab(data, formula, ready)
    own = assets()
    posts: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/api/columns": lab.columns,
        "/api/data": lab.receive,
        "/api/run": lab.run,
        "/api/control": lab.control,
        "/api/analysis": lab.analysis,
        "/api/panels": lab.panels,
        "/api/export": lab.export,
    }

    async def asset(request: Request) -> Response:
        found = own[request.scope["path"]]
        return Response(found.text, media_type=found.type)

    async def interface(request: Request) -> Response:
        del request
        return JSONResponse(document())

    routes = [
        *(Route(path, asset, methods=["GET"]) for path in own),
        Route("/openapi.json", interface, methods=["GET"]),
        Route("/api/presets", lab.presets, methods=["GET"]),
        *(Route(path, serve, methods=["POST"]) for path, serve in posts.items()),
    ]
    handlers: dict[Any, Any] = {
        HTTPException: _missing,
        ClientDisconnect: _gone,
        Exception: _failed,
        Refused: _failed,
        BestlineError: _failed,
    }
    app = Starlette(routes=routes, lifespan=lab.life, exception_handlers=handlers)
    return Guard(GZipMiddleware(app, minimum_size=2_000), token, hosts)


# -- requests ----------------------------------------------------------------------------------------------------------


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """The body piece by piece; whoever takes a minute for one is not waited for."""
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(_PATIENCE):
                piece = await anext(stream, None)
        except TimeoutError as error:
            raise Refused(408, "The request took too long to arrive.") from error
        if piece is None:
            return
        yield piece


async def _body(request: Request) -> Any:
    """The JSON of a request."""
    text = b"".join([piece async for piece in _pieces(request)])
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "The request is no JSON.") from error


def _no_number(word: str) -> None:
    raise ValueError(word)


async def _fields(request: Request) -> dict[str, Any]:
    """The fields of a request, checked."""
    return fields_of(await _body(request), *REQUESTS[request.scope["path"]])


def _name(header: str) -> str:
    """What a file was called, without folders and without letters that are not for show."""
    last = PurePosixPath(unquote(header, errors="replace").replace("\\", "/")).name
    return clean(last)[:200].strip() or "the file"


def _ending(name: str) -> str:
    found = _SUFFIX.search(name)
    return found[0].lower() if found else ""


# -- answers -----------------------------------------------------------------------------------------------------------


def _columns_of(steps: list[Any]) -> dict[str, Any]:
    return {
        "event": "steps",
        "step": [step.index for step in steps],
        "loss": [step.loss for step in steps],
        "held_out": [step.held_out for step in steps] if steps[-1].held_out is not None else None,
        "weights": [step.weights[:, 0].tolist() for step in steps],
        "rate": steps[-1].rate,
    }


def _line(told: dict[str, Any]) -> bytes:
    return json.dumps(told, allow_nan=False, separators=(",", ":")).encode() + b"\n"


async def _lines(first: dict[str, Any], rest: AsyncIterator[dict[str, Any]], run: Run) -> AsyncIterator[bytes]:
    """The stream; whoever goes away before its end wants the run no more."""
    try:
        yield _line(first)
        async for told in rest:
            yield _line(told)
    except Exception as error:  # the stream has begun: an answer of its own is no longer possible
        status, text = _sentence(error, run.table.told)
        yield _line({"event": "error", "status": status, "error": text})
    finally:
        if not run.done.is_set():
            run.gate.tell(cancelled=True)


async def _missing(request: Request, error: Exception) -> Response:
    """No such path, or no such method."""
    del request
    assert isinstance(error, HTTPException)  # noqa: S101  the handler of these alone
    what = {404: "There is nothing here.", 405: "This is not how one asks here."}.get(error.status_code, error.detail)
    return JSONResponse({"error": what}, error.status_code, error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    """Nobody is there to answer."""
    del request, error
    return Response(status_code=400)


async def _failed(request: Request, error: Exception) -> Response:
    """One sentence, whatever it was."""
    del request
    status, text = _sentence(error)
    return JSONResponse({"error": text}, status)


def _sentence(error: Exception, told: Callable[[str], str] = str) -> tuple[int, str]:
    from bestline.lab.work import sentence  # torch; it is loaded when anything can fail, or the answer waits for it

    return sentence(error, told)
