"""TensorBoard itself, served on loopback by this process, so that it ends when this process does."""

from __future__ import annotations

import logging
import warnings
from importlib.util import find_spec
from pathlib import Path

from expsdk.errors import ExpsdkError

HOST = "127.0.0.1"
REMEDY = "pip install 'expsdk[tensorboard]'"


def serve(directory: Path, *, port: int | None) -> str:
    """Serve a directory of event files in the background; return the address.

    Args:
        directory: The directory; runs are the directories below it.
        port: The port, or None for TensorBoard's own, 6006 or the next one that is free.

    Raises:
        ExpsdkError: TensorBoard is not installed, or cannot serve there.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TensorBoard's and its dependencies' own, which the user cannot mend
            from tensorboard import program
    except ImportError as error:
        raise ExpsdkError(
            f"TensorBoard shows event files, and it is not installed here ({error}): {REMEDY}; the event files are in"
            f" {directory}, for any TensorBoard: tensorboard --logdir {directory}"
        ) from error
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    board = program.TensorBoard()
    # Its data server is many times as quick with thousands of runs, and is not there for every platform.
    quick = "true" if find_spec("tensorboard_data_server") else "false"
    flags = ["tensorboard", "--logdir", str(directory), "--host", HOST, "--reload_interval", "2", "--load_fast", quick]
    try:
        board.configure(argv=[*flags, *(["--port", str(port)] if port is not None else [])])
        return str(board.launch())
    except (program.TensorBoardServerException, OSError) as error:
        raise ExpsdkError(
            f"TensorBoard serves on {HOST}, and it cannot: {error}; give another port with --port, or none"
        ) from error
