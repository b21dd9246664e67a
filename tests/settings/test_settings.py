"""Settings: layers, profiles, the environment and the key."""

import copy
import json
import pickle

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as FailingKeyring
from keyring.errors import PasswordDeleteError

from wcode_magics import text
from wcode_magics.display.text_table import shown_value
from wcode_magics.errors import OptionError, ParameterError, SettingError, UsageError
from wcode_magics.protocol import models
from wcode_magics.protocol.messages import Endpoint
from wcode_magics.session.session import Session
from wcode_magics.settings import api_keys as module
from wcode_magics.settings import options
from wcode_magics.settings.option_values import read
from wcode_magics.settings.options import SETTINGS
from wcode_magics.settings.resolved import LAYERS
from wcode_magics.settings.settings import HOSTED_URL, Settings

KEY = "sk-0123456789abcdef"


class MemoryKeyring(KeyringBackend):
    """A keyring of this process."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """What was kept."""
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep it."""
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Forget it."""
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("none")


@pytest.fixture
def ring():
    """The keyring of this test is the system's."""
    before = keyring.get_keyring()
    mine = MemoryKeyring()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


@pytest.fixture
def layered(tmp_path) -> Settings:
    """Settings with no layer filled."""
    return Settings(environ={}, profiles=tmp_path / "deep" / "profiles.json")


def test_each_layer_stands_above_the_next(layered):
    """Cell, profile, session, environment, configuration file, default."""
    layered.save_profile("p", {"timeout": 2})
    layered.session["timeout"] = 3
    layered.environ = {"WCODE_TIMEOUT": "4"}
    layered.config["timeout"] = 5
    seen = []
    cell = {"timeout": 1, "profile": "p"}
    for _layer in LAYERS:
        resolved = layered.resolve(cell)
        seen.append((resolved["timeout"], resolved.layer("timeout")))
        if "timeout" in cell:
            del cell["timeout"]
        elif cell:
            cell = {}
        elif layered.session:
            layered.session.clear()
        elif layered.environ:
            layered.environ = {}
        else:
            layered.config.clear()
    assert seen == list(zip((1, 2, 3, 4, 5, 120.0), LAYERS, strict=True))


@pytest.mark.parametrize("layer", ["cell", "session", "environment", "config"])
def test_a_profile_may_be_named_in_any_layer(layered, layer):
    """``--profile``, ``%wcode_config``, ``WCODE_PROFILE`` and the file all name one."""
    layered.save_profile("p", {"seed": 5, "temperature": 0})
    cell = {"profile": "p"} if layer == "cell" else {}
    if layer == "environment":
        layered.environ = {"WCODE_PROFILE": "p"}
    elif layer != "cell":
        getattr(layered, layer)["profile"] = "p"
    resolved = layered.resolve(cell)
    assert resolved.params == {"temperature": 0, "seed": 5}
    assert resolved.layer("seed") == "profile"


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_every_setting_is_read_from_the_environment(row, tmp_path):
    """``WCODE_<NAME>`` for each row; an empty variable is none."""
    path = tmp_path / "p.json"
    path.write_text('{"x": {}}', "utf-8")
    raw = {"number": "1", "switch": "off"}
    raw |= {"url": "http://h/v1", "headers": "{}", "count": "5", "price": "1/2"}
    words = {
        "float": "0",
        "int": "1",
        "bool": "false",
        "choice": "low",
        "array": '[{"function": {"name": "f"}}]' if row.name == "tools" else "x",
        "object": '{"type": "text"}',
    }
    words["object"] = {"logit_bias": "{}", "tool_choice": "none"}.get(
        row.name, words["object"]
    )
    usual = (row.words or (raw.get(row.kind, "x"),))[0]
    written = words[row.param.kind] if row.param else usual
    variable = f"WCODE_{row.name.upper()}"
    settings = Settings(environ={variable: written}, profiles=path)
    assert settings.resolve({}).layer(row.name) == "environment"
    empty = Settings(environ={variable: ""}, profiles=path)
    assert empty.resolve({}).layer(row.name) == "default"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WCODE_TEMPERATURE", "3"),
        ("WCODE_TIMEOUT", "soon"),
        ("WCODE_LANGUAGE", "fr"),
        ("WCODE_TOOLS", "[1"),
        ("WCODE_RETRIES", "inf"),
    ],
)
def test_a_bad_variable_is_named(variable, value):
    """The person learns which variable to mend."""
    with pytest.raises(SettingError, match=variable):
        Settings(environ={variable: value}).resolve({})


