"""Pose models fine-tuned through Ultralytics (the workshop half: nothing of the runner imports it)."""
