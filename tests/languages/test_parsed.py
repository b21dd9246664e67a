"""Exports whose toolchain cannot be had here are parsed by a grammar, not run."""

from functools import cache

import pytest
import tree_sitter
import tree_sitter_c_sharp
import tree_sitter_dart
import tree_sitter_swift

from tests.golden_files import program
from tests.languages.tried import NOT_RUN
from tests.matrix import BASE_URL, CASES, LONG
from wcode_magics.snippets import find, render

GRAMMARS = {
    "swift": tree_sitter_swift,
    "dart": tree_sitter_dart,
    "csharp-restsharp": tree_sitter_c_sharp,
}
PROGRAMS = [
    pytest.param(key, name, id=f"{key}-{name}")
    for key in GRAMMARS
    for name, case in CASES.items()
]


@cache
def _parser(key):
    return tree_sitter.Parser(tree_sitter.Language(GRAMMARS[key].language()))


def _nodes(node):
    yield node
    for child in node.children:
        yield from _nodes(child)


def _parsed(key, source):
    """The root of the tree, and what in the source is not of the language."""
    root = _parser(key).parse(source.encode()).root_node
    faults = [n for n in _nodes(root) if n.is_error or n.is_missing]
    return root, [(fault.type, fault.start_point) for fault in faults]


def test_each_target_is_parsed_or_run():
    """The table's word "parsed" is true: there is a grammar for just those targets."""
    assert set(GRAMMARS) == {*NOT_RUN}


@pytest.mark.parametrize(("key", "name"), PROGRAMS)
def test_the_program_is_parsed_not_run(key, name):
    """The whole program is of its language, and its body is one string literal."""
    target = find(key)
    source = program(target, name)
    root, faults = _parsed(key, source)
    assert faults == []
    case = CASES[name]
    if not case.stream:
        literal = target.quote(case.request.body).encode()
        assert literal in {node.text for node in _nodes(root)}


@pytest.mark.parametrize("key", GRAMMARS)
def test_a_long_prompt_is_parsed_not_run(key):
    """A prompt of 64 K tokens is one string literal as well."""
    _root, faults = _parsed(key, render(LONG, key, base_url=BASE_URL))
    assert faults == []


@pytest.mark.parametrize("key", GRAMMARS)
def test_the_grammar_finds_faults(key):
    """A quote that ends the literal too early would be noticed."""
    target = find(key)
    body = CASES["hostile"].request.body
    source = program(target, "hostile")
    cut = source.replace(target.quote(body), target.quote(body)[:-2])
    assert cut != source
    assert _parsed(key, cut)[1] != []
