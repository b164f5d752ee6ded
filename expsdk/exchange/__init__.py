"""Whole experiments from one place to another: as a directory of files, checked when it is read."""
