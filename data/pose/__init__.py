"""Labelled pictures of other sets, written in the layout that pose models learn from."""
