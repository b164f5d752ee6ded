"""Where trials run. Backends do not know each other; `registry` finds them by name when they are first needed.

What decides which trial runs when does not belong here: that is the sweep's.
"""
