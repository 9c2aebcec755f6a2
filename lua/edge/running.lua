-- Running: what runs in this runtime: `env` once there is a tree, `directory`, that of its script, and `generation`. It is
-- here that modules keep what outlasts them: one that is not needed any more may be dropped, and loaded again.

return {}
