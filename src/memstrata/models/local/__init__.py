"""The home of tensors: models whose weights lie on this machine. Only here is torch imported, and only when needed."""
