"""What people see while a sweep runs, on standard error: a picture that is drawn again and again, or plain lines.

`mode` decides which. `board` takes in what an observer hears, and `picture` draws what the board knows, for a terminal
of any size and without one; `screen` and `streams` are all that touches the terminal, `live` is its thread. Nothing
here changes how a sweep goes.
"""
