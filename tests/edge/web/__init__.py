"""Tests of the web screen."""
