"""Measured profiles."""
