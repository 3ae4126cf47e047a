"""How all of it is started: the `runfold` command, the local stack, the demo."""
