"""Provider SDKs that load when they are first touched, so that reading a stack file does not pay for them."""

import importlib
from types import ModuleType
from typing import Any


class _Lazy(ModuleType):
    """Stands for a module. Unlike importlib's own, it is not in sys.modules, where anything that looks around would load it."""

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self.__name__), attribute)


def lazy(name: str) -> ModuleType:
    """The module `name`, imported at the first attribute that is read from it, which raises ModuleNotFoundError if there is none."""
    return _Lazy(name)
