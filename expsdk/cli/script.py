"""Running a user's script up to its sweep, for the experiments that it defines.

A payload that is made of a script must be the very one that `python SCRIPT` packs for its sweep: jobs check its digest.
So the script runs as `__main__`, as Python itself would run it, but without what stands under
`if __name__ == "__main__":`, and no further than to a sweep that it starts outside of that. What it asks of its own
sweep there is not looked at.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

from expsdk.errors import DefinitionError, ExpsdkError
from expsdk.spelling import suggest

if TYPE_CHECKING:
    from expsdk.decorator import Experiment
    from expsdk.packaging.payload import Payload


def pack_script(target: str) -> Payload:
    """Return the payload of the experiment that a script defines; see `load_script`.

    Raises:
        PackingError: Something that the function uses cannot travel.
    """
    with load_script(target) as defined:
        return defined.pack()


@contextmanager
def load_script(target: str) -> Iterator[Experiment[..., object]]:
    """Yield the experiment that a script defines; its module is `__main__` meanwhile, so it can be packed and run.

    Args:
        target: "train.py", or "train.py:function" where it defines several.

    Raises:
        DefinitionError: There is no such script, it fails, or it is not clear which experiment is meant.
    """
    path, _, name = target.partition(":") if ".py:" in target else (target, "", "")
    file = Path(path)
    if not file.is_file():
        scripts = (str(each) for each in file.parent.glob("*.py"))
        remedy = suggest(path, scripts, otherwise="give its path, as python takes it")
        raise DefinitionError(f"a script defines the experiment, and there is no script at {path!r}; {remedy}")
    with _as_main(file) as module:
        _run(module, file)
        yield _chosen(module, path, name)


class _ReachedSweepError(BaseException):
    """The script starts a sweep: all that it defines before is there. No `except Exception` of the script stops it."""


@contextmanager
def _as_main(file: Path) -> Iterator[ModuleType]:
    """Let a new, empty module be `__main__` for a while, with the script's directory first on the path."""
    module = ModuleType("__main__")
    module.__file__ = str(file.absolute())
    main, path, arguments = sys.modules["__main__"], list(sys.path), list(sys.argv)
    sys.modules["__main__"] = module
    sys.path[0:0] = [str(file.absolute().parent)]
    sys.argv[:] = [str(file)]
    try:
        yield module
    finally:
        sys.modules["__main__"] = main
        sys.path[:] = path
        sys.argv[:] = arguments


def _run(module: ModuleType, file: Path) -> None:
    """Run the script in `module` as far as it defines things."""
    from expsdk.sweep import Sweep

    def reach(*_: object, **__: object) -> NoReturn:
        raise _ReachedSweepError

    run = Sweep.run
    try:
        tree = ast.parse(file.read_bytes(), filename=str(file.absolute()))
        code = compile(_Unguarded().visit(tree), str(file.absolute()), "exec", dont_inherit=True)
        Sweep.run = reach  # type: ignore[method-assign]
        exec(code, vars(module))
    except _ReachedSweepError:
        pass
    except ExpsdkError:
        raise
    except SystemExit as error:
        raise DefinitionError(
            f"{file} ends itself (exit status {error.code}) before it defines its experiment; put what is not for"
            ' imports under `if __name__ == "__main__":`'
        ) from error
    except Exception as error:  # whatever the user's script raises
        raise DefinitionError(f"{file} fails when it is run{_line_of(error, file)}: {_words(error)}") from error
    finally:
        Sweep.run = run  # type: ignore[method-assign]


def _chosen(module: ModuleType, path: str, name: str) -> Experiment[..., object]:
    """Return the experiment of that name among the script's, or its only one."""
    from expsdk.decorator import Experiment

    found: dict[str, Experiment[..., object]] = {
        each: value for each, value in vars(module).items() if isinstance(value, Experiment)
    }
    if name in found:
        return found[name]
    known = ", ".join(sorted(found))
    if name:
        remedy = suggest(name, found, otherwise="name a function that @experiment decorates")
        raise DefinitionError(f"{path} defines {known or 'no experiment'}, and no {name!r}; {remedy}")
    if not found:
        raise DefinitionError(
            f"{path} defines no experiment; decorate its training function with @experiment, outside of"
            ' `if __name__ == "__main__":`'
        )
    if len({id(each) for each in found.values()}) > 1:
        raise DefinitionError(f"{path} defines several experiments ({known}); say which: {path}:{min(found)}")
    return next(iter(found.values()))


class _Unguarded(ast.NodeTransformer):
    """Empties what a script does only when it is run as a program; all else stays as it is, line by line."""

    def visit_Module(self, node: ast.Module) -> ast.Module:
        for statement in node.body:
            if isinstance(statement, ast.If) and _is_guard(statement.test):
                statement.body = [ast.copy_location(ast.Pass(), statement)]
        return node


def _is_guard(test: ast.expr) -> bool:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(map(_is_guard, test.values))
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        return False
    sides = (test.left, test.comparators[0])
    return any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides) and any(
        isinstance(side, ast.Constant) and side.value == "__main__" for side in sides
    )


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _line_of(error: BaseException, file: Path) -> str:
    """Return where in the script an error arose."""
    place, step = "", error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == str(file.absolute()):
            place = f" (line {step.tb_lineno})"
        step = step.tb_next
    return place
