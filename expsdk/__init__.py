"""Decorate a training function, call `sweep.run()`: every sample of the space becomes one isolated job."""