def test_a_setting_is_checked_when_it_is_set(layered):
    """What could not be sent cannot be set; None goes back to the lower layers."""
    layered.set("temperature", 0)
    layered.set("top-p", 0.5)
    assert layered.resolve({}).params == {"temperature": 0, "top_p": 0.5}
    layered.set("temperature", None)
    layered.set("temperature", None)
    assert layered.resolve({}).params == {"top_p": 0.5}
    with pytest.raises(ParameterError):
        layered.set("top_p", 2)
    with pytest.raises(OptionError):
        layered.set("timeout", 0)
    with pytest.raises(SettingError, match="Did you mean temperature"):
        layered.set("temprature", 0)


def test_the_language_is_a_setting(layered):
    """It holds at once and goes back."""
    layered.set("language", "zh")
    assert text.language() == "zh"
    layered.set("language", None)
    assert text.language() == "en"


def test_profiles_are_kept_and_removed(layered):
    """Values come back as they were, Chinese names too."""
    assert layered.saved_profiles() == {}
    path = layered.save_profile("严谨", {"temperature": 0, "stop": ["完"]})
    layered.save_profile("b", {"seed": 1})
    assert layered.profile("严谨") == {"temperature": 0, "stop": ["完"]}
    assert "严谨" in path.read_text("utf-8")
    layered.save_profile("严谨", {})
    assert layered.saved_profiles() == {"b": {"seed": 1}}
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_an_unknown_profile_suggests_the_nearest(layered):
    """The error tells which there are."""
    layered.save_profile("precise", {"temperature": 0})
    with pytest.raises(SettingError, match="Did you mean precise"):
        layered.resolve({"profile": "precize"})


@pytest.mark.parametrize(
    "written",
    [
        *("", "{", "[]", "5", "null", '{"a": 5}', '{"a": [1]}', '{"a": null}'),
        "[" * 100_000,
    ],
)
def test_a_broken_file_of_profiles_is_one_line(layered, tmp_path, written):
    """The path is told; nothing is overwritten."""
    layered.profiles = tmp_path / "p.json"
    layered.profiles.write_text(written, "utf-8")
    with pytest.raises(SettingError, match=r"p\.json"):
        layered.profile("a")
    with pytest.raises(SettingError):
        layered.save_profile("b", {"seed": 1})
    assert layered.profiles.read_text("utf-8") == written


def test_half_a_character_is_not_saved(layered):
    """No file holds it; the profile that was there is."""
    path = layered.save_profile("a", {"seed": 1})
    with pytest.raises(SettingError, match=r"profiles\.json"):
        layered.save_profile("a", {"model": "\ud83d"})
    assert layered.profile("a") == {"seed": 1}
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_profile_with_a_bad_value_is_told(layered, tmp_path):
    """A file that was edited by hand is checked when it is read."""
    layered.profiles = tmp_path / "p.json"
    layered.profiles.write_text(json.dumps({"a": {"temperature": 9}}), "utf-8")
    with pytest.raises(ParameterError):
        layered.profile("a")


def test_a_folder_that_cannot_be_written_is_told(layered, tmp_path):
    """A file in the place of the folder is one line."""
    (tmp_path / "deep").write_text("", "utf-8")
    with pytest.raises(SettingError, match="deep"):
        layered.save_profile("a", {"seed": 1})


def test_profiles_of_a_person_stand_with_their_settings(tmp_path):
    """Without a path the platform's own folder is used."""
    path = Settings(environ={}).save_profile("a", {"seed": 1})
    assert path.is_relative_to(tmp_path)
    assert Settings(environ={}).profile("a") == {"seed": 1}


