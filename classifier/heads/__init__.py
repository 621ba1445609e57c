"""The heads. Each module of this package registers its own: a further head is one more file here."""

from importlib import import_module
from pkgutil import iter_modules

from classifier.heads.model import HeadModel
from classifier.heads.registry import bodies, build, names, register

__all__ = ["HeadModel", "bodies", "build", "names", "register"]

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
