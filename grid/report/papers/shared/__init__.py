"""Code that several tables of one paper share, and the reader of the figures that papers state."""
