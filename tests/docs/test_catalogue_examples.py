"""Pieces of a catalogue in the documents are read without a problem, and the example that ships is a whole one."""

from __future__ import annotations

import tomllib

import pytest

from outdial.catalogue.carriers import check_carriers
from outdial.catalogue.merge import merge
from outdial.catalogue.problems import Problem
from outdial.catalogue.read import read_catalogue
from outdial.rules.catalogue_rows import EMPTY_CATALOGUE, Kind
from tests.docs.documents import PAGES, ROOT, Block, blocks, name

PIECES = [
    block
    for page in PAGES
    for block in blocks(page)
    if block.kind == "toml" and set(tomllib.loads(block.text)) <= set(Kind)
]
CONNECTIONS = [piece for piece in PIECES if "[connections." in piece.text and "provider" in piece.text]


def problems(text: str) -> list[Problem]:
    """What `outdial apply` would say of it in an empty database."""
    file = read_catalogue(text, "example")
    wanted, found = merge(EMPTY_CATALOGUE, file)
    return [*found, *check_carriers(wanted, file)]


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: name(piece.page))
def test_a_piece_can_be_read(piece: Block) -> None:
    read_catalogue(piece.text, name(piece.page))


@pytest.mark.parametrize("piece", CONNECTIONS, ids=lambda piece: name(piece.page))
def test_a_new_connection_is_what_its_provider_needs(piece: Block) -> None:
    assert problems(piece.text) == []


def test_enough_pieces_were_found() -> None:
    """A guard against a pattern that finds nothing."""
    assert len(PIECES) > 7
    assert len(CONNECTIONS) > 2


def test_the_example_that_ships_is_a_whole_catalogue() -> None:
    text = (ROOT / "deploy" / "catalogue.example.toml").read_text()
    assert "[campaigns." in text
    assert problems(text) == []
