"""Trials as plain Jobs on a Kubernetes cluster.

What is sent is built by pure functions from typed values to dicts, and sent by others. What is true of any object in a
cluster belongs to `expsdk.cluster`.
"""
