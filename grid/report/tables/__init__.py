"""The tables of a report, each file one of them: from the results of a grid to a `Table`."""
