"""The formats of tables and pages: each file writes a `Table`, and some a `Page`, in one of them."""
