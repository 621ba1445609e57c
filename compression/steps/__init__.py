"""The steps of a plan, a module each; `compression.plan` finds a step by the name of its module."""
