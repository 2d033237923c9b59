"""A dotted name of the engine means the module it spells."""

import importlib
import pkgutil
from types import ModuleType

import pymargins.mixed


def test_nothing_bears_the_name_of_its_module():
    for info in pkgutil.walk_packages(pymargins.mixed.__path__, "pymargins.mixed."):
        module = importlib.import_module(info.name)
        name = info.name.rpartition(".")[2]
        assert isinstance(vars(module).get(name, module), ModuleType), info.name
        assert isinstance(getattr(pymargins.mixed, name, module), ModuleType), info.name
