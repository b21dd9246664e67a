"""Templates: names go in, nothing else changes, nothing gets out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_magics.errors import TemplateError
from wcode_magics.template import compiled, render

AS_THEY_ARE = [
    "",
    "plain",
    '{"a": {"b": [1, {}]}}',
    "def f(): return {x: {1} for x in {}}",
    "{# not a comment #} {#} #}",
    "a {b} {c} }} %} #}",
    "# heading\n## another\n{name}",
    "$x$ $$y$$ ${z} $HOME",
    "line\nline\n",
    "<b>&amp;</b>",
    "{ { x } }",
    "f'{x!r:>10}'",
]


@pytest.mark.parametrize("source", AS_THEY_ARE)
def test_what_is_not_a_template_goes_through_as_it_is(source):
    """JSON, code, formulas and comments need no escaping."""
    assert render(source, {}) == source


@pytest.mark.parametrize("source", AS_THEY_ARE)
def test_beside_a_name_everything_else_stays_as_it_is(source):
    """Filling in one name changes nothing around it."""
    assert render(f"{source}|{{{{ x }}}}|{source}", {"x": 1}) == f"{source}|1|{source}"


@given(st.text())
def test_a_value_is_never_evaluated_again(value):
    """What a value contains is text, braces and all."""
    assert render("{{ x }}", {"x": value}) == value


@pytest.mark.parametrize("value", ["{{ y }}", "{% if %}", "{{ 7 * 7 }}", "{{", "{%"])
def test_braces_in_a_value_are_text(value):
    """A review that holds a template cannot ask for other variables."""
    assert render("<{{ x }}>", {"x": value, "y": "secret"}) == f"<{value}>"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("{{ 名字 }}，你好", "小明，你好"),
        ("{{ n + 1 }} {{ n * 2.0 }}", "3 4.0"),
        ("{% for i in items %}{{ i }};{% endfor %}", "a;b;"),
        ("{% if n == 2 %}yes{% else %}no{% endif %}", "yes"),
        ("{{ items | length }} {{ items[0] }} {{ d.k }} {{ d['k'] }}", "2 a v v"),
        ("{{ items | join(', ') }} {{ 名字.upper() }}", "a, b 小明"),
        ("{{ missing | default('none') }}", "none"),
        ("{{ missing is defined }}", "False"),
        ("{{ '{{' }} x {{ '}}' }}", "{{ x }}"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{{ '<b>&' }}", "<b>&"),
        ("{{ none }} {{ zero }} {{ no }}", "None 0 False"),
        ("a\n{{ n }}\n", "a\n2\n"),
    ],
)
def test_names_and_expressions_are_filled_in(source, shown):
    """Jinja's expressions, Chinese names, falsy values, no HTML escaping."""
    names = {"名字": "小明", "n": 2, "items": ["a", "b"], "d": {"k": "v"}}
    assert render(source, {**names, "zero": 0, "no": False, "none": None}) == shown


@pytest.mark.parametrize(
    ("source", "given_name"),
    [
        ("{{ reviw }}", "reviw"),
        ("{{ reviw.text }}", "reviw"),
        ("{% if reviw %}x{% endif %}", "reviw"),
        ("{% for r in reviw %}x{% endfor %}", "reviw"),
        ("{{ reviw | length }}", "reviw"),
        ("{{ reviw == 1 }}", "reviw"),
        ("{{ 'x' ~ reviw }}", "reviw"),
        ("{{ reviw() }}", "reviw"),
        ("{{ reviw + 1 }}", "reviw"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(source, given_name):
    """Wherever the name stands, the error names it and the nearest."""
    with pytest.raises(TemplateError, match="Did you mean review") as caught:
        render(source, {"review": "x", "_private": 1})
    assert caught.value.facts["given"] == given_name


def test_a_far_name_lists_what_is_there():
    """Where nothing is near, the known names help; private ones are not told."""
    with pytest.raises(TemplateError, match=r"Known: a, b\.") as caught:
        render("{{ zzzzz }}", {"a": 1, "b": 2, "_c": 3})
    assert "_c" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        *(("{{ x", 1), ("a\n\n{{ x y }}", 3), ("\n{% fi %}", 2), ("{{}}", 1)),
        *(('{{"a": 1}}', 1), ("{% if x %}", 1), ("{% include 'x' %}{% if", 1)),
    ],
)
def test_a_syntax_error_tells_its_line_and_the_way_round(source, line):
    """One line: where, what, and --raw."""
    with pytest.raises(TemplateError, match=f"line {line}.*--raw") as caught:
        render(source, {"x": 1})
    assert caught.value.key == "template_syntax"


ESCAPES = [
    "{{ x.__class__ }}",
    "{{ x.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''.__class__ }}",
    "{{ x['__class__'] }}",
    "{{ x | attr('__class__') }}",
    "{{ '{0.__class__}'.format(x) }}",
    "{{ '{x.__class__}'.format_map({'x': x}) }}",
    "{{ f.__globals__ }}",
    "{{ f.__code__ }}",
    "{{ g.gi_frame }}",
    "{{ items.append(1) }}",
    "{{ items.clear() }}",
    "{{ d.update({'a': 1}) }}",
    "{{ range(10 ** 9) }}",
    "{{ self.__init__.__globals__ }}",
    "{{ lipsum.__globals__ }}",
    "{{ cycler.__init__.__globals__ }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% extends 'x' %}",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_escapes_from_the_sandbox_are_refused(source):
    """A template reaches values, not Python behind them, and changes none."""
    names = {"x": 1, "items": [1], "d": {"a": 0}, "f": render, "g": (i for i in ())}
    with pytest.raises(TemplateError) as caught:
        render(source, names)
    assert "\n" not in str(caught.value)
    assert (names["items"], names["d"]) == ([1], {"a": 0})


def test_what_is_forbidden_is_called_forbidden():
    """The reason is told instead of a wrong hint about names."""
    with pytest.raises(TemplateError) as caught:
        render("{{ x.__class__ }}", {"x": 1})
    assert caught.value.key == "template_forbidden"
    assert "__class__" in str(caught.value)


def test_an_expression_that_fails_tells_why():
    """The reason is Python's own, in one line."""
    with pytest.raises(TemplateError, match="ZeroDivisionError") as caught:
        render("{{ 1 / 0 }}", {})
    assert caught.value.key == "template_failed"
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_many_sources_do_not_fill_the_memory():
    """Only the newest compiled templates are kept."""
    for number in range(300):
        render(f"{number} {{{{ x }}}}", {"x": 1})
    assert compiled.cache_info().currsize <= 256
