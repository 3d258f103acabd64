"""Who may talk to the editor: the browser window that was opened with the token, and nobody through another site.

The server listens on the loopback interface only, but other users of the machine can reach that, and so can any web
page that the user has open. Therefore every request needs

* the `Host` the server was started as: a stranger's name that resolves to 127.0.0.1 (DNS rebinding) is refused;
* the token, as the cookie that opening the printed address sets (it is never sent along from another site);
* to change anything, an `Origin` that is the server's own.

Every answer, that to a request that broke the editor too, forbids frames, foreign scripts, guessing of types, and being
read by other sites.
"""

import hmac

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_READING = frozenset({"GET", "HEAD"})


class Guard:
    """The outermost part of the application, which lets nobody else in; `port` and `token` are the server's."""

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self.app, self.token = app, token
        self.cookie = f"bench-sdc-edit-{port}"
        names = ("127.0.0.1", "localhost")
        self.hosts = {f"{name}:{port}" for name in names} | (set(names) if port == 80 else set())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # no web sockets here
            await send({"type": "websocket.close"})
            return
        request = Request(scope)
        with_cookie = self._is_token(request.query_params.get("token")) and request.url.path == "/"

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if with_cookie:
                    headers.append("Set-Cookie", f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Strict")
            await send(message)

        refusal = self._refusal(request)
        await (refusal or self.app)(scope, receive, answer)

    def _refusal(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if host not in self.hosts:
            return PlainTextResponse("This is the map editor of bench on 127.0.0.1, not the site you asked for.", 421)
        if not self._knows_token(request):
            line = "open the address that bench sdc edit printed; it has a token"
            return PlainTextResponse(line, 403) if request.url.path == "/" else JSONResponse({"error": line}, 403)
        if request.method not in _READING and request.headers.get("origin") != f"http://{host}":
            return JSONResponse({"error": "changes are taken from the editor's own page only"}, 403)
        return None

    def _knows_token(self, request: Request) -> bool:
        if request.url.path == "/" and self._is_token(request.query_params.get("token")):
            return True
        return self._is_token(request.cookies.get(self.cookie))

    def _is_token(self, text: str | None) -> bool:
        return text is not None and hmac.compare_digest(text.encode(), self.token.encode())
