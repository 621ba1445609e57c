"""Workouts: a plan of sets and rests, how far a person is in it, and what they are told meanwhile."""
