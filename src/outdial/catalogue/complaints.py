"""Turns what pydantic says of a table into problems that an operator can act on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from outdial.catalogue.model import NESTED, Table, keys_below
from outdial.catalogue.problems import Problem, did_you_mean, masked
from outdial.catalogue.toml_text import inline

_SECRET = re.compile(r"token|secret|password|key|auth")


def translate(errors: list[ErrorDetails], where: str, model: type[Table]) -> list[Problem]:
    """One problem per key: of the alternatives of a union only the first is told."""
    problems: dict[str, Problem] = {}
    for error in errors:
        keys = _keys(error["loc"], model)
        place = ".".join([where, *keys]).replace(".[", "[")
        problems.setdefault(place, _problem(error, place, keys, model))
    return list(problems.values())


def _keys(loc: tuple[int | str, ...], model: type[Table]) -> list[str]:
    """The key's path in the file, without the labels that pydantic gives to the alternatives of a union."""
    keys = [str(loc[0])]
    inner = _model_of(model, keys[0])
    for part in loc[1:]:
        if isinstance(part, int):
            keys.append(f"[{part}]")
        elif _is_key(part, keys, inner):
            keys.append(part)
    return keys


def _is_key(part: str, keys: list[str], inner: type[BaseModel] | None) -> bool:
    if len(keys) == 1 and keys[0] in NESTED:
        return True
    return inner is not None and (part in inner.model_fields or keys[-1].startswith("["))


def _model_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The model of a table, or of a list of tables, inside this one."""
    info = model.model_fields.get(key)
    if info is None:
        return None
    for annotation in (info.annotation, *getattr(info.annotation, "__args__", ())):
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return annotation
    return None


def _problem(error: ErrorDetails, place: str, keys: list[str], model: type[Table]) -> Problem:
    context: Mapping[str, str] = error.get("ctx", {})
    if error["type"] == "extra_forbidden":
        return Problem(place, "", "is not known", _nearest(keys, model))
    shown = _shown(error["input"], keys)
    if error["type"] == "refused":
        return Problem(place, shown, context["what"], context["cure"])
    if error["type"] == "missing":
        return Problem(place, "", "is missing", _example(keys, model))
    what = error["msg"].replace("Input should be", "must be").replace("Extra inputs are", "is")
    if error["type"] in ("model_type", "dict_type"):
        what = "must be a table"
    return Problem(place, shown, what, _example(keys, model))


def _shown(value: object, keys: list[str]) -> str:
    """The value as it may be printed: neither secrets nor phone numbers in full."""
    if keys[0] == "credentials":
        return "***"
    if keys[0] == "e164":
        return f'"{masked(str(value))}"'
    return inline(value)[:60] if isinstance(value, str | int | float) else str(value) if isinstance(value, time) else ""


def _nearest(keys: list[str], model: type[Table]) -> str:
    """A hint for an unknown key: a key of the same table, or the same word in another table of this thing."""
    word, inner = keys[-1], _model_of(model, keys[0])
    known = inner.model_fields if len(keys) > 1 and inner is not None else model.model_fields
    if "credentials" in known and _SECRET.search(word):
        return f'secrets are references below credentials: credentials.{word} = "env:NAME"'
    places = {key: f"{table}.{key}" for table in sorted(NESTED) for key in keys_below(model, table) or ()}
    places |= {key: key for key in model.model_fields}
    if word in places:
        return f'did you mean "{places[word]}"?'
    return did_you_mean(word, sorted(known))


def _example(keys: list[str], model: type[Table]) -> str:
    """How the key is written rightly, from the model's own example."""
    key, inner = keys[0], _model_of(model, keys[0])
    for deeper in keys[1:]:
        if inner is not None and deeper in inner.model_fields:
            key, info = deeper, inner.model_fields[deeper]
            return f"for example {key} = {inline((info.examples or [''])[0])}"
    info = model.model_fields[key]
    return f"for example {key} = {inline((info.examples or [''])[0])}"
