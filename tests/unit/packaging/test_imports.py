"""Which modules a source, or a code object, may import."""

from __future__ import annotations

from types import CodeType

import pytest

from expsdk.packaging.imports import imports_of_code, imports_of_source

STATEMENTS = [
    ("import a", "", {"a"}),
    ("import a.b.c as d, e", "", {"a.b.c", "e"}),
    ("from a import b, c as d", "", {"a", "a.b", "a.c"}),
    ("from a.b import *", "", {"a.b"}),
    ("from . import b", "pkg.sub", {"pkg.sub", "pkg.sub.b"}),
    ("from .b import c", "pkg", {"pkg.b", "pkg.b.c"}),
    ("from .. import b", "pkg.sub", {"pkg", "pkg.b"}),
    ("from ..b.c import d", "pkg.sub", {"pkg.b.c", "pkg.b.c.d"}),
    ("from ... import b", "pkg.sub", set()),
    ("from . import b", "", set()),
    ("def f():\n  import a\n  def g():\n    from b import c", "", {"a", "b", "b.c"}),
    ("class A:\n  import a\n  def f(self):\n    import b", "", {"a", "b"}),
    ("try:\n  import a\nexcept ImportError:\n  import b", "", {"a", "b"}),
    ("if 0 < len('x') < 2:\n  import a", "", {"a"}),
    ("f = lambda: [__import__ for x in ()]\nx = 'import a'", "", set()),
]


@pytest.mark.parametrize(("source", "package", "expected"), STATEMENTS)
def test_a_source_imports_what_its_statements_name(source: str, package: str, expected: set[str]) -> None:
    assert set(imports_of_source(source.encode(), package=package)) == expected


@pytest.mark.parametrize(("source", "package", "expected"), STATEMENTS)
def test_code_imports_what_its_source_does(source: str, package: str, expected: set[str]) -> None:
    code = compile(source, "x.py", "exec")
    assert set(imports_of_code(code, package=package)) == expected


def test_code_that_is_nested_is_looked_into() -> None:
    outer = compile("def f():\n  def g():\n    import deep", "x.py", "exec")
    inner = next(each for each in outer.co_consts if isinstance(each, CodeType))
    assert list(imports_of_code(inner, package="")) == ["deep"]


@pytest.mark.parametrize("source", [b"def f(:", b"\x00", b"\xff\xfe\xfa", b"# coding: nonsense\nimport a"])
def test_what_does_not_parse_imports_nothing(source: bytes) -> None:
    assert list(imports_of_source(source, package="")) == []


def test_a_source_in_another_encoding_is_read_as_it_says() -> None:
    source = "# coding: latin-1\nx = 'é'\nimport a".encode("latin-1")
    assert list(imports_of_source(source, package="")) == ["a"]
