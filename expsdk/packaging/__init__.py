"""From a function to a payload: one deterministic file that any container with Python can run.

What a job does with the payload belongs to `expsdk_runtime`; where payloads are sent belongs to the backends.
"""
