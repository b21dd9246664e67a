"""Settings and default parameters in layers, and the endpoint they select.

A value comes from the highest layer that has one: the cell's own flag, a profile,
this session (``%wcode_config``), the environment (``WCODE_<NAME>``), the
configuration file (``ipython_config.py``), else the default. The rows are in
:mod:`wcode_magics.settings.options`; only this module reads the environment, the key
and the profiles.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wcode_magics import text
from wcode_magics.errors import OptionError, SettingError, UsageError
from wcode_magics.protocol import endpoint_url, models, parameters, providers
from wcode_magics.protocol.json_extraction import parsed
from wcode_magics.protocol.messages import HOSTED_URL, Endpoint
from wcode_magics.runtime import private_files
from wcode_magics.settings import option_values, options
from wcode_magics.settings.api_keys import (
    KEY_FILE_VARIABLE,
    KEY_VARIABLE,
    FoundKey,
    KeyChain,
    host_of,
)
from wcode_magics.settings.proxies import proxy_for
from wcode_magics.settings.resolved import (
    OF_A_PROVIDER,
    Resolved,
    drop_headers,
    with_provider,
)

GET_KEY_URL = "https://wcode.net/get-apikey"
Advice = tuple[str, Mapping[str, Any]]
"""Key of ``[advice]``, and the facts named in its sentence."""
OWN_VARIABLES = tuple(
    dict.fromkeys(
        (KEY_VARIABLE, KEY_FILE_VARIABLE, "WCODE_HEADERS", *providers.variables())
    )
)
"""Variables read from each cluster worker's own environment, as they may be secret."""

_SECRET_PARAMS = frozenset(
    {
        *("apikey", "xapikey", "key", "token", "accesstoken", "authtoken"),
        *("bearertoken", "authorization", "proxyauthorization", "headers"),
        *("extraheaders", "secret", "password"),
    }
)
"""Names of request parameters that would carry a key, without ``-`` and ``_``."""


