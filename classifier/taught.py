"""Actions that a head was taught: defined in its card, since configs/actions.yaml does not have them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from configs.schema import Action, Actions
from keypoints.card import CardAction
from keypoints.errors import ModelError


def with_taught(actions: Actions, classes: Sequence[CardAction]) -> Actions:
    """`actions`, and those of a head's classes that define themselves; what `actions` says of a name goes first.

    Raises ModelError for a definition that is none.
    """
    known = dict(actions.actions)
    for entry in classes:
        if entry.definition is None or entry.name in known:
            continue
        try:
            known[entry.name] = Action.model_validate(entry.definition)
        except ValidationError as error:
            raise ModelError(error.errors()[0]["msg"], field=f"actions.{entry.name}.definition") from None
    return actions.model_copy(update={"actions": known})
