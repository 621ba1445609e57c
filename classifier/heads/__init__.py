"""The heads. Importing this package registers them all."""

from classifier.heads import gru, mlp, stgcn, tcn, transformer
from classifier.heads.model import HeadModel
from classifier.heads.registry import build, names, register

__all__ = ["HeadModel", "build", "gru", "mlp", "names", "register", "stgcn", "tcn", "transformer"]
