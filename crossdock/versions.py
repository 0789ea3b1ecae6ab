"""The versions under which a thing is read, meant and decided: noted with what fails, and compared when it is run
again "as then".

One version of each is installed at a time. So "as then" is a condition and no time machine: it runs only while what
is installed is what it failed under, and says what is another now.
"""

from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256

from canonical.schemas import names
from crossdock.errors import Misconfigured
from crossdock.partners import Partners
from crossdock.registry import Registry


class Versions:
    """What is installed in this process."""

    def __init__(self, *, registry: Registry, partners: Partners, routes: Callable[[], str]) -> None:
        """``routes``: the version of the decision table, a hash of its files; asked for when it is compared."""
        self._registry = registry
        self._partners = partners
        self._routes = routes

    def of(self, source: str, partner: str | None, mapping: Mapping[str, str]) -> dict[str, str]:
        """What a part of this source's and this partner's is handled with. ``mapping``: what read it, if it came so
        far: ``{"mapping": "x12/855/3"}``."""
        return {
            "crossdock": _program(),
            "connector": f"{source}/{self._connector(source)}",
            "routes": self._table(),
            "schemas": _schemas(),
            **({"partner": f"{partner}/{self._profile(partner)}"} if partner else {}),
            **mapping,
        }

    def missing(self, source: str, then: Mapping[str, str]) -> list[str]:
        """Which of the versions that were noted then are not installed now, each as a sentence. Empty: all are."""
        if not then:
            return ["under which versions it failed was not noted"]
        partner, _, _ = then.get("partner", "").rpartition("/")
        document, _, _ = then.get("mapping", "").rpartition("/")
        now = self.of(source, partner or None, {"mapping": self._mapping(document)} if document else {})
        return differences(then, now)

    def _connector(self, source: str) -> str:
        manifest = self._registry.manifests().get(source)
        return manifest.version if manifest is not None else "none"

    def _table(self) -> str:
        try:
            return self._routes()
        except Misconfigured:
            return "none"

    def _profile(self, partner: str) -> str:
        try:
            return _digest(self._partners.path_of(self._partners.named(partner)).read_bytes())
        except (Misconfigured, KeyError, OSError):
            return "none"

    def _mapping(self, name: str) -> str:
        found = [each for each in self._registry.inbound_mappings().values() if each.name == name]
        return f"{name}/{found[0].version if found else 'none'}"


def differences(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What was noted then and is another now. What was not noted is not compared."""
    return [
        f"{name} {then[name]} is not installed any more: it is {now.get(name, 'none')}"
        for name in sorted(then)
        if now.get(name) != then[name]
    ]


@cache
def _program() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("crossdock")
    except PackageNotFoundError:
        return "none"


@cache
def _schemas() -> str:
    return ", ".join(f"{name}/{versions[-1]}" for name, versions in sorted(names().items()))


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:12]
