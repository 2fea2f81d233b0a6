"""Clients that others wrote, or that generators make."""
