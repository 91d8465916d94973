"""Owns tables, figures and pages made from the results of a grid, whatever store or tracker these came from.

GridResults --tables--> Table --writers--> Markdown, CSV, LaTeX, HTML, terminal
            --matrix, summary--> figures (PNG)
"""
