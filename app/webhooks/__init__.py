"""Word to clients that a job of theirs has ended (Standard Webhooks 1.0.0)."""

from app.webhooks.book import Attempt, Delivery, DeliveryBook, DeliveryOutcome, Entry
from app.webhooks.sender import Sender

__all__ = ["Attempt", "Delivery", "DeliveryBook", "DeliveryOutcome", "Entry", "Sender"]
