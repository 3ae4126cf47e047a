-- One number per workspace that grows whenever anything is folded there.
SELECT workspace, sum(next_offset)
FROM state.positions
WHERE workspace = ANY(%(workspaces)s)
GROUP BY workspace
