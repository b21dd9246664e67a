"""Values of all settings over their defaults, with the layer each comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from wcode_magics.protocol import endpoint_url, models, parameters, providers
from wcode_magics.protocol.messages import HOSTED_URL
from wcode_magics.protocol.providers import Provider
from wcode_magics.settings import options
from wcode_magics.settings.api_keys import KeyOwner

LAYERS = ("cell", "profile", "session", "environment", "config", "default")


@dataclass(frozen=True, slots=True)
class Resolved:
    """Values by name over their defaults, with the layer each comes from."""

    held: Mapping[str, Any]
    origin: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.held[name] if name in self.held else options.default(name)

    def layer(self, name: str) -> str:
        """Return the layer of a value, one of :data:`LAYERS`."""
        return self.origin.get(name, "default")

    def is_own(self, name: str) -> bool:
        """Return whether a cell, or the profile it names, sets a value."""
        return self.layer(name) in {"cell", "profile"}

    def over(self, cell: Mapping[str, Any]) -> "Resolved":
        """Return a copy with a cell's values on top."""
        origin = {**self.origin, **dict.fromkeys(cell, "cell")}
        return Resolved({**self.held, **cell}, origin)

    @property
    def for_prefixes(self) -> "Resolved":
        """These values at the base URL where answers go on from a beginning."""
        provider = self.provider
        if not (provider and provider.prefix_url and provider.serves(self.place)):
            return self
        return replace(self, held={**self.held, "base_url": provider.prefix_url})

    @property
    def model(self) -> str:
        """The model in force."""
        return self["model"] or models.DEFAULT

    @property
    def thinks(self) -> bool:
        """Whether the model thinks by default, and ``think`` is not set."""
        row = models.find(self.model, self.place)
        return row is not None and row.thinks and self["think"] is None

    def register_price(self) -> None:
        """Pass the price that is set to the catalogue, if it is of this model.

        It is of another if a higher layer names the model or the endpoint.
        """
        names = ("price", "model", "base_url", "provider")
        rank, *others = (LAYERS.index(self.layer(name)) for name in names)
        if self["price"] is not None and rank <= min(others):
            price = models.Price.parse(self["price"])
            models.set_price(self.model, self.place, price)

    @property
    def provider(self) -> Provider | None:
        """The provider that is named, else the one at the base URL's host, or None."""
        name = self["provider"]
        return providers.at(self.place) if name is None else providers.named(name)

    @property
    def key_owner(self) -> KeyOwner:
        """Host and variables of the endpoint's key."""
        named = self["provider"]
        paired = self.layer("base_url") == "environment"
        provider = None if named is None else providers.named(named)
        return KeyOwner.of(self.place, provider, paired=paired)

    @property
    def place(self) -> str:
        """The base URL in force; the hosted service's if none, also in the sandbox."""
        url = self["base_url"]
        return HOSTED_URL if url is None else endpoint_url.trimmed(url)

    @property
    def params(self) -> dict[str, Any]:
        """The request parameters that are set, in table order."""
        return {name: self.held[name] for name in parameters.NAMES if name in self.held}


OF_A_PROVIDER = ("base_url", "headers", "price")
"""Settings that belong to one provider."""


def drop_headers(
    values: dict[str, Any],
    origin: dict[str, str],
    layers: Mapping[str, Mapping[str, Any]],
) -> None:
    """Drop the headers of a layer that has a base URL, if another URL is in force."""
    at = origin.get("headers")
    if at is not None and "base_url" in layers[at] and origin["base_url"] != at:
        del values["headers"], origin["headers"]


def with_provider(values: dict[str, Any], origin: dict[str, str]) -> Resolved:
    """Add the base URL of the provider, unless a layer as high sets one.

    A base URL, headers and a price of a lower layer belong to another endpoint.
    """
    name = values.get("provider")
    if name is not None:
        rank = LAYERS.index(origin["provider"])
        for other in OF_A_PROVIDER:
            if other in values and LAYERS.index(origin[other]) > rank:
                del values[other], origin[other]
        if "base_url" not in values:
            values["base_url"] = providers.named(name).base_url
            origin["base_url"] = origin["provider"]
    return Resolved(values, origin)
