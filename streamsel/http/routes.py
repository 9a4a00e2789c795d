"""Routes of the HTTP API and their handlers."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

from aiohttp import hdrs, web

from streamsel.choices import MEDIA_TYPES
from streamsel.http.assets import ASSETS
from streamsel.http.control import ServiceControl
from streamsel.http.events import EventBroker
from streamsel.http.pictures import FRAMES, find_picture
from streamsel.http.wire import (
    DEFAULT_FRAMES,
    answer_json,
    cursor_of,
    feed_to_json,
    frame_to_json,
    gone_to_json,
    read_bool,
    read_count,
    read_key,
    read_limit,
    read_position,
)
from streamsel.metrics.observer import Metrics
from streamsel.redaction import redact

EVENTS = "/api/events"
READY = "/readyz"

_HEARTBEAT_SECONDS = 10.0
_WRITE_SECONDS = 15.0
_RETRY_MS = 2000


class Routes:
    """The handlers of all routes, using the metrics, the control and the event broker."""

    def __init__(
        self, metrics: Metrics, control: ServiceControl, events_broker: EventBroker
    ) -> None:
        self._metrics = metrics
        self._control = control
        self._events_broker = events_broker

    def table(self) -> list[web.RouteDef]:
        """Return every route."""
        return [
            web.get("/", self.page),
            web.get("/camera", self.camera),
            web.get("/static/{name}", self.asset),
            web.get("/metrics", self.metrics),
            web.get("/healthz", self.health),
            web.get(READY, self.readiness),
            web.get("/api/feeds", self.feeds),
            web.put("/api/feeds/{feed}/enabled", self.set_enabled),
            web.put("/api/feeds/{feed}/count", self.set_count),
            web.get("/api/history", self.history),
            web.get(EVENTS, self.events),
            web.get("/api/frames", self.frames),
            web.get("/api/frames/{id}", self.frame),
            web.put("/api/frames/{id}/pin", self.pin),
            web.delete("/api/frames/{id}/pin", self.unpin),
            web.get("/api/gone", self.gone),
            web.delete("/api/gone/{scope}", self.remove_gone),
            web.get(f"/{FRAMES}/{{path:.+}}", self.picture),
        ]

    async def page(self, request: web.Request) -> web.Response:
        """Serve the live page."""
        return ASSETS["index.html"].response(request)

    async def camera(self, request: web.Request) -> web.Response:
        """Serve the page that sends a browser's camera."""
        response = ASSETS["camera.html"].response(request)
        response.headers["Permissions-Policy"] = "camera=(self)"
        return response

    async def asset(self, request: web.Request) -> web.Response:
        """Serve a static file."""
        asset = ASSETS.get(request.match_info["name"])
        if asset is None or asset.media_type == "text/html":
            raise web.HTTPNotFound(reason="there is no such file")
        return asset.response(request)

    async def history(self, _: web.Request) -> web.Response:
        """Return spacing and coverage over the last hour."""
        return answer_json({"scopes": self._events_broker.history.to_json()})

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Stream server-sent events until the client disconnects."""
        with self._events_broker.listen(request.headers.get("Last-Event-ID", "")) as listener:
            response = web.StreamResponse(
                headers={hdrs.CONTENT_TYPE: "text/event-stream", "X-Accel-Buffering": "no"}
            )
            await response.prepare(request)
            text = f"retry: {_RETRY_MS}\n\n"
            while await _is_taken(response, text):
                try:
                    async with asyncio.timeout(_HEARTBEAT_SECONDS):
                        text = await listener.next()
                except TimeoutError:
                    text = ":\n\n"
            return response

    async def metrics(self, _: web.Request) -> web.Response:
        """Return the Prometheus metrics."""
        # In a thread: with hundreds of feeds the text takes too long for the event loop.
        exposed = await asyncio.to_thread(self._metrics.exposition)
        return web.Response(body=exposed, headers={hdrs.CONTENT_TYPE: self._metrics.content_type})

    async def health(self, _: web.Request) -> web.Response:
        """Respond that the event loop runs."""
        return answer_json({"healthy": True})

    async def readiness(self, _: web.Request) -> web.Response:
        """Respond whether every enabled feed was tried and all sinks work, or why not."""
        reasons = [*self._control.unready()]
        return answer_json(
            {"ready": not reasons, "reasons": [*map(redact, reasons)]},
            status=503 if reasons else 200,
        )

    async def feeds(self, _: web.Request) -> web.Response:
        """Return the feeds."""
        counts = self._metrics.counts()
        return answer_json(
            [feed_to_json(view, counts.get(view.status.feed, {})) for view in self._control.feeds()]
        )

    async def set_enabled(self, request: web.Request) -> web.Response:
        """Enable or disable a feed."""
        feed = request.match_info["feed"]
        done = await self._control.set_enabled(feed, await read_bool(request, "enabled"))
        return self._feed(feed, done)

    async def set_count(self, request: web.Request) -> web.Response:
        """Change the maximum number of frames of a feed's coreset."""
        feed = request.match_info["feed"]
        done = await self._control.set_count(feed, await read_count(request, "count"))
        return self._feed(feed, done)

    async def frames(self, request: web.Request) -> web.Response:
        """Return kept frames, newest first."""
        query = request.query
        feed = query.get("feed")
        limit = read_limit(query.get("limit", str(DEFAULT_FRAMES)))
        before = read_position(query["before"]) if "before" in query else None
        found = await self._control.frames(feed, limit, before)
        following = None
        if len(found) == limit:
            asked = {"limit": limit, "before": cursor_of(found[-1])}
            following = "/api/frames?" + urlencode(
                asked if feed is None else {"feed": feed, **asked}
            )
        return answer_json({"frames": [*map(frame_to_json, found)], "next": following})

    async def frame(self, request: web.Request) -> web.Response:
        """Return why a frame is kept."""
        key = read_key(request.match_info["id"])
        found = None if key is None else await self._control.explain(key)
        if found is None:
            raise web.HTTPNotFound(reason="no such frame is kept")
        return answer_json(
            {
                "frame": frame_to_json(found.frame),
                "nearest": None if found.nearest is None else frame_to_json(found.nearest),
                "explanation": found.words,
            }
        )

    async def pin(self, request: web.Request) -> web.Response:
        """Pin a frame."""
        return await self._set_pinned(request, True)

    async def unpin(self, request: web.Request) -> web.Response:
        """Unpin a frame."""
        return await self._set_pinned(request, False)

    async def gone(self, _: web.Request) -> web.Response:
        """Return the stored frames of removed feeds and groups."""
        return answer_json([*map(gone_to_json, await self._control.gone())])

    async def remove_gone(self, request: web.Request) -> web.Response:
        """Delete the stored frames of one of these."""
        scope = request.match_info["scope"]
        if any(view.scope == scope for view in self._control.feeds()):
            raise web.HTTPConflict(
                reason="it is part of the service: remove it from the configuration first"
            )
        if not (frames := await self._control.remove_gone(scope)):
            raise web.HTTPNotFound(reason="nothing is kept of a feed or group of that name")
        return answer_json({"scope": scope, "frames": frames})

    async def picture(self, request: web.Request) -> web.StreamResponse:
        """Serve a picture that the record claims."""
        path = f"{FRAMES}/{request.match_info['path']}"
        folder = self._control.folder
        file = None
        if folder is not None and await self._control.claims(path):
            file = await asyncio.to_thread(find_picture, folder, path)
        if file is None:
            raise web.HTTPNotFound(reason="there is no such picture")
        return web.FileResponse(
            file,
            headers={
                hdrs.CONTENT_TYPE: MEDIA_TYPES[file.suffix[1:]],
                # Names of frames are unique for ever.
                hdrs.CACHE_CONTROL: "private, max-age=31536000, immutable",
            },
        )

    async def _set_pinned(self, request: web.Request, pinned: bool) -> web.Response:
        key = read_key(request.match_info["id"])
        if key is None or not await self._control.pin(key, pinned):
            raise web.HTTPNotFound(reason="no such frame is kept")
        self._events_broker.announce_pin(str(key), pinned)
        return answer_json({"id": str(key), "pinned": pinned})

    def _feed(self, feed: str, done: bool) -> web.Response:
        for view in self._control.feeds() if done else ():
            if view.status.feed == feed:
                return answer_json(feed_to_json(view, self._metrics.counts().get(feed, {})))
        raise web.HTTPNotFound(reason="there is no such feed")


async def _is_taken(response: web.StreamResponse, text: str) -> bool:
    """Send a text; return False if the client has disconnected or stalls."""
    try:
        async with asyncio.timeout(_WRITE_SECONDS):
            await response.write(text.encode())
    except (ConnectionError, TimeoutError):
        return False
    return True
