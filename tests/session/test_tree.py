"""The tree of what could have been said holds the model's own probabilities."""

import math
from types import SimpleNamespace

import pytest

from tests.sandbox.probabilities import END, distribution
from tests.tables.asking import weighted
from wcode_magics.display.tree_bundles import bundle
from wcode_magics.errors import UsageError
from wcode_magics.session.session import Session

ODDS = {
    "": {"Yes": 0.6, "No": 0.3, "<b>": 0.1},
    "Yes": {"<|end|>": 0.7, ".": 0.2, ", it is": 0.08},
    "No": {" way": 0.6, "<|end|>": 0.4},
    "<b>": {"x": 0.9},
    "Yes.": {"": 1.0},
}


def _odds(_prompt, said):
    return ODDS.get(said, {"!": 1.0})


def _session(made, **more):
    return Session(base_url=made.url, api_key="k", **more)


def test_leaves_are_those_of_the_model(loopback):
    """Joint probabilities are products, and complete, open and unlisted sum to 1."""
    server = loopback(weighted(_odds))
    with _session(server) as session:
        reply = session.ask("Is it?", logprobs=True)
        tree = session.tree(reply, depth=2, mass=1.0)
        frame = tree.frame().set_index(["text", "state"])["probability"]
        sent = len(server.seen)
        again = session.tree(reply, depth=2, mass=1.0)
    expected = {
        ("Yes", "ended"): 0.42,
        ("Yes.", "deep"): 0.12,
        ("Yes, it is", "deep"): 0.048,
        ("No way", "deep"): 0.18,
        ("No", "ended"): 0.12,
        ("<b>x", "deep"): 0.09,
    }
    assert {key: pytest.approx(value) for key, value in expected.items()} == (
        frame.to_dict()
    )
    assert tree.unlisted == pytest.approx(0.6 * 0.02 + 0.1 * 0.1)
    assert math.isclose(tree.covered + tree.unlisted, 1.0, abs_tol=1e-9)
    assert len(server.seen) == sent == 1 + 4
    assert again.frame().equals(tree.frame())
    assert (tree.costs, str(tree.costs)) == ({}, "–")
    assert str(again.costs) == "¥0"


def test_likeliest_end_first_until_the_mass(loopback):
    """It stops at the mass; what is left is open, and told."""
    server = loopback(weighted(_odds))
    with _session(server) as session:
        tree = session.tree(session.ask("Is it?", logprobs=True), depth=2, mass=0.4)
    assert tree.covered >= 0.4
    assert len(server.seen) < 6
    shown = bundle(tree)
    assert "<b>" not in shown["text/html"]
    assert "&lt;b&gt;" in shown["text/html"]
    assert "<details open>" in shown["text/html"]
    assert "Yes" in shown["text/plain"]


@pytest.mark.parametrize(
    ("given", "said"), [({"depth": 0}, "depth is 0"), ({"mass": 1.5}, "mass is 1.5")]
)
def test_what_is_refused(loopback, given, said):
    """One line, and nothing more is sent."""
    server = loopback(weighted(_odds))
    with _session(server) as session:
        reply = session.ask("Is it?", logprobs=True)
        with pytest.raises(UsageError, match=said):
            session.tree(reply, **given)
    assert len(server.seen) == 1


def test_endpoint_that_starts_anew(loopback):
    """Where a beginning is ignored, the tree is refused rather than wrong."""
    whole = weighted(lambda _prompt, said: {"Yes indeed": 1.0} if not said else _END)
    server = loopback(lambda seen: whole(_without_prefix(seen)))
    with _session(server) as session:
        reply = session.ask("Is it?", logprobs=True)
        with pytest.raises(UsageError, match="starts anew"):
            session.tree(reply, depth=3, mass=1.0)


_END = {"": 1.0}


def _without_prefix(seen):
    return SimpleNamespace(body={**seen.body, "continue_final_message": False})


def _enumerated(request, depth, text=b"", joint=1.0, level=0):
    """All leaves of the sandbox's tree down to a depth, by its model alone."""
    try:
        odds = distribution(request, text.decode()) if level < depth else ()
    except UnicodeDecodeError:
        odds = ()
    if not odds:
        yield text, joint
        return
    for raw, share, token in odds:
        if token == END:
            yield text, joint * share
        else:
            yield from _enumerated(request, depth, text + raw, joint * share, level + 1)


def test_tree_of_the_sandbox_against_its_whole_model():
    """Every leaf within 1e-9 of the enumeration of the model; the masses sum to 1."""
    with Session() as session:
        reply = session.ask("Say yes or no: is water wet?", logprobs=True)
        tree = session.tree(reply, depth=2, mass=1.0)
    expected: dict = {}
    for text, joint in _enumerated(reply.request, 2):
        expected[text] = expected.get(text, 0.0) + joint
    found: dict = {}
    for node in tree.leaves:
        found[node.data] = found.get(node.data, 0.0) + node.probability
    assert found.keys() == expected.keys()
    assert max(abs(found[text] - expected[text]) for text in found) < 1e-9
    total = math.fsum(n.probability for n in tree.leaves) + tree.unlisted
    assert abs(total - 1.0) < 1e-9
