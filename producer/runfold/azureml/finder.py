"""The import hook: a meta-path finder that serves the modules of `names` below `azureml`.

Its modules hold no code. An attribute is looked up in Runfold when it is first used, so an import of azureml.core costs
as little as that of runfold. All of them are packages without a path, so that Python asks the finder for a name that
they do not have, and the finder can say what exists.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

from runfold import notices

from .names import CARRIED, REASONS

ROOT = "azureml"
_IMPORTING = "_find_and_load_unlocked"  # the function of importlib that imports; find_spec of importlib.util asks only


class NotCarriedError(ModuleNotFoundError):
    """A name of the original that Runfold does not carry; the text lists what exists.

    `name` is the module that was asked: Python would otherwise take the failed look-up for an ordinary one and replace
    the text.
    """


class _Module(ModuleType):
    def __getattr__(self, name: str) -> object:
        full = f"{self.__name__}.{name}"
        home = CARRIED[self.__name__].get(name)
        if home is None and name.startswith("__"):  # asked of every module, by Python itself too
            raise AttributeError(name)
        if home is not None:
            found: object = getattr(import_module(home), name)
        elif full in CARRIED:
            found = import_module(full)
        elif full in sys.modules:  # of another distribution
            found = sys.modules[full]
        else:
            raise AttributeError(f"{full} is not carried by Runfold. {_existing(self.__name__)}")
        setattr(self, name, found)
        return found

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *CARRIED[self.__name__], *_submodules(self.__name__)})


class Finder:
    """Finder and loader of the carried modules."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`.

        :raises NotCarriedError: An import asks for a name below `azureml` that nobody has.
        """
        if fullname in CARRIED:
            spec = ModuleSpec(fullname, self, origin="runfold.azureml", is_package=True)  # type: ignore[arg-type]
            if fullname == ROOT:  # other distributions have modules there too
                spec.submodule_search_locations = _original_path()
            return spec
        parent, _, _ = fullname.rpartition(".")
        if parent not in CARRIED:
            return None
        other = PathFinder.find_spec(fullname, path) if path else None
        if other is not None or not _is_import():
            return other
        raise NotCarriedError(f"{_reason(fullname)} {_existing(parent)}", name=parent)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty module, whose attributes are looked up when they are used."""
        module = _Module(spec.name, f"{spec.name}, carried by Runfold: see runfold.azureml.")
        module.__dict__["__all__"] = [name for name in CARRIED[spec.name] if not name.startswith("_")]
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is left to run."""


def install(replace: bool = False) -> bool:
    """From here on `import azureml.core` and its neighbours resolve to Runfold in this process.

    :param replace: Whether an installed original is shadowed too; modules of it that were imported are dropped, objects
        that were made from them stay what they are.
    :returns: Whether they do: False when the original is installed and stays.
    """
    if any(isinstance(each, Finder) for each in sys.meta_path):
        return True
    installed = _installed()
    if installed and not replace:
        notices.once(
            "azureml",
            f"{installed} is installed and stays what azureml.core means here; "
            "runfold.azureml.install(replace=True), or `runfold exec`, takes its place.",
        )
        return False
    _drop()
    sys.meta_path.insert(0, Finder())
    return True


def uninstall() -> None:
    """Undoes `install`; names that were imported stay what they are."""
    sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, Finder)]
    _drop()


def _drop() -> None:
    """Forgets imported modules that are, or were, carried."""
    for name in list(sys.modules):
        if name == ROOT or any(name == each or name.startswith(f"{each}.") for each in CARRIED if each != ROOT):
            del sys.modules[name]


def _installed() -> str | None:
    """The original, in words; None where it is not installed."""
    if PathFinder.find_spec(f"{ROOT}.core", _original_path()) is None and f"{ROOT}.core" not in sys.modules:
        return None
    try:
        return f"azureml-core {version('azureml-core')}"
    except PackageNotFoundError:
        return "azureml-core"


def _original_path() -> list[str]:
    spec = PathFinder.find_spec(ROOT)
    return list(spec.submodule_search_locations or ()) if spec is not None else []


def _is_import() -> bool:
    frame = sys._getframe(2)  # find_spec's caller
    for _ in range(2):
        if frame.f_code.co_name == _IMPORTING:
            return True
        if frame.f_back is None:
            break
        frame = frame.f_back
    return False


def _reason(fullname: str) -> str:
    told = next((text for name, text in REASONS.items() if fullname == name or fullname.startswith(f"{name}.")), None)
    return f"{fullname} is not carried by Runfold{f': {told}' if told else ''}."


def _existing(module: str) -> str:
    names = sorted({*CARRIED[module], *_submodules(module)}, key=str.lower)
    return f"{module} has: {', '.join(names)}."


def _submodules(module: str) -> list[str]:
    start = f"{module}."
    return [name.removeprefix(start) for name in CARRIED if name.startswith(start) and "." not in name[len(start) :]]
