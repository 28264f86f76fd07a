"""The paper's FODO study: its tables and figures, beside the published numbers.

Y. Hao et al., A hybrid physics and data-driven modeling framework for accelerators with automatic
differentiation.
"""
