"""Measures what we claim: each module prints figures beside their limits."""
