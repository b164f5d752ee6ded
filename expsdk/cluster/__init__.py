"""The API server as expsdk asks it: kinds and their paths, one connection, verbs on plain dicts, errors in words.

What belongs here is true of any object in a cluster. What a trial's Job is, and when it has ended, is the Kubernetes
backend's; what experiments and results hold is `expsdk.resources`'.
"""
