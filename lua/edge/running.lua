-- Running: what runs in this runtime: `env` once there is a tree, `directory`, that of its script, `generation`,
-- and `place`, for what of a guest its state has been confined.
-- And what else outlasts the modules that keep it: one that is not needed any more may be dropped, and loaded again.

return {}
