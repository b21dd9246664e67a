"""Templates: names go in, nothing else changes, nothing gets out."""

import builtins
import datetime as dt
import functools
import json
import math
import operator
import os
import pathlib
import string
import subprocess
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_magics.errors import TemplateError
from wcode_magics.prompts.template import Template, compiled, literal, messages, render
from wcode_magics.protocol.messages import Message

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


class Loud(str):
    """A text that prints as another."""

    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


@given(st.lists(st.sampled_from(["{{ x }}", "{{y}}", "{{- x -}}", " a ", "\n", "}"])))
def test_text_and_names_alone_are_filled_as_jinja_fills_them(pieces):
    """Most prompts of tables are; they are rendered without Jinja."""
    source, names = "".join(pieces), {"x": Loud("é{{ y }}"), "y": 0.1}
    assert render(source, names) == compiled(source).render(names)


def test_a_function_of_every_template_is_one_where_no_value_has_its_name():
    """A column may be named as one."""
    assert render("{{ range }}", {"range": 1}) == "1"
    assert "range" in render("{{ range }}", {})


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
    with pytest.raises(TemplateError, match=f"line {line}.*Mend") as caught:
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


@pytest.mark.parametrize(
    ("source", "tag"),
    [
        ("{% include 'a' %}", "{% include %}"),
        ("{% extends 'a' %}", "{% extends %}"),
        ("{% import 'a' as b %}", "{% import %}"),
        ("{% from 'a' import b %}", "{% import %}"),
    ],
)
def test_a_template_that_loads_another_is_told_what_to_do(source, tag):
    """In words of the person's, not of a loader."""
    with pytest.raises(TemplateError) as caught:
        render(source, {})
    assert tag in str(caught.value)
    assert "{{ name }}" in str(caught.value)


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


class Shell:
    """Stands for the running shell."""

    __module__ = "IPython.core.interactiveshell"

    def getoutput(self, command):
        """Run a command."""
        raise AssertionError(command)


class Holder:
    """A value of the person's that leads to more."""

    def __init__(self, **held):
        vars(self).update(held)

    def upper(self):
        """A method of the value's own."""
        return "UPPER"


def own_function(text):
    """A function of the person's."""
    return text[::-1]


@functools.cache
def cached(text):
    """A function of the person's that remembers."""
    return text * 2


FORMAT = "{0.__class__}".format
REACHES = {
    "module": ("{{ os }}", {"os": os}),
    "module function": ("{{ os.getcwd() }}", {"os": os}),
    "module in a value": ("{{ h.os.getcwd() }}", {"h": Holder(os=os)}),
    "module in a dict": ("{{ d['os'].getcwd() }}", {"d": {"os": os}}),
    "module in a loop": (
        "{% for m in l %}{{ m.getcwd() }}{% endfor %}",
        {"l": [os]},
    ),
    "module by a filter": ("{{ [os] | map(attribute='name') | join }}", {"os": os}),
    "module by attr": ("{{ os | attr('getcwd') }}", {"os": os}),
    "module by format": ("{{ '{0.os.name}'.format(h) }}", {"h": Holder(os=os)}),
    "shell": ("{{ sh.getoutput('x') }}", {"sh": Shell()}),
    "shell in Out": ("{{ Out[1].getoutput('x') }}", {"Out": {1: Shell()}}),
    "shell printed": ("{{ sh }}", {"sh": Shell()}),
    "bound to a module": ("{{ f() }}", {"f": os.getcwd}),
    "function of the library": ("{{ f('id') }}", {"f": subprocess.getoutput}),
    "type of the library": ("{{ p('id') }}", {"p": subprocess.Popen}),
    "path": ("{{ p('/etc/passwd').read_text() }}", {"p": pathlib.Path}),
    "method of a type": ("{{ p.cwd() }}", {"p": pathlib.Path}),
    "partial": ("{{ f() }}", {"f": functools.partial(os.getcwd)}),
    "cache": ("{{ f() }}", {"f": functools.cache(os.getcwd)}),
    "bound by hand": ("{{ f() }}", {"f": types.MethodType(os.stat, "/")}),
    "builtin": ("{{ f('1') }}", {"f": eval}),
    "builtin open": ("{{ f('/etc/hostname').read() }}", {"f": open}),
    "type": ("{{ t('x') }}", {"t": type}),
    "attrgetter": ("{{ f(1) }}", {"f": operator.attrgetter("__class__")}),
    "format as a value": ("{{ f(1) }}", {"f": FORMAT}),
    "format of str": ("{{ f('{0.__class__}', 1) }}", {"f": str.format}),
    "formatter": ("{{ f.format('{0.__class__}', 1) }}", {"f": string.Formatter()}),
    "dunder name": ("{{ __builtins__ }}", {"__builtins__": builtins}),
    "import": ("{{ __import__('os') }}", {"__import__": __import__}),
    "generator": ("{{ g.gi_frame.f_globals }}", {"g": (i for i in ())}),
    "globals": ("{{ f.__globals__['os'] }}", {"f": own_function}),
    "globals by item": ("{{ f['__globals__'] }}", {"f": own_function}),
    "method": ("{{ h.upper.__func__.__globals__ }}", {"h": Holder()}),
    "named image": ("{{ image('id') }}", {"image": subprocess.getoutput}),
    "own package": ("{{ f('hi') }}", {"f": render}),
}


