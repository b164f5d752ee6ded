"""What all tests share: laws are searched without a clock, since a slow machine breaks no law."""

from hypothesis import settings

settings.register_profile("expsdk", deadline=None)
settings.load_profile("expsdk")
