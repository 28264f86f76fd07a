"""Slopes are columns of the table."""

assert "d_growth/d_q1.k1" in printed
