SELECT attempt FROM state.runs WHERE workspace = %(workspace)s AND run_id = %(run_id)s
