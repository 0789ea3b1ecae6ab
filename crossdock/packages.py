"""Where the data of our packages lies, wherever they are installed."""

import importlib.util
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
