"""Trials as processes of this machine, records as files under `.expsdk/`: nothing to install, nothing to start.

Loaded by the launcher inside a payload too, so this file imports nothing.
"""
