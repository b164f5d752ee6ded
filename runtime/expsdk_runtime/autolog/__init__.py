"""Autolog: what training libraries report of themselves reaches the trial's Result with no changed line.

Each library has a file here, which is loaded right after the library is: until then, and where it is not installed,
there is one look into a dictionary for each import. Nothing here imports a library. Outside a trial, and in processes
of the trial other than its own, the hooks do nothing.
"""

from __future__ import annotations

import sys

from expsdk_runtime.autolog import hooks, recording

_HOOKS = {
    "keras.src.callbacks.callback_list": "keras",
    "lightgbm": "lightgbm",
    "lightning.pytorch.loggers.tensorboard": "lightning",
    "lightning.pytorch.trainer.connectors.logger_connector.logger_connector": "lightning",
    "lightning.pytorch.trainer.trainer": "lightning",
    "pytorch_lightning.loggers.tensorboard": "lightning",
    "pytorch_lightning.trainer.connectors.logger_connector.logger_connector": "lightning",
    "pytorch_lightning.trainer.trainer": "lightning",
    "tensorboardX.writer": "tensorboard",
    "torch.utils.tensorboard.writer": "tensorboard",
    "transformers.integrations.integration_utils": "transformers",
    "transformers.trainer": "transformers",
    "xgboost.callback": "xgboost",
}
"""Modules of libraries, with the file here that is for them."""


def enable() -> None:
    """Log automatically from now on: what is imported later, and what is loaded already."""
    recording.switch(on=True)
    if not any(isinstance(finder, hooks.Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, hooks.Finder(_HOOKS))
    hooks.attach_to_loaded(_HOOKS)


def disable() -> None:
    """Log nothing automatically from now on."""
    recording.switch(on=False)
