"""The figures of a report, each file one kind of them, drawn with matplotlib at paper size and written as PNG."""
