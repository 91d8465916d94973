"""One adapter per upstream codec family; a module has the name of its adapter, with `_` for `-`."""
