"""Bills of materials against the schema of CycloneDX 1.5, which scripts/setup.sh brings (build/cyclonedx)."""
import json
import pathlib

import jsonschema

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "build/cyclonedx/node_modules/@cyclonedx/cyclonedx-library/res/schema"

MORE = jsonschema.exceptions.ValidationError("more items than there may be")


def additional_items(_, allowed, instance, schema):
    """Debian's jsonschema cannot say this of objects: it sorts them for its message."""
    if allowed is False and isinstance(instance, list) and len(instance) > len(schema.get("items", [])):
        yield MORE


Validator = jsonschema.validators.extend(jsonschema.Draft7Validator, {"additionalItems": additional_items})


def available():
    return SCHEMAS.is_dir()


def validate(bill):
    """Raises jsonschema's error for what is wrong."""
    def read(name):
        return json.loads((SCHEMAS / f"{name}.SNAPSHOT.schema.json").read_text(encoding="utf-8"))
    schema = read("bom-1.5")
    others = {other["$id"]: other for other in (read("spdx"), read("jsf-0.82"))}
    resolver = jsonschema.RefResolver.from_schema(schema, store=others)
    Validator(schema, resolver=resolver, format_checker=jsonschema.FormatChecker()).validate(bill)
