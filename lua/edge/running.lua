-- Running: what runs in this runtime: `env` once there is a tree, and `directory`, that of its script.

return {}
