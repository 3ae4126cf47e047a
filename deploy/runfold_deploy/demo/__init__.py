"""The first five minutes: a real training on a real stack, and the run as a person would like to read it."""
