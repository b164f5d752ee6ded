"""The version of this distribution, both halves."""

__version__ = "0.1.0"