@dataclass
class Settings:
    """The layers below the cell; ``resolve`` puts a cell's values on top.

    Args:
        session: values set in this session, by name.
        config: values from the configuration file.
        environ: environment to read; None: the process's.
        profiles: file of saved profiles; None: the user's default file.
        given_key: key that overrides those of the environment and the keyring.
        given_host: host that this key belongs to; empty: any.
    """

    session: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] | None = None
    profiles: Path | None = None
    given_key: str | None = field(default=None, repr=False)
    given_host: str = ""
    keys: KeyChain = field(default_factory=KeyChain, init=False, repr=False)

    def __post_init__(self) -> None:
        self.keys = KeyChain(self.environ)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without keys, so that pickles and copies hold none."""
        return {**vars(self), "given_key": None}

    def set(self, name: str, value: Any) -> None:
        """Set a value for this session; None restores the lower layers.

        Another provider removes base URL, headers, price and key of the former one.

        Raises:
            SettingError, ParameterError: unknown name, or a value not allowed.
        """
        row = options.setting(name)
        if row.name == "provider":
            value = value and options.checked(row, value)
            self._reset_provider(value)
        if value is None:
            self.session.pop(row.name, None)
        else:
            self.session |= options.counted(row, value) or {
                row.name: options.checked(row, value)
            }
        if row.name == "price" and value is None:
            models.set_price(self.resolve({}).model, self.resolve({}).place, None)
        if row.name == "language":
            text.use(self.resolve({})["language"])

    def _reset_provider(self, name: str | None) -> None:
        if self.resolve({})["provider"] == name:
            return
        self.given_key = None
        for other in OF_A_PROVIDER:
            self.session.pop(other, None)

    def resolve(self, cell: Mapping[str, Any]) -> Resolved:
        """Return all values that are set, each with its layer; ``cell`` on top.

        Raises:
            SettingError: no such profile, or a variable's value is not allowed.
        """
        layers: list[tuple[str, Mapping[str, Any]]] = [
            ("cell", cell),
            ("session", self.session),
            ("environment", self._environment()),
            ("config", self.config),
        ]
        named = (found["profile"] for _layer, found in layers if "profile" in found)
        name = next(named, None)
        if name is not None:
            layers.insert(1, ("profile", self.profile(name)))
        values: dict[str, Any] = {}
        origin: dict[str, str] = {}
        for layer, found in layers:
            for key, value in found.items():
                if key not in values:
                    values[key], origin[key] = value, layer
        drop_headers(values, origin, dict(layers))
        return with_provider(values, origin)

    def _environment(self) -> dict[str, Any]:
        environ = os.environ if self.environ is None else self.environ
        given, found = {*environ}, {}
        for row in options.SETTINGS:
            variable = f"WCODE_{row.name.upper()}"
            raw = environ.get(variable, "") if variable in given else ""
            try:
                if raw:
                    found[row.name] = option_values.read(row, raw, {})
            except UsageError as wrong:
                facts = {**wrong.facts, "name": variable}
                raise SettingError(wrong.key, **facts) from wrong
        return found

    def key(self, resolved: Resolved | None = None) -> str | None:
        """Return the API key of the endpoint, or None; see :meth:`found_key`."""
        found = self.found_key(resolved)
        return None if found is None else found.value

    def found_key(self, resolved: Resolved | None = None) -> FoundKey | None:
        """Return the API key of the endpoint and where it is from, or None.

        Raises:
            SettingError: the key file cannot be read.
        """
        owner = (resolved or self.resolve({})).key_owner
        if self.given_key and self.given_host in {"", owner.host}:
            return FoundKey(self.given_key, "call")
        return self.keys.find(owner)

    def is_unset(self, resolved: Resolved) -> bool:
        """Return whether there is neither a base URL nor a key: the sandbox answers."""
        return resolved["base_url"] is None and self.key(resolved) is None

    def endpoint(self, resolved: Resolved) -> Endpoint | None:
        """Return the endpoint of requests; None is the sandbox (no key, no base URL).

        Raises:
            SettingError: the URL of a service is set, but no key; or the key would be
                sent over a network in clear text.
        """
        found = self.found_key(resolved)
        key = None if found is None else found.value
        if resolved["base_url"] is None and key is None:
            return None
        self._refuse_pair(resolved, found)
        headers = self._headers(resolved)
        if key is None and not headers:
            _refuse_keyless(resolved.place)
        endpoint = Endpoint(resolved.place, key, headers=tuple(headers.items()))
        if not resolved["allow_http"]:
            _refuse_clear(endpoint)
        return endpoint

    def _headers(self, resolved: Resolved) -> Mapping[str, str]:
        """Return the headers; ``resolved`` may lack those of the layers below."""
        if resolved["headers"] is not None:
            return dict(resolved["headers"])
        own = self.resolve({})
        fits = own["base_url"] is None or own.place == resolved.place
        return dict(own["headers"] or {}) if fits else {}

    def _refuse_pair(self, resolved: Resolved, found: FoundKey | None) -> None:
        """Raise SettingError if a variable names another URL for the provider's key."""
        environ = os.environ if self.environ is None else self.environ
        provider = resolved.provider
        variable = "" if provider is None else provider.url_variable
        url = environ.get(variable, "") if variable else ""
        if not url or provider is None or found is None or found.name != provider.key:
            return
        if host_of(url) != host_of(resolved.place):
            facts = {"variable": variable, "key": provider.key, "url": resolved.place}
            raise SettingError("provider_url", **facts)

    def profile(self, name: str) -> dict[str, Any]:
        """Return the values of a saved profile.

        Raises:
            SettingError: no such profile; suggests the nearest one.
            UsageError: one of its values is not allowed.
        """
        saved = self.saved_profiles()
        if name not in saved:
            hint = parameters.hint(name, sorted(saved))
            raise SettingError("unknown_profile", given=name, hint=hint)
        return {
            key: options.checked(options.setting(key), value)
            for key, value in saved[name].items()
        }

    def saved_profiles(self) -> dict[str, dict[str, Any]]:
        """Return all profiles by name; raises SettingError if unreadable."""
        path = self._profiles_path()
        try:
            saved = parsed(path.read_text("utf-8"))
            return {name: dict(values.items()) for name, values in saved.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError) as wrong:
            raise SettingError("bad_profiles", path=path, reason=wrong) from wrong

    def save_profile(self, name: str, values: Mapping[str, Any]) -> Path:
        """Save ``values`` under ``name`` (no values: delete it); return the path.

        Raises:
            SettingError: the file cannot be read or written, or ``headers``, which may
                be secret, are among the values.
        """
        if "headers" in values:
            raise SettingError("headers_kept")
        saved = self.saved_profiles()
        saved.pop(name, None)
        if values:
            saved[name] = dict(values)
        path = self._profiles_path()
        shown = json.dumps(saved, ensure_ascii=False, indent=2, sort_keys=True)
        try:
            private_files.make_folder(path.parent)
            private_files.write(path, shown)
        except (OSError, ValueError) as wrong:  # ValueError: half a character
            raise SettingError("profiles_kept", path=path, reason=wrong) from wrong
        return path

    def _profiles_path(self) -> Path:
        if self.profiles is not None:
            return self.profiles
        return private_files.config_folder() / "profiles.json"


