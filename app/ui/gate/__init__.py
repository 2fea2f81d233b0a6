"""What stands before Gradio: it sees only what this lets through, and only files that were uploaded here."""

from app.ui.gate.uploads import UploadLimits, Uploads
from app.ui.gate.wall import Gate, GateMiddleware

__all__ = ["Gate", "GateMiddleware", "UploadLimits", "Uploads"]
