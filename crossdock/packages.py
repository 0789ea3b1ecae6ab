"""Where packages lie, wherever they are installed; and folders that are packages although no path leads to them."""

import importlib
import importlib.metadata
import importlib.util
import sys
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import EntryPoints
from pathlib import Path
from types import ModuleType

from crossdock.errors import CrossdockError, Misconfigured


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


def package_of(root: Path) -> str:
    """The package that the folders of this folder belong to, which need not be on ``sys.path``."""
    package = f"crossdock_of_{sha256(str(root).encode()).hexdigest()[:12]}"
    adopt(package, root)
    return package


def adopt(name: str, folder: Path) -> None:
    """Makes a folder outside ``sys.path`` importable under a name of its own."""
    if name in sys.modules:
        return
    start = folder / "__init__.py"
    if start.is_file():
        spec = importlib.util.spec_from_file_location(name, start, submodule_search_locations=[str(folder)])
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    else:
        module = ModuleType(name)
        module.__path__ = [str(folder)]
        sys.modules[name] = module


def imported(name: str, *, why: str) -> ModuleType:
    """This module. Raises ``Misconfigured``, whatever it raises itself; ``why`` begins the complaint."""
    try:
        return importlib.import_module(name)
    except CrossdockError:
        raise
    except (Exception, SystemExit) as error:
        # Code of others may fail in any way while it loads, or end us; the complaint names it, the rest goes on.
        raise Misconfigured(f"{why}: module {name} does not load: {type(error).__name__}: {error}") from error
