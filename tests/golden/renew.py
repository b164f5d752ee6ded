"""Renew the golden files of the CustomResourceDefinitions: `python tests/golden/renew.py`, then read the diff."""

from __future__ import annotations

from pathlib import Path

import yaml

from expsdk.resources.crd import custom_resource_definitions


def render() -> dict[Path, str]:
    """Return the text of each golden file."""
    texts = {}
    for definition in custom_resource_definitions():
        path = Path(__file__).with_name(f"crd-{definition['spec']['names']['plural']}.yaml")
        texts[path] = yaml.safe_dump(definition, sort_keys=False, allow_unicode=True, width=120)
    return texts


if __name__ == "__main__":
    for path, text in render().items():
        path.write_text(text, encoding="utf-8")
        print(path)
