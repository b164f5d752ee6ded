"""When two samples are the same: as JSON with exact types, once values of a stepped domain lie on their steps."""

from __future__ import annotations

import hashlib
import json

from expsdk.samplers.base import Sample
from expsdk.space import Space, Uniform

_KEY_BYTES = 16


def on_steps(space: Space, sample: Sample) -> Sample:
    """Return a sample of the space with 0.3 for what arithmetic made 0.30000000000000004 of."""
    stepped = {}
    for leaf in space.active_leaves(sample):
        steps = leaf.domain.grid() if isinstance(leaf.domain, Uniform) else None
        if isinstance(leaf.domain, Uniform) and steps is not None:
            stepped[leaf.name] = steps[leaf.domain.index_of(sample[leaf.name])]
    return {**sample, **stepped} if stepped else sample


def key_of(space: Space, sample: Sample) -> bytes:
    """Return a short key that samples of the space share when they are the same."""
    text = json.dumps(on_steps(space, sample), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=_KEY_BYTES).digest()
