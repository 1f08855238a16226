"""Organizer hears new samples, files them by the user's own rules, and can undo it."""

__version__ = "0.1.0"