def _refuse_keyless(url: str) -> None:
    """Raise SettingError if a service at a URL needs a key."""
    provider = providers.at(url)
    if url == HOSTED_URL:
        raise SettingError("no_key", variable=KEY_VARIABLE, url=GET_KEY_URL)
    if provider is not None and provider.key:
        raise SettingError("no_key_of", name=provider.title, variable=provider.key)


def _refuse_clear(endpoint: Endpoint) -> None:
    """Raise SettingError if a secret would be sent over a network in clear text.

    A proxy in the environment counts as the user's decision on how to reach a host.
    """
    clear = endpoint.secrets and urlsplit(endpoint.base_url).scheme == "http"
    if clear and not endpoint.is_local and not proxy_for(endpoint.base_url):
        raise SettingError("http_key", url=endpoint.base_url)


def advice_of(resolved: Resolved) -> list[Advice]:
    """Return advice about parameters not in the table, and about a trimmed base URL."""
    advice: list[Advice] = [
        ("unknown_param", {"name": name}) for name, _value in resolved["param"] or ()
    ]
    if not resolved["stream"] and resolved.thinks:
        advice.append(("thinks", {"model": resolved.model}))
    url = resolved["base_url"]
    if url is not None and endpoint_url.trimmed(url) != url:
        advice.append(("url_trimmed", {"url": endpoint_url.trimmed(url)}))
    return advice


def thinking(resolved: Resolved, *, sandbox: bool) -> dict[str, Any]:
    """Return the request fields of the options ``think`` and ``think_budget``.

    Raises:
        UsageError: the endpoint's field for thinking is unknown.
    """
    on, budget = resolved["think"], resolved["think_budget"]
    if on is None and budget is None:
        return {}
    provider = providers.SANDBOX if sandbox else resolved.provider
    if provider is None:
        raise UsageError("think.no_provider", url=resolved.place)
    if on is False and budget is not None:
        raise OptionError("not_together", one="--no-think", other="--think-budget")
    return provider.thinking(on=on, budget=budget)


def checked_extra(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return the parameters that the table does not know.

    Raises:
        UsageError: one is given twice, is a key, or requests several answers, of which
            one is shown.
    """
    extra: dict[str, Any] = {}
    for name, value in pairs:
        if name in extra:
            raise OptionError("given_twice", name=f"--param {name}")
        extra[name] = value
    for name in extra:
        if name.lower().replace("-", "").replace("_", "") in _SECRET_PARAMS:
            raise UsageError("secret_param", name=name)
    if extra.get("n", 1) != 1:
        raise UsageError("many_choices", given=extra["n"])
    return extra
