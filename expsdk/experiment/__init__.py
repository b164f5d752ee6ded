"""What an experiment is: a function, its space and its objectives, checked when the decorator runs.

Standard library only: this package is loaded inside jobs too. What runs an experiment does not belong here.
"""
