"""MkDocs hook: a line ``::: json-schema NAME`` of a page becomes the tables of a JSON schema that the package has.

NAME is ``config``, or a name that ``qabwnas schema`` takes.
"""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

DIRECTIVE = re.compile(r"^::: json-schema (\S+)$", re.MULTILINE)
Schema = dict[str, Any]


def on_page_markdown(markdown: str, **_: object) -> str:
    return DIRECTIVE.sub(lambda found: described(schema_of(found[1])), markdown)


def schema_of(name: str) -> Schema:
    if name == "config":
        from qabwnas.pipeline.config.config import config_schema

        return config_schema()
    text: Schema = json.loads(files("qabwnas.cli").joinpath("schemas", f"{name}.json").read_text(encoding="utf-8"))
    return text


def described(schema: Schema) -> str:
    """Return one table per object of a schema, the whole first, and the schema itself, folded."""
    definitions: dict[str, Schema] = schema.get("$defs", {})
    tables = [_object(None, schema), *(_object(name, definition) for name, definition in definitions.items())]
    whole = json.dumps(schema, indent=2, ensure_ascii=False)
    folded = "\n".join(f"    {line}" for line in ["```json", *whole.splitlines(), "```"])
    return "\n\n".join([*filter(None, tables), f'??? note "The schema"\n\n{folded}'])


def _object(name: str | None, schema: Schema) -> str:
    title = [f"### {name}"] if name else []
    text = [schema["description"]] if "description" in schema else []
    rows = [_row(field, of, field in schema.get("required", [])) for field, of in schema.get("properties", {}).items()]
    table = ["\n".join(["| field | values | default | |", "|---|---|---|---|", *rows])] if rows else []
    return "\n\n".join([*title, *text, *table])


def _row(field: str, schema: Schema, required: bool) -> str:
    default = "required" if required else f"`{json.dumps(schema['default'])}`" if "default" in schema else ""
    return f"| `{field}` | {_values(schema)} | {default} | {_cell(schema.get('description', ''))} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _values(schema: Schema) -> str:
    """Return the values that a schema allows, in words."""
    if "$ref" in schema:
        name = schema["$ref"].split("/")[-1]
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    for either in ("anyOf", "oneOf"):
        if either in schema:
            return " or ".join(dict.fromkeys(_values(choice) for choice in schema[either]))
    kind = schema.get("type", "any value")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        items = schema.get("items") or schema.get("prefixItems")
        choices = [_values(item) for item in items] if isinstance(items, list) else [_values(items or {})]
        return f"list of {' or '.join(dict.fromkeys(choices))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"names with {_values(schema['additionalProperties'])}"
    return kind + _limits(schema)


def _limits(schema: Schema) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {schema[key]}" for key, sign in signs.items() if key in schema]
    return f" {', '.join(limits)}" if limits else ""
