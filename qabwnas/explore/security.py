"""Who may talk to the page: only pages that this server sent, on this machine.

Any web page that the user visits can send requests to 127.0.0.1, and a host name of its owner can be made to point
there (DNS rebinding). Browsers say where a request comes from (``Origin``) and which host it is for (``Host``); only
this server's own address is accepted in both. The content security policy lets the page load nothing from elsewhere.
"""

from __future__ import annotations

from flask import Flask, Response, request

ADDRESS = "127.0.0.1"
_NAMES = (ADDRESS, "localhost")

# dash starts the page with an inline script, and plotly compiles code for figures in 3-D.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "frame-ancestors 'none'",
        "form-action 'none'",
        "base-uri 'none'",
    )
)


def protect(server: Flask, port: int) -> None:
    """Refuse all requests for another host than this server, or from another origin, with 403 and one line."""
    hosts = {f"{name}:{port}" for name in _NAMES} | (set(_NAMES) if port == 80 else set())
    origins = {f"http://{host}" for host in hosts}

    def refuse() -> Response | None:
        host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
        if host not in hosts:
            return _refusal(f"the host {host!r} is not this server: open http://{ADDRESS}:{port}")
        if origin is not None and origin not in origins:
            return _refusal(f"requests of the origin {origin!r} are refused")
        return None

    def add_headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    server.before_request(refuse)
    server.after_request(add_headers)


def _refusal(text: str) -> Response:
    return Response(f"refused: {text}\n", status=403, mimetype="text/plain")
