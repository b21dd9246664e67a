"""Secrets, by name, by form and by their randomness, never leave in a question."""

import dataclasses
import secrets
import string
import time
from collections import namedtuple
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from wcode_magics.output.secret_forms import FORMS
from wcode_magics.session.secret_masking import Masker, is_secret, secrets_in

SECRET = "S0-abcdefgh"
SAMPLES = {
    "private key": "-----BEGIN PRIVATE KEY-----\nMIIE{}\n-----END PRIVATE KEY-----",
    "JSON Web Token": "eyJhbGciOiJIUzI1NiJ9.{}.sig",
    "OpenAI and its like": "sk-proj-{}",
    "GitHub": "ghp_{}",
    "GitLab": "glpat-{}",
    "Slack": "xoxb-12-{}",
    "Slack webhook": "https://hooks.slack.com/services/T0/B0/{}",
    "Discord webhook": "https://discord.com/api/webhooks/12/{}",
    "Hugging Face": "hf_{}",
    "Google": "AIza{}",
    "AWS": "AKIA{}",
    "Alibaba Cloud": "LTAI{}",
    "Tencent Cloud": "AKID{}",
    "Azure": "AccountName=a;AccountKey={};b",
    "Stripe webhook": "whsec_{}",
    "Twilio": "SK0123456789abcdef0123456789abcdef",
    "SendGrid": "SG.{}",
    "npm, PyPI": "npm_{}",
    "Databricks, Vault, Atlassian": "hvs.{}",
    "DigitalOcean": "dop_v1_{}",
    "Shopify, Square": "shpat_{}",
    "Linear, Notion, Figma": "lin_api_{}",
    "Telegram": "123456789:{}{}",
    "age": "AGE-SECRET-KEY-{}",
    "HTTP header": "Authorization: Bearer {}",
    "user and password of curl": "curl -u bob:{} https://db",
    "password of a URL": "postgres://bob:{}@db/x",
}
BODY = "ABCDEFGH12345678ABCDEFGH"


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("around", ["{}", "x = '{}'", "see {} there", '{{"a": "{}"}}'])
def test_every_form_is_masked(kind: str, around: str) -> None:
    """A secret of a known form is masked in any text, and what is around it stays."""
    text = around.format(SAMPLES[kind].format(BODY, BODY))
    masked = Masker([]).text(text)
    assert BODY not in masked
    assert "0123456789abcdef" not in masked
    assert masked.startswith(around.partition("{}")[0].replace("{{", "{"))


NAMES = [
    *("api_key", "apikey", "openaiApiKey", "OPENAI_API_KEY", "X-API-Key", "key"),
    *("password", "dbpassword", "DB_PASSWORD", "pwd", "passwd", "passphrase", "pass"),
    *("secret", "client_secret", "aws_secret_access_key", "token", "accessToken"),
    *("auth", "Authorization", "credentials", "cookie", "jwt", "dsn", "pin"),
    *("private_key", "密码", "数据库密码", "密钥", "self.token"),
    *("pw", "psw", "passw", "mima", "sk", "db_pw"),
]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_secrets_are_known(name: str) -> None:
    """In snake case, camel case, capitals, headers and Chinese."""
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        *("keyboard", "monkey", "keys", "tokens", "author", "passed", "compass"),
        *("KeyError", "max_tokens", "token_count", "primary_key", "public_key"),
        *("key_path", "spin", "tokenizer", "design", "x", ""),
    ],
)
def test_other_names_are_not(name: str) -> None:
    """What only sounds like one is shown."""
    assert not is_secret(name)


@pytest.mark.parametrize(
    "text",
    [
        f"prog --password {SECRET} -v",
        f"['prog', '--password', '{SECRET}']",
        f"[('password', '{SECRET}')]",
        f"login failed with password {SECRET}",
        f"<password>{SECRET}</password>",
        f"口令：{SECRET}",
        f"密码是{SECRET}，请保密",
        f"password    {SECRET}\ndtype: object",
    ],
)
def test_a_secret_is_known_by_the_word_before_it(text: str) -> None:
    """In pairs, command lines, prose, XML, printed Series and Chinese."""
    assert SECRET not in Masker([]).text(text)


