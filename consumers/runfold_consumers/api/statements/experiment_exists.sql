-- An experiment exists from its first fact, and from the first run that is said to be in it.
SELECT experiment FROM state.experiments WHERE workspace = %(workspace)s AND experiment = %(experiment)s
UNION
SELECT experiment FROM state.runs WHERE workspace = %(workspace)s AND experiment = %(experiment)s
LIMIT 1
