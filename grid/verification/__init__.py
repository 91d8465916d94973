"""Checks a whole store: every record, digest and file; says what is damaged and deletes exactly the damaged steps."""
