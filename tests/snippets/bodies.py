"""Any body that a request can have, with a liking for what is hard to quote."""

from hypothesis import strategies as st

from tests.matrix import HOSTILE, HOSTILE_KEYS

FRAGMENTS = [
    *HOSTILE.split("\n"),
    *HOSTILE_KEYS,
    *"\"'`\\$#{}%@?/*\n\r\t\0 ()<>!-=",
    '"""',
    '"#',
    "#" * 5,
    "\\#(",
    "??/",
    "\\u",
    "\\\\u0041",
    "\u2028",
    "你好",
    "🙂",
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(
    st.sampled_from(FRAGMENTS), max_size=12
).map("".join)
NUMBERS = (
    st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
)
DATA = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(TEXTS | st.sampled_from("0123"), inner, max_size=4)
    ),
    max_leaves=10,
)
BODIES = st.builds(
    lambda content, stop, bias, extra: {
        "model": "m",
        "messages": [{"role": "user", "content": content}],
        "stop": stop,
        "logit_bias": bias,
        **{f"x_{key}": value for key, value in extra.items()},
    },
    TEXTS,
    st.lists(TEXTS, max_size=3),
    st.dictionaries(st.sampled_from(["0", "1", "2", "1734"]), NUMBERS),
    st.dictionaries(TEXTS, DATA, max_size=3),
)
