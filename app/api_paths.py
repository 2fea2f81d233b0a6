"""Which requests go to the REST API."""

import re
from collections.abc import Iterable

from fastapi import APIRouter
from starlette.routing import Route


class ApiPaths:
    """The methods and paths of routes.

    Args:
        routers: Have the routes.
    """

    def __init__(self, routers: Iterable[APIRouter]) -> None:
        routes = (route for router in routers for route in router.routes if isinstance(route, Route))
        self._routes: list[tuple[re.Pattern[str], set[str]]] = [
            (route.path_regex, {*(route.methods or ())}) for route in routes
        ]

    def take(self, method: str, path: str) -> bool:
        """Whether a route answers; what answers GET answers HEAD."""
        asked = "GET" if method == "HEAD" else method
        return any(asked in methods and pattern.match(path) for pattern, methods in self._routes)
