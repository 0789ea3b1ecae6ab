"""Where the data of our packages lies, wherever they are installed."""

import importlib.metadata
import importlib.util
import sys
from functools import lru_cache
from importlib.metadata import EntryPoints
from pathlib import Path

from crossdock.errors import Misconfigured


def package_folder(package: str) -> Path:
    """The folder of a package, found without running it (its parents are imported)."""
    try:
        spec = importlib.util.find_spec(package)
    except ImportError as error:
        raise Misconfigured(f"package {package!r} cannot be found: {error}") from error
    if spec is None or not spec.submodule_search_locations:
        raise Misconfigured(f"package {package!r} cannot be found; install it again")
    return Path(next(iter(spec.submodule_search_locations))).resolve()


def entry_points(*, group: str) -> EntryPoints:
    """What installed packages offer under this name. Looked up once for each ``sys.path``: it reads the description
    of every package there is."""
    return _entry_points(group, tuple(sys.path))


@lru_cache(maxsize=16)
def _entry_points(group: str, path: tuple[str, ...]) -> EntryPoints:
    return importlib.metadata.entry_points(group=group)
