"""Where shipped data lies: beside the package in a checkout, inside it once installed."""

from __future__ import annotations

from pathlib import Path

from organizer.errors import OrganizerError


def shipped(*parts: str) -> Path:
    """Find a shipped file or folder, e.g. `shipped("rules", "default.toml")`."""
    package = Path(__file__).parent
    for root in (package / "_data", package.parent):
        found = root.joinpath(*parts)
        if found.exists():
            return found
    raise OrganizerError(
        f"the installation lacks {'/'.join(parts)}", hint="Install Organizer again, or reinstall from source."
    )


def shipped_model() -> Path:
    """Find the one model that ships."""
    return next(iter(sorted(shipped("models").glob("*.onnx"))), shipped("models") / "model.onnx")
