"""A live page of experiments for the browser: a small server on this machine, its data, and the page itself.

It reads records and never writes. What it knows it keeps only as long as somebody looks. The page (`page/`) is plain
HTML, CSS and JavaScript, without a build step and without anything from another server.
"""

from expsdk.dashboard.dashboard import DEFAULT_PORT, Dashboard

__all__ = ["DEFAULT_PORT", "Dashboard"]
