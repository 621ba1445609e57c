"""The heads. Importing this package registers them all."""

from classifier.heads import classic, gru, mlp, stgcn, tcn, transformer
from classifier.heads.model import HeadModel
from classifier.heads.registry import bodies, build, names, register

__all__ = ["HeadModel", "bodies", "build", "classic", "gru", "mlp", "names", "register", "stgcn", "tcn", "transformer"]
