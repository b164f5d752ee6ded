"""The command line: one module for each group of verbs, and `app`, which brings them together.

What a verb does is done by the floors below; what stands here asks, tells and translates options. Modules load nothing
beyond typer until one of their verbs runs, so that `expsdk --help` and shell completion answer at once.
"""