def test_the_key_comes_from_call_environment_or_keyring(ring, monkeypatch):
    """In this order; spaces around it are no part of it."""
    settings = Settings()
    assert settings.key() is None
    module.keep_key("from keyring")
    assert settings.key() is None
    settings.keys.reread()
    assert settings.key() == "from keyring"
    monkeypatch.setenv("WCODE_API_KEY", " from environment\n")
    assert settings.key() == "from environment"
    assert Settings(given_key="given").key() == "given"
    assert module.forget_key()
    assert not module.forget_key()
    assert ring.kept == {}


def test_a_machine_without_a_keyring_has_no_key_and_keeps_none():
    """Reading finds nothing; keeping says that it did not."""
    before = keyring.get_keyring()
    keyring.set_keyring(FailingKeyring())
    try:
        assert Settings().key() is None
        assert not module.forget_key()
        assert not module.keep_key(KEY)
    finally:
        keyring.set_keyring(before)


@pytest.mark.parametrize(
    ("url", "key", "endpoint"),
    [
        (None, None, None),
        (None, KEY, Endpoint(HOSTED_URL, KEY)),
        ("http://h/v1", None, Endpoint("http://h/v1")),
        ("https://h/v1", KEY, Endpoint("https://h/v1", KEY)),
    ],
)
def test_key_and_url_lead_to_the_endpoint(url, key, endpoint):
    """No key and no URL: the sandbox."""
    settings = Settings(environ={}, given_key=key)
    settings.set("base_url", url)
    assert settings.endpoint(settings.resolve({})) == endpoint


def test_the_hosted_service_needs_a_key():
    """Asked for by its URL, it is not replaced by the sandbox."""
    settings = Settings(session={"base_url": HOSTED_URL}, environ={})
    with pytest.raises(SettingError, match="get-apikey"):
        settings.endpoint(settings.resolve({}))


@pytest.mark.parametrize(
    "url", ["http://user:s3cret@h/v1", "http://h/v1?key=s3cret", "http://h/v1#s3cret"]
)
def test_a_url_with_more_than_an_address_is_refused(url):
    """It would be kept with each answer; the error does not repeat it."""
    for refused in (
        lambda: Settings(environ={}).set("base_url", url),
        lambda: Settings(environ={"WCODE_BASE_URL": url}).resolve({}),
        lambda: Session(base_url=url),
    ):
        with pytest.raises(SettingError, match="at h") as caught:
            refused()
        assert "s3cret" not in str(caught.value)


FAR = "http://far.example/v1"


@pytest.mark.parametrize("secret", [{"given_key": KEY}, {"headers": {"api-key": KEY}}])
def test_a_key_goes_in_clear_to_this_machine_alone(secret, monkeypatch):
    """Plain http to another host needs the person's word, or a proxy of theirs."""
    headers = secret.pop("headers", None)
    settings = Settings(environ={}, **secret)
    settings.set("headers", headers)
    settings.set("base_url", FAR)
    with pytest.raises(SettingError, match="allow_http") as caught:
        settings.endpoint(settings.resolve({}))
    assert KEY not in str(caught.value)
    own = ("127.0.0.1:9", "[::1]", "0.0.0.0:8000", "[::]", "[::ffff:127.0.0.1]")
    for url in (*(f"http://{host}/v1" for host in own), "https://far.example/v1"):
        settings.set("base_url", url)
        assert settings.endpoint(settings.resolve({})).secrets
    settings.set("base_url", FAR)
    assert settings.endpoint(settings.resolve({"allow_http": True})).base_url == FAR
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert settings.endpoint(settings.resolve({})).base_url == FAR


