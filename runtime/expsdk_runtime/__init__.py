"""The job's half of expsdk: standard library only, and nothing in it imports expsdk."""
