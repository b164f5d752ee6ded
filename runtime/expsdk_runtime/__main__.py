"""`python -m expsdk_runtime log val_loss=0.3 epoch=4`: records from a trial's pod, for programs in any language."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from expsdk_runtime.contract import ExitCode, Phase, decode_number
from expsdk_runtime.tracking import as_epoch, as_metric_name

if TYPE_CHECKING:
    from collections.abc import Sequence

EPOCH = "epoch"


def parse_values(words: Sequence[str]) -> tuple[dict[str, float], int | None]:
    """Return the metrics and the epoch of words such as `val_loss=0.3` and `epoch=4`.

    Raises:
        ValueError: A word is no such assignment, names a metric twice, or there is no metric at all.
    """
    values: dict[str, float] = {}
    epoch = None
    for word in words:
        name, sign, text = word.partition("=")
        if not sign:
            raise ValueError(f"what is logged is name=value, not {word!r}: write {word}=0.3 for example")
        if name == EPOCH:
            epoch = _parse_epoch(text)
        elif name in values:
            raise ValueError(f"a metric has one value an epoch, and {name!r} is here twice: log them one by one")
        else:
            values[as_metric_name(name)] = _parse_value(name, text)
    if not values:
        raise ValueError("there is no metric to log: add one, val_loss=0.3 for example")
    return values, epoch


def _parse_value(name: str, text: str) -> float:
    try:
        return decode_number(text)
    except ValueError:
        raise ValueError(f"a metric's value is a number, not {text!r}: write {name}=0.3 for example") from None


def _parse_epoch(text: str) -> int:
    try:
        return as_epoch(int(text))
    except ValueError:
        raise ValueError(f"an epoch is an integer from 0, not {text!r}: write epoch=4 for example") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Record what the command line says; return the process's exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m expsdk_runtime", description="Record the metrics of the trial that this pod carries."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="{log,end}")
    log = commands.add_parser("log", help="add values of metrics to the trial's Result")
    log.add_argument(
        "values", nargs="+", metavar="NAME=VALUE", help="a metric's value; epoch=N says which epoch (default: the next)"
    )
    end = commands.add_parser("end", help="end the trial")
    end.add_argument(
        "--phase", choices=(Phase.SUCCEEDED, Phase.FAILED), default=Phase.SUCCEEDED, help="default: Succeeded"
    )
    end.add_argument("--reason", default="", metavar="WORD", help="why, in one word")
    end.add_argument("--message", default="", metavar="TEXT", help="why, for people")
    options = parser.parse_args(arguments)
    try:
        values, epoch = parse_values(options.values) if options.command == "log" else ({}, None)
    except ValueError as error:
        parser.error(str(error))

    from expsdk_runtime.record import NotInTrial, NotRecorded, TrialRecord

    try:
        record = TrialRecord()
        if options.command == "log":
            record.log(values, epoch)
            return ExitCode.SUCCEEDED
        status = record.end(options.phase, options.reason, options.message)["status"]
    except NotInTrial as error:
        parser.error(str(error))
    except NotRecorded as error:
        print(f"expsdk: {error}", file=sys.stderr)
        return 1
    if options.phase == Phase.SUCCEEDED and status["phase"] == Phase.FAILED:
        print(f"expsdk: failed: {status['message']}", file=sys.stderr)
        return ExitCode.NO_OBJECTIVE
    return ExitCode.SUCCEEDED


if __name__ == "__main__":
    sys.exit(main())
