"""The records of experiments and trials, and the schemas that a cluster needs to keep them.

Import from the modules: `names` and `times` need the standard library alone, because jobs load them too;
`document`, `experiment`, `result` and `crd` need pydantic.
"""
