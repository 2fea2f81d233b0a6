"""Requests to addresses that clients name: only to the public Internet, and never more than was bargained for."""

from app.outbound.addresses import check_url, is_public, resolve
from app.outbound.destination import Destination, OutboundError
from app.outbound.exchange import Answer, post
from app.outbound.fetch import fetch_public

__all__ = ["Answer", "Destination", "OutboundError", "check_url", "fetch_public", "is_public", "post", "resolve"]