@pytest.mark.parametrize("way", REACHES)
def test_no_way_leads_to_python_itself(way):
    """Modules, the shell, builtins and the standard library, however they came in."""
    source, names = REACHES[way]
    with pytest.raises(TemplateError) as caught:
        render(source, names)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("{{ f('abc') }} {{ c('x') }}", "cba xx"),
        ("{{ h.upper() }} {{ 'a'.upper() }} {{ ', '.join(l) }}", "UPPER A x, y"),
        ("{{ '{:.2f}'.format(n) }} {{ '%.1f' | format(n) }}", "1.50 1.5"),
        (
            "{{ sqrt(4) }} {{ dumps(d) }} {{ date(2026, 1, 2) }}",
            '2.0 {"a": 1} 2026-01-02',
        ),
        ("{{ d.items() | list }} {{ dict(b=2) }}", "[('a', 1)] {'b': 2}"),
        ("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(1) }}", "<1>"),
        ("{% for i in l %}{{ loop.cycle('-', '+') }}{{ i }}{% endfor %}", "-x+y"),
        ("{{ date.fromisoformat('2026-01-02').year }} {{ p.name }}", "2026 b"),
        ("{{ add(1) }} {{ range(3) | list }}", "3 [0, 1, 2]"),
    ],
)
def test_what_is_the_persons_own_is_called(source, shown):
    """Their functions, methods of values, and what only computes."""
    names = {"f": own_function, "c": cached, "h": Holder(), "l": ["x", "y"], "n": 1.5}
    names |= {"sqrt": math.sqrt, "dumps": json.dumps, "date": dt.date, "d": {"a": 1}}
    names |= {
        "p": pathlib.PurePath("a/b"),
        "add": functools.partial(lambda a, b: a + b, 2),
    }
    assert render(source, names) == shown


@pytest.mark.parametrize(
    ("system", "sent"),
    [("Be {{ x }}.", "Be {{ x }}."), (Template("Be {{ x }}."), "Be 1.")],
)
@pytest.mark.parametrize("prompt", ["{{ x }}", [Message("user", "{{ x }}")]])
def test_a_system_prompt_is_text_unless_it_was_written_as_a_template(
    system, sent, prompt
):
    """What comes from a file, a variable or a setting is sent as it stands."""
    said = messages(prompt, system, {"x": 1})
    assert [one.content for one in said] == [sent, "1"]


@given(st.text(alphabet="{}%# 'x\n"))
def test_a_text_has_a_template_that_says_it(text):
    """Every brace of it comes out as it went in."""
    assert render(literal(text), {"x": 1}) == text


@pytest.mark.parametrize("wrong", [SystemExit(4), LookupError("x")])
def test_a_value_whose_text_raises_is_an_error(wrong):
    """Of this prompt, whatever it raises: a value does not end the program."""

    class Value:
        def __str__(self):
            raise wrong

    with pytest.raises(TemplateError, match=type(wrong).__name__):
        render("{{ value }}", {"value": Value()})


@pytest.mark.parametrize("source", ["{{ df.nope }}", "{{ df['nope'] }}"])
def test_what_a_value_lacks_is_named_with_its_kind(source):
    """The name itself is defined: what it stands for has no such part."""
    with pytest.raises(TemplateError, match="nope of a dict, which does not have it"):
        render(source, {"df": {"a": 1}})
