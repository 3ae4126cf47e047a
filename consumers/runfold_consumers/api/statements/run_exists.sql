SELECT run_id FROM state.runs WHERE workspace = %(workspace)s AND run_id = %(run_id)s
