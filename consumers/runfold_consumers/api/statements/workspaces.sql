-- Workspaces that something was folded in.
SELECT DISTINCT workspace FROM state.positions ORDER BY workspace
