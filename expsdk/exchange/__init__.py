"""Whole experiments from one place to another, as directories of files that are checked when they are read.

A place is what `Records` reads: another machine's files, another cluster. Nothing here runs trials.
"""

from expsdk.exchange.reading import Export, read_export
from expsdk.exchange.taking import import_experiment
from expsdk.exchange.writing import Exported, export_experiment

__all__ = ["Export", "Exported", "export_experiment", "import_experiment", "read_export"]
