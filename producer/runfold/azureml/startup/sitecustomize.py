"""What Python runs at its start in processes of `runfold exec` and of submitted scripts (`runfold.azureml.children`).

An import of azureml installs Runfold's drop-in. Whatever interpreter finds this file by its PYTHONPATH runs it, also
one that knows no Runfold: so it uses the standard library alone, and fails at nothing.
"""

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec


class _Door:
    """Waits for the first import of azureml."""

    def find_spec(self, fullname, path=None, target=None):  # type: ignore[no-untyped-def]
        """Installs the drop-in, and lets it answer."""
        if fullname != "azureml":
            return None
        sys.meta_path.remove(self)
        try:
            import runfold.azureml as drop_in
        except ImportError:  # this interpreter has no Runfold
            return None
        drop_in.install(replace=os.environ.get("RUNFOLD_AZUREML") == "replace")
        for each in sys.meta_path:
            spec = each.find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None


def _start() -> None:
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib costs every interpreter 5 ms
    sys.path[:] = [part for part in sys.path if part != here]  # PYTHONPATH stays for the processes started from here
    if os.environ.get("RUNFOLD_AZUREML"):
        sys.meta_path.insert(0, _Door())
    following = PathFinder.find_spec("sitecustomize")
    if following is not None and following.loader is not None:
        module = module_from_spec(following)
        sys.modules["sitecustomize"] = module
        following.loader.exec_module(module)


_start()