def test_secrets_are_found_in_named_tuples_and_numbers() -> None:
    """They are masked wherever else they stand, as where a tuple is made."""
    login = namedtuple("Login", "user password")("bob", SECRET)  # noqa: PYI024
    assert secrets_in({"login": login, "pin": 998877}) == [SECRET, "998877"]


@dataclasses.dataclass
class Config:
    """Holds a secret among others."""

    host: str = "db"
    password: str = SECRET


class Model(BaseModel):
    """Holds one that pydantic hides."""

    anything: SecretStr = SecretStr(SECRET)


class Speaks:
    """Tells its secret."""

    def __repr__(self) -> str:
        return f"Speaks(token={SECRET})"


HOLDERS: dict[str, Any] = {
    "plain": SECRET,
    "dict": {"password": SECRET},
    "nested": [{"db": {"user": "u", "pwd": SECRET}}],
    "header": {"X-API-Key": SECRET},
    "bytes": {"secret": SECRET.encode()},
    "dataclass": Config(),
    "namespace": SimpleNamespace(api_key=SECRET),
    "pydantic": Model(),
    "repr": Speaks(),
    "url": f"postgres://bob:{SECRET}@db/x",
    "query": f"https://h/v1?key={SECRET}&x=1",
    "long": {"password": SECRET, "x": "y" * 9000},
    "pairs": [("password", SECRET)],
    "text": f'{{"password": "{SECRET}"}}',
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_secrets_inside_values_are_masked(holder: str) -> None:
    """Whatever holds one, neither the value nor another text shows it."""
    value = HOLDERS[holder]
    name = "token" if holder in {"plain", "pairs"} else "x"
    masker = Masker(secrets_in({name: value}))
    assert SECRET not in masker.value(name, value, 300)
    if holder not in {"repr", "url", "query", "text"}:
        assert SECRET not in masker.text(f"failed for {SECRET}!")


CODE = [
    f'password = "{SECRET}"',
    f"token: str = '{SECRET}'",
    f'connect(user="u", pwd="{SECRET}")',
    f'headers["X-API-Key"] = "{SECRET}"',
    f"d = {{'client_secret': r'{SECRET}'}}",
    f'os.environ["DB_PASSWORD"] = f"{SECRET}"',
    f"curl -H 'Authorization: Bearer {SECRET}'",
    f"TOKEN={SECRET} python x.py",
    f"settings: password={SECRET}",
    f"see https://h/v1?key={SECRET}&x=1",
    f'secret = """{SECRET}"""',
]


@pytest.mark.parametrize("code", CODE)
def test_secrets_in_source_are_masked(code: str) -> None:
    """Those that a cell has written out, too."""
    assert SECRET not in Masker([]).text(code)


@pytest.mark.parametrize(
    "code",
    [
        "token = get_token()",
        "for key in d: print(key)",
        "sorted(x, key=lambda row: row[1])",
        "df.sort_values(key=str.lower)",
        "KeyError: 'city'",
        "s.average_temperature_by_city_in_2024(window=3)",
        "/home/jovyan/work/Notebooks2024/final_version.ipynb",
        "if token is None: raise TokenError",
        "max_tokens = 4096",
        "x == token or y",
        "class TestDatetimeIndexOps: ...",
    ],
)
def test_code_stays_readable(code: str) -> None:
    """Names, calls and paths are no secrets."""
    assert Masker([]).text(code) == code


def test_what_looks_random_is_masked() -> None:
    """Of a thousand keys under innocent names, nearly all."""
    letters = string.ascii_letters + string.digits
    keys = ["".join(secrets.choice(letters) for _ in range(40)) for _ in range(1000)]
    keys += [secrets.token_hex(20) for _ in range(1000)]
    left = sum(key in Masker([]).text(f"x = '{key}'") for key in keys)
    assert left < 0.05 * len(keys)


def test_a_value_of_any_size_is_searched_in_bounded_time() -> None:
    """A large or circular value ends the search."""
    circle: list[Any] = [{"password": SECRET}]
    circle.append(circle)
    assert secrets_in({"x": circle, "y": list(range(10**6))}) == [SECRET]
    begun = time.monotonic()
    for long in ("y" * 10**6, "y=" * 10**6, "a.b-" * 10**5, "key: " * 10**5):
        assert len(Masker([]).value("x", long, 300)) <= 300
        Masker([]).text(long[:20_000])
    assert time.monotonic() - begun < 20
