"""tensorboardX and torch.utils.tensorboard: what is added as a scalar, by its tag; its global step is the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from expsdk_runtime.autolog.hooks import call_after
from expsdk_runtime.autolog.recording import muted, record


def attach(module: Any) -> None:
    """Wrap the writer of either package."""
    writer = module.SummaryWriter
    call_after(writer, "add_scalar", "tensorboard", _scalar)
    call_after(writer, "add_scalars", "tensorboard", _scalars)
    call_after(writer, "add_hparams", "tensorboard", _hparams, within=muted)  # it adds its metrics by another writer


def _scalar(_writer: Any, tag: str, scalar_value: Any, global_step: Any = None, *_: Any, **__: Any) -> None:
    record({tag: scalar_value}, global_step)


def _scalars(
    _writer: Any, main_tag: str, tag_scalar_dict: Mapping[str, Any], global_step: Any = None, *_: Any, **__: Any
) -> None:
    record({f"{main_tag}/{tag}": value for tag, value in tag_scalar_dict.items()}, global_step)


def _hparams(_writer: Any, _hparam_dict: Any, metric_dict: Mapping[str, Any], *_: Any, **__: Any) -> None:
    record(metric_dict)
