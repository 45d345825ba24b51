"""Packages whose `__init__` imports all they have, of which a tool needs a module or two, imported name by name.

Three quarters of the start of a task of the network went to transforms, data sets and nets that nobody asked for.
Python's own lazy imports (PEP 810) take this file's place from 3.15 on.
"""

import ast
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.metadata import version
from importlib.util import resolve_name
from types import CodeType, ModuleType
from typing import Any


class _Package(ModuleType):
    """A package whose names are imported when somebody asks for them.

    Attributes:
        homes: of each name that its `__init__` imports of its own modules, the module and the name there.
        starred: modules of which it imports every name.
    """

    homes: dict[str, tuple[str, str]]
    starred: list[str]

    def __getattr__(self, name: str) -> Any:
        try:
            value = version(self.__name__) if name == "__version__" else self._import(name)
        except ModuleNotFoundError as error:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from error
        self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        # A submodule is bound to its parent on import, and would hide a function of its name
        if name not in self.homes or not isinstance(value, ModuleType):
            super().__setattr__(name, value)

    def _import(self, name: str) -> Any:
        home, own = self.homes.get(name, (self.__name__, name))
        for module in [home] if home != self.__name__ else self.starred:
            found = import_module(module)
            if hasattr(found, own):
                return getattr(found, own)
        return import_module(f"{home}.{own}")


class _Loader(SourceFileLoader):
    """Reads of an `__init__` where the package's names come from, and runs nothing of it but what it `sets`."""

    def __init__(self, fullname: str, path: str, sets: bool) -> None:
        super().__init__(fullname, path)
        self._sets = sets

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the lines that set or call something, which importlib runs, if these are wanted."""
        lines = ast.parse(self.get_data(self.path)).body if self._sets else []
        own: list[ast.stmt] = [node for node in lines if isinstance(node, ast.Import | ast.Assign | ast.Expr)]
        return compile(ast.Module(own, []), self.path, "exec")

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        homes: dict[str, tuple[str, str]] = {}
        starred: list[str] = []
        for node in ast.parse(self.get_data(self.path)).body:
            if not isinstance(node, ast.ImportFrom):
                continue
            home = resolve_name("." * node.level + (node.module or ""), name)
            if home.partition(".")[0] != name.partition(".")[0]:
                continue
            starred += [home for alias in node.names if alias.name == "*"]
            homes |= {alias.asname or alias.name: (home, alias.name) for alias in node.names if alias.name != "*"}
        module.__dict__.update(homes=homes, starred=starred)
        module.__class__ = _Package
        super().exec_module(module)


class _Finder(MetaPathFinder):
    def __init__(self, packages: Sequence[str], sets: Sequence[str]) -> None:
        self._packages, self._sets = packages, sets

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not any(f"{fullname}.".startswith(f"{package}.") for package in self._packages):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin and spec.submodule_search_locations:
            spec.loader = _Loader(fullname, spec.origin, fullname in self._sets)
        return spec


def import_lazily(*packages: str, sets: Sequence[str] = ()) -> None:
    """Have these packages, and those within them, import each name on its first use, wherever they are not yet loaded.

    Only for packages whose `__init__` does nothing else that is needed: it is read, not run. Of those among them that
    `sets` names it is run as far as it assigns and calls.
    """
    sys.meta_path.insert(0, _Finder(packages, sets))