def test_headers_stay_with_the_base_url_they_were_set_with(tmp_path):
    """They may be secret; those set without a base URL go to any."""
    path = tmp_path / "profiles.json"
    path.write_text('{"other": {"base_url": "https://other.example/v1"}}', "utf-8")
    settings = Settings(environ={}, profiles=path, given_key=KEY)
    settings.set("headers", HEADERS)
    away = settings.resolve({"profile": "other"})
    assert dict(settings.endpoint(away).headers) == HEADERS
    settings.set("base_url", "https://gateway.example/v1")
    assert dict(settings.endpoint(settings.resolve({})).headers) == HEADERS
    away = settings.resolve({"profile": "other"})
    assert settings.endpoint(away).headers == ()
    named = settings.resolve({"provider": "deepseek"})
    assert settings.endpoint(named).headers == ()
    pair = {"WCODE_HEADERS": json.dumps(HEADERS), "WCODE_BASE_URL": "https://h/v1"}
    settings = Settings(
        environ=pair, session={"base_url": FAR.replace("http", "https")}
    )
    settings.given_key = KEY
    assert settings.endpoint(settings.resolve({})).headers == ()


def test_a_key_that_belongs_to_a_gateway_is_not_sent_to_the_provider():
    """``OPENAI_BASE_URL`` says where ``OPENAI_API_KEY`` is for."""
    pair = {"OPENAI_BASE_URL": "https://gateway.example/v1", "OPENAI_API_KEY": KEY}
    settings = Settings(environ=pair, session={"provider": "openai"})
    with pytest.raises(SettingError, match="OPENAI_BASE_URL") as caught:
        settings.endpoint(settings.resolve({}))
    assert KEY not in str(caught.value)
    same = {**pair, "OPENAI_BASE_URL": "https://api.openai.com/v1"}
    settings = Settings(environ=same, session={"provider": "openai"})
    assert settings.endpoint(settings.resolve({})).secrets == (KEY,)


def test_a_price_is_of_the_endpoint_it_was_set_for(tmp_path):
    """Another endpoint or provider of a higher layer has its own."""
    path = tmp_path / "profiles.json"
    path.write_text('{"other": {"base_url": "https://other.example/v1"}}', "utf-8")
    settings = Settings(environ={}, profiles=path)
    for name, value in {
        "base_url": "https://h/v1",
        "model": "m",
        "price": "1/2",
    }.items():
        settings.set(name, value)
    here, away = settings.resolve({}), settings.resolve({"profile": "other"})
    for resolved in (here, away):
        resolved.register_price()
    assert models.find("m", here.place).price.input == 1
    assert models.find("m", away.place) is None
    settings.set("provider", "openrouter")
    assert settings.resolve({})["price"] is None


def test_without_a_secret_plain_http_is_as_good():
    """What a server on the network takes for a key is none."""
    settings = Settings(environ={}, given_key="ollama")
    settings.set("base_url", FAR)
    assert settings.endpoint(settings.resolve({})) == Endpoint(FAR, "ollama")


HEADERS = {"api-key": KEY, "x-provider": "openai"}


@pytest.mark.parametrize("written", [json.dumps(HEADERS), "$held"])
def test_headers_are_read_and_masked(written):
    """As JSON, or from a variable; no value is shown anywhere."""
    row = options.setting("headers")
    held = read(row, written, {"held": HEADERS})
    assert dict(held) == HEADERS
    settings = Settings(environ={})
    settings.set("headers", held)
    resolved = settings.resolve({})
    for shown in (held, settings, resolved, settings.endpoint(resolved)):
        assert KEY not in repr(shown) + str(shown)
    assert shown_value(held) == '{"api-key": "***", "x-provider": "***"}'


@pytest.mark.parametrize(
    "headers",
    [
        {"api-key": f"{KEY}\n"},
        {"api-key": f"{KEY}é"},
        {"api key": KEY},
        {"n": 1},
        [KEY],
        KEY,
    ],
)
def test_headers_that_http_cannot_hold_are_refused(headers):
    """And not repeated."""
    with pytest.raises(OptionError) as caught:
        Settings(environ={}).set("headers", headers)
    assert KEY not in str(caught.value)


def test_headers_reach_the_endpoint(loopback):
    """Beside the key, and in place of it where they name the same header."""
    server = loopback()
    own = {"api-key": "a", "Authorization": "Basic x"}
    with Session(base_url=server.url, api_key=KEY, headers=own) as session:
        session.ask("hi")
        session.models()
    for seen in server.seen:
        heads = {name.lower(): value for name, value in seen.headers.items()}
        assert (heads["api-key"], heads["authorization"]) == ("a", "Basic x")


