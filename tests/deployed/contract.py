"""The JSON Schemas of this repository."""

import json
from functools import cache
from pathlib import Path

import jsonschema

SCHEMAS = Path(__file__).resolve().parents[2] / "schema/json"


def conforms(value, name):
    """Asserts that a value is valid by `schema/json/<name>.json`."""
    faults = [f"{list(fault.path)}: {fault.message}" for fault in _validator(name).iter_errors(value)]
    assert not faults, f"{name}: {faults}\n{json.dumps(value, indent=1)}"


@cache
def _validator(name):
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
