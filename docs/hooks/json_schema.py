"""MkDocs hook: JSON schemas of the package become tables of a page.

A line ``::: config-schema`` is replaced by the fields of a configuration, ``::: json-schemas`` by all schemas that
``qabwnas schema`` prints, one section per schema.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from qabwnas.cli.schema import SCHEMAS

CONFIG = "::: config-schema"
OTHERS = "::: json-schemas"
Schema = dict[str, Any]


def on_page_markdown(markdown: str, **_: object) -> str:
    if CONFIG in markdown:
        from qabwnas.pipeline.config.config import config_schema

        markdown = markdown.replace(CONFIG, described("config", config_schema()))
    if OTHERS in markdown:
        sections = [f"## {name} {{ #{name} }}\n\n{described(name, printed_schema(name))}" for name in SCHEMAS]
        markdown = markdown.replace(OTHERS, "\n\n".join(sections))
    return markdown


def printed_schema(name: str) -> Schema:
    text = files("qabwnas.cli").joinpath("schemas", f"{name}.json").read_text(encoding="utf-8")
    schema: Schema = json.loads(text)
    return schema


def described(page_part: str, schema: Schema) -> str:
    """Return one table per object of a schema, the whole first, and the schema itself, folded."""
    definitions: dict[str, Schema] = schema.get("$defs", {})
    tables = [_object("", schema, page_part)]
    for name, definition in definitions.items():
        tables.append(_object(f"### {name} {{ #{_anchor(page_part, name)} }}", definition, page_part))
    whole = json.dumps(schema, indent=2, ensure_ascii=False)
    folded = "\n".join(f"    {line}" for line in ["```json", *whole.splitlines(), "```"])
    return "\n\n".join([*filter(None, tables), f'??? note "The schema"\n\n{folded}'])


def _object(heading: str, schema: Schema, part: str) -> str:
    text = schema.get("description") or schema.get("title", "")
    required = schema.get("required", [])
    rows = [_row(field, of, field in required, part) for field, of in schema.get("properties", {}).items()]
    choices = [_object("", choice, part) for choice in schema.get("oneOf", []) if "properties" in choice]
    table = "\n".join(["| field | values | default | |", "|---|---|---|---|", *rows]) if rows else ""
    values = "" if rows or choices else f"Values: {_values(schema, part)}"
    return "\n\n".join(filter(None, [heading, _cell(text), values, table, *choices]))


def _row(field: str, schema: Schema, required: bool, part: str) -> str:
    default = "required" if required else f"`{json.dumps(schema['default'])}`" if "default" in schema else ""
    return f"| `{field}` | {_values(schema, part)} | {default} | {_cell(schema.get('description', ''))} |"


def _anchor(part: str, name: str) -> str:
    return f"{part}-{name}".lower()


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _values(schema: Schema, part: str) -> str:
    """Return the values that a schema allows, in words."""
    if "$ref" in schema:
        name = schema["$ref"].split("/")[-1]
        return f"[{name}](#{_anchor(part, name)})"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    for either in ("anyOf", "oneOf"):
        if either in schema:
            return " or ".join(dict.fromkeys(_values(choice, part) for choice in schema[either]))
    kind = schema.get("type", "any value")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        items = schema.get("items") or schema.get("prefixItems")
        choices = [_values(item, part) for item in items] if isinstance(items, list) else [_values(items or {}, part)]
        return f"list of {' or '.join(dict.fromkeys(choices))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"names with {_values(schema['additionalProperties'], part)}"
    return kind + _limits(schema)


def _limits(schema: Schema) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {schema[key]}" for key, sign in signs.items() if key in schema]
    return f" {', '.join(limits)}" if limits else ""