def test_headers_are_not_saved_in_a_profile(tmp_path):
    """They may hold a key, and a profile is a plain file."""
    settings = Settings(environ={}, profiles=tmp_path / "p.json")
    settings.set("headers", HEADERS)
    with pytest.raises(SettingError, match="WCODE_HEADERS"):
        settings.save_profile("work", settings.session)
    assert not (tmp_path / "p.json").exists()


@pytest.mark.parametrize("copied", [lambda v: pickle.loads(pickle.dumps(v)), copy.copy])
def test_no_pickle_and_no_copy_holds_a_key(copied):
    """What travels to another process is not the key."""
    settings = Settings(environ={}, given_key=KEY)
    settings.set("headers", HEADERS)
    settings.set("base_url", "https://h/v1")
    resolved = settings.resolve({})
    endpoint = settings.endpoint(resolved)
    assert (endpoint.key, dict(endpoint.headers)) == (KEY, HEADERS)
    twin = copied(endpoint)
    assert (twin.key, twin.headers, twin.base_url) == (None, (), "https://h/v1")
    assert copied(settings).given_key is None
    assert KEY.encode() not in pickle.dumps((settings, resolved, endpoint))


@pytest.mark.parametrize(
    "name", ["api_key", "API-Key", "Authorization", "x-api-key", "extra_headers"]
)
def test_a_key_is_no_parameter(name):
    """It would be stored with the request and shown by %wcode_show."""
    with Session(base_url="http://127.0.0.1:9/v1") as session:
        with pytest.raises(UsageError, match="headers") as caught:
            session.prepare("hi", param=[(name, KEY)])
        assert KEY not in str(caught.value)


def test_a_pasted_endpoint_is_told():
    """Requests go to its base, and the person learns it."""
    url = "http://127.0.0.1:9/v1"
    with Session(base_url=f"{url}/chat/completions\n") as session:
        assert session.endpoint().base_url == url
        assert ("url_trimmed", {"url": url}) in session.prepare("hi").advice
        session.settings.set("base_url", url)
        assert session.prepare("hi").advice == ()


@pytest.mark.usefixtures("ring")
def test_the_key_stands_in_no_repr():
    """Neither settings nor endpoint nor session show it."""
    module.keep_key("sk-from-the-keyring")
    settings = Settings(given_key=KEY)
    read = Settings()
    assert read.key() == "sk-from-the-keyring"
    with Session(api_key=KEY) as session:
        shown = f"{settings!r} {read!r} {session!r} {Endpoint('http://h', KEY)!r}"
    assert KEY not in shown
    assert "sk-from-the-keyring" not in shown


def test_the_key_travels_in_no_request_and_no_reply(loopback):
    """What is kept, shown or sent to a worker holds no key."""
    server = loopback()
    with Session(base_url=server.url, api_key=KEY) as session:
        reply = session.ask("hi")
        prepared = session.prepare("hi")
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
    for value in (reply, prepared, reply.request):
        assert KEY.encode() not in pickle.dumps(value)
        assert KEY not in repr(value)
    assert KEY not in json.dumps(reply.to_dict())


def test_key_from_a_file(tmp_path):
    """WCODE_API_KEY_FILE names a file with the key; the variable itself wins."""
    (tmp_path / "key").write_text(" sk-in-a-file\n")
    named = {"WCODE_API_KEY_FILE": str(tmp_path / "key")}
    assert Settings(environ=named).key() == "sk-in-a-file"
    assert Settings(environ={**named, "WCODE_API_KEY": "sk-a"}).key() == "sk-a"


def test_unreadable_key_file(tmp_path):
    """A file that is not there is told by its variable."""
    for path in (str(tmp_path / "none"), "~nouser_x/key"):
        with pytest.raises(SettingError, match="WCODE_API_KEY_FILE"):
            Settings(environ={"WCODE_API_KEY_FILE": path}).key()
