"""Organizer hears new samples, files them by the user's own rules, and can undo it."""

import os

__version__ = "0.1.0"

# onnxruntime reports its use to its maker unless this is set before it is loaded; we send nothing anywhere.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
