"""Tools for assistants, over the Model Context Protocol: what the REST API does, under the same rules."""

from app.mcp.route import create_router

__all__ = ["create_router"]
