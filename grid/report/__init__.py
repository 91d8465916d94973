"""Tables, figures and pages made from the results of a grid, which may be read from its store or from MLflow.

GridResults --tables--> Table --writers--> Markdown, CSV, LaTeX, HTML, terminal
            --figures--> PNG
"""
