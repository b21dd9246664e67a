"""One server for all programs, each edition's programs built once, all runs queued."""

import pytest

from tests.languages.answers import answer
from tests.languages.runs import Shop
from tests.languages.toolchains import demand
from tests.loopback import Loopback

SHOP = pytest.StashKey[Shop]()


@pytest.fixture(scope="session")
def shop(request, tmp_path_factory):
    """Every run that a selected test asks for."""
    params = [getattr(item, "callspec", None) for item in request.session.items]
    asked = [spec.params["ran"] for spec in params if spec and "ran" in spec.params]
    runs = [run for run in dict.fromkeys(asked) if not _absent(run.edition)]
    with Loopback(answer) as server:
        shop = Shop(server, tmp_path_factory.mktemp("languages"), runs)
        request.config.stash[SHOP] = shop
        yield shop
        shop.close()


def _absent(edition):
    """What is missing of an edition, in words."""
    if edition.home is None and not edition.is_newest:
        return edition.tried
    return edition.toolchain.missing(edition.home)


@pytest.fixture
def ran(request, shop):
    """The run of the test's parameter, when it has ended."""
    edition = request.param.edition
    everywhere = edition.is_newest and edition.toolchain.everywhere
    demand(_absent(edition), everywhere=everywhere)
    return shop.ran(request.param)


def pytest_terminal_summary(terminalreporter, config):
    """Tell what each language was run with, and how long it took."""
    shop = config.stash.get(SHOP, None)
    for edition, (built, ran) in sorted(
        shop.seconds.items() if shop else (), key=lambda item: item[0].key
    ):
        terminalreporter.write_line(
            f"{edition.key}: {edition.tried} (found {edition.found()}): "
            f"built in {built:.1f} s, runs of {ran:.1f} s together"
        )
