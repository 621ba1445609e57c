"""Settings: one YAML per thing that a user may want to change, each checked by one typed schema."""

from configs.loader import load, load_actions
from configs.schema import Action, Actions, RangeOfMotion

__all__ = ["Action", "Actions", "RangeOfMotion", "load", "load_actions"]
